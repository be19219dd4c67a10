package sound

import (
	"encoding/binary"

	"github.com/gen2brain/malgo"
)

// The driver's part of the delay of a loudspeaker.
const (
	playPiece = 10 // ms
	playPool  = 3  // pieces
)

// Speaker is an opened loudspeaker.
type Speaker struct {
	stream *stream
	buffer jitterBuffer
	piece  []int16 // owned by the thread of the sound library
}

// OpenSpeaker opens the loudspeaker with that name, or part of one, or address (see [Device]); empty is
// the system's default. It returns [ErrNoDevice] if there is none.
func OpenSpeaker(device string) (*Speaker, error) {
	s := &Speaker{buffer: newJitterBuffer()}
	config := malgo.DeviceConfig{
		DeviceType: malgo.Playback, PeriodSizeInMilliseconds: playPiece, Periods: playPool,
		SampleRate: Rate, Playback: malgo.SubConfig{Format: malgo.FormatS16, Channels: 1},
		NoFixedSizedCallback: 1, NoPreSilencedOutputBuffer: 1,
	}
	var err error
	s.stream, err = openStream(config, device, func(*malgo.Device) (handler, error) { return s.speak, nil })
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Play adds samples, mono and [Rate] per second, to what will be played. Sound begins 60 ms after it was
// added, so that what follows may come a little late; when more than 200 ms would wait, the oldest are
// dropped. It never blocks, and does nothing once the loudspeaker is lost or closed. Two who play at the
// same time are not mixed but alternate.
func (s *Speaker) Play(samples []int16) { s.buffer.push(samples) }

// speak runs on a thread of the sound library.
func (s *Speaker) speak(out, _ []byte) {
	n := len(out) / 2
	if len(s.piece) < n {
		s.piece = make([]int16, n)
	}
	s.buffer.pull(s.piece[:n])
	for i, sample := range s.piece[:n] {
		binary.LittleEndian.PutUint16(out[2*i:], uint16(sample))
	}
}

// Lost is closed when the loudspeaker is lost or closed. [Speaker.Err] then says why.
func (s *Speaker) Lost() <-chan struct{} { return s.stream.lost }

// Err says why the loudspeaker does not play any more, and nil while it does.
func (s *Speaker) Err() error {
	select {
	case <-s.stream.lost:
		return s.stream.err
	default:
		return nil
	}
}

// Close frees the loudspeaker; what waits is not played. It waits for the driver, up to 5 s; the error
// says that it did not let go. Closing twice is harmless.
func (s *Speaker) Close() error { return s.stream.close() }
