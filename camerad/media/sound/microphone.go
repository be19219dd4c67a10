package sound

import (
	"sync"

	"github.com/gen2brain/malgo"
)

// The sound that waits for the reader, beyond which the oldest is dropped, and that of the driver.
const (
	maxWaiting   = Rate / 5
	capturePiece = 10 // ms
	capturePool  = 10 // pieces: 100 ms without a turn for our thread lose nothing
)

// Microphone is an opened microphone.
type Microphone struct {
	stream    *stream
	converter converter
	resampled []int16

	mu      sync.Mutex
	waiting queue
	arrived chan struct{} // size 1
}

// OpenMicrophone opens the microphone with that name, or part of one, or address (see [Device]); empty
// is the system's default. It returns [ErrNoDevice] if there is none.
func OpenMicrophone(device string) (*Microphone, error) {
	m := &Microphone{waiting: newQueue(maxWaiting), arrived: make(chan struct{}, 1)}
	config := malgo.DeviceConfig{
		DeviceType: malgo.Capture, PeriodSizeInMilliseconds: capturePiece, Periods: capturePool,
		// Format, channels and rate are left to the device: miniaudio's conversion reads beyond its buffer
		// when a card is pulled out, and ends the program.
		NoFixedSizedCallback: 1,
	}
	var err error
	m.stream, err = openStream(config, device, m.begin)
	if err != nil {
		return nil, err
	}
	return m, nil
}

func (m *Microphone) begin(d *malgo.Device) (handler, error) {
	var err error
	m.converter, err = newConverter(d.CaptureFormat(), int(d.CaptureChannels()), int(d.SampleRate()))
	return m.hear, err
}

// hear runs on a thread of the sound library.
func (m *Microphone) hear(_, in []byte) {
	m.resampled = m.converter.convert(m.resampled[:0], in)
	m.mu.Lock()
	m.waiting.push(m.resampled)
	m.mu.Unlock()
	select {
	case m.arrived <- struct{}{}:
	default:
	}
}

// ReadSound waits until samples, mono and [Rate] per second, is filled with the sound after that of the
// last call; of sound that nobody reads, the newest 200 ms are kept. It returns an error when the
// microphone is closed, or lost, which it also is after 3 s without sound. It has one caller.
func (m *Microphone) ReadSound(samples []int16) error {
	for {
		m.mu.Lock()
		n := m.waiting.pop(samples)
		m.mu.Unlock()
		samples = samples[n:]
		if len(samples) == 0 {
			return nil
		}
		select {
		case <-m.arrived:
		case <-m.stream.lost:
			return m.stream.err
		}
	}
}

// Close frees the microphone and ends ReadSound. It waits for the driver, up to 5 s; the error says that
// it did not let go. Closing twice is harmless.
func (m *Microphone) Close() error { return m.stream.close() }
