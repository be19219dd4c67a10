package source

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"sync"
)

// newest is how many samples of sound are kept for a late listener: 200 ms.
const newest = SoundRate / 5

// coupled is a [coded] stream that may have sound.
type coupled struct{ *coded }

// ReadSound implements Sounding.
func (c coupled) ReadSound(samples []int16) error {
	if c.sound == nil {
		return ErrNoSound
	}
	return c.sound.read(c.ctx, samples)
}

// soundPipe reads sound all the time, lest its writer waits, which writes the pictures, too. It keeps
// the newest.
type soundPipe struct {
	came  chan struct{} // holds a signal that samples came
	ended chan struct{} // closed when no more will come

	mu   sync.Mutex
	kept []int16 // at most newest, oldest first
}

// newSoundPipe reads 16-bit little-endian samples from r until it ends or fails, in a goroutine.
func newSoundPipe(r io.Reader) *soundPipe {
	s := &soundPipe{came: make(chan struct{}, 1), ended: make(chan struct{})}
	go s.run(r)
	return s
}

func (s *soundPipe) run(r io.Reader) {
	defer close(s.ended)
	buf, n := make([]byte, 4096), 0
	for {
		more, err := r.Read(buf[n:])
		n += more
		s.keep(buf[:n&^1])
		if n&1 == 1 { // half a sample
			buf[0] = buf[n-1]
		}
		if n &= 1; err != nil {
			return
		}
	}
}

func (s *soundPipe) keep(data []byte) {
	s.mu.Lock()
	for ; len(data) > 0; data = data[2:] {
		s.kept = append(s.kept, int16(binary.LittleEndian.Uint16(data)))
	}
	if late := len(s.kept) - newest; late > 0 {
		s.kept = append(s.kept[:0], s.kept[late:]...)
	}
	s.mu.Unlock()
	select {
	case s.came <- struct{}{}:
	default:
	}
}

// take moves the oldest samples to the front of samples and returns how many.
func (s *soundPipe) take(samples []int16) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := copy(samples, s.kept)
	s.kept = append(s.kept[:0], s.kept[n:]...)
	return n
}

// read fills samples.
func (s *soundPipe) read(ctx context.Context, samples []int16) error {
	for {
		samples = samples[s.take(samples):]
		if len(samples) == 0 {
			return nil
		}
		select {
		case <-s.came:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.ended:
			return errors.New("the sound has ended")
		}
	}
}
