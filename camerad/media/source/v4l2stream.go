package source

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"os"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// cameraBuffers is how many pictures the driver may fill while one is worked on.
	cameraBuffers = 4
	// cameraPatience is how long a camera may be silent.
	cameraPatience = 5 * time.Second
	// cameraWait is how long the end of the context may stay unseen.
	cameraWait = 50 * time.Millisecond
)

// cameraStream reads from a V4L2 device that streams into mapped buffers. A picture is copied out
// before its buffer is given back, so the driver never writes into what is being read.
type cameraStream struct {
	node   *node
	ask    ioctl                             // the node's
	poll   func(time.Duration) (failed bool) // the node's
	ctx    context.Context
	end    context.CancelCauseFunc
	format Format
	decode decoder
	newest bool // pictures that came while the last one was worked on are skipped

	reading sync.Mutex // held by Read, and by Close after it
	buffers [][]byte
	data    []byte // the picture as the driver gave it
}

// decoder makes a frame of what the driver gave. It does not keep data, which is overwritten next.
type decoder func(data []byte) (Frame, error)

// openStream starts the camera that n is, and owns n from then on, also after an error.
func openStream(ctx context.Context, n *node, want Video, format CameraFormat) (Stream, error) {
	s := &cameraStream{node: n, ask: n.ioctl, poll: n.poll}
	s.ctx, s.end = context.WithCancelCause(ctx)
	if err := s.start(want, format); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *cameraStream) start(want Video, format CameraFormat) error {
	formats := deviceFormats(s.ask, image.Pt(want.Width, want.Height))
	mode, ok := chooseMode(cameraModes(formats, want), want, format, steerableH264(s.ask))
	if !ok {
		return noMode(s.node.name, formats, format)
	}
	return s.begin(mode, want)
}

func (s *cameraStream) begin(mode cameraMode, want Video) error {
	if err := s.configure(mode, want); err != nil {
		return err
	}
	if err := s.mapBuffers(); err != nil {
		return cameraError(s.node.name, "prepare", err)
	}
	kind := int32(v4l2Capture)
	if err := s.ask(v4l2StreamOn, unsafe.Pointer(&kind)); err != nil {
		return cameraError(s.node.name, "start", err)
	}
	return nil
}

// configure sets size, format and rate. What the driver makes of them is what counts.
func (s *cameraStream) configure(mode cameraMode, want Video) error {
	got := v4l2Format{kind: v4l2Capture, v4l2Pixels: v4l2Pixels{
		width: uint32(mode.size.X), height: uint32(mode.size.Y), pixels: mode.pixels, field: v4l2FieldNone,
	}}
	if err := s.ask(v4l2SetFormat, unsafe.Pointer(&got)); err != nil {
		return cameraError(s.node.name, "set up", err)
	}
	if got.pixels != mode.pixels || got.width == 0 || got.height == 0 || got.width%2+got.height%2 != 0 {
		return fmt.Errorf("camera %s was asked for %s of %v and gave %s of %dx%d, which cannot be used; choose another size or format",
			s.node.name, mode.pixels, mode.size, got.pixels, got.width, got.height)
	}
	s.format = Format{Codec: Raw, Width: int(got.width), Height: int(got.height), FPS: setRate(s.ask, mode.fps, want.FPS)}
	s.newest = true
	switch mode.pixels {
	case pixelsH264:
		s.format.Codec, s.newest = H264, false
		steerH264(s.ask, want, s.format.FPS)
		s.decode = new(unitDecoder).decode
	case pixelsMJPEG, pixelsJPEG:
		s.decode = decodeMJPEG(s.format)
	default:
		s.decode = newPixelDecoder(got.v4l2Pixels).decode
	}
	return nil
}

// setRate asks for the mode's rate, or the wanted one if that is unknown, and returns the rate that is
// most probably kept. Not every camera lets it be set, which is no reason not to use it.
func setRate(ask ioctl, rate float64, want int) int {
	if rate <= 0 {
		rate = float64(want)
	}
	parm := v4l2StreamParm{kind: v4l2Capture, interval: v4l2Interval{1000, uint32(math.Round(1000 * rate))}}
	if ask(v4l2SetParm, unsafe.Pointer(&parm)) == nil && parm.interval.rate() > 0 {
		rate = parm.interval.rate()
	}
	return max(1, int(math.Round(rate)))
}

func (s *cameraStream) mapBuffers() error {
	request := v4l2RequestBuffers{count: cameraBuffers, kind: v4l2Capture, memory: v4l2Mmap}
	if err := s.ask(v4l2RequestBufs, unsafe.Pointer(&request)); err != nil {
		return err
	}
	for i := range request.count {
		buffer := v4l2Buffer{index: i, kind: v4l2Capture, memory: v4l2Mmap}
		if err := s.ask(v4l2QueryBuffer, unsafe.Pointer(&buffer)); err != nil {
			return err
		}
		memory, err := s.node.mmap(int64(uint32(buffer.offset)), int(buffer.length))
		if err != nil {
			return err
		}
		s.buffers = append(s.buffers, memory)
		if err := s.queue(i); err != nil {
			return err
		}
	}
	return nil
}

// Format implements Stream.
func (s *cameraStream) Format() Format { return s.format }

// Read implements Stream. Damaged pictures are skipped; a camera that has given no whole one for 5 s,
// or is gone, is an error.
func (s *cameraStream) Read() (Frame, error) {
	s.reading.Lock()
	defer s.reading.Unlock()
	deadline := time.Now().Add(cameraPatience)
	var damage error
	for time.Now().Before(deadline) {
		if err := context.Cause(s.ctx); err != nil {
			return Frame{}, err
		}
		at, err := s.take()
		if errors.Is(err, unix.EAGAIN) {
			err = s.wait()
		} else if err == nil {
			frame, problem := s.decode(s.data)
			if problem == nil {
				frame.At = at
				return frame, nil
			}
			damage = problem
		}
		if err != nil {
			return Frame{}, cameraError(s.node.name, "read", err)
		}
	}
	return Frame{}, s.silent(damage)
}

// silent says that the camera gave nothing for [cameraPatience].
func (s *cameraStream) silent(damage error) error {
	err := fmt.Errorf("camera %s has given no picture for %v; unplug it and plug it in again", s.node.name, cameraPatience)
	if damage != nil {
		err = fmt.Errorf("%w (it gave something that could not be used: %w)", err, damage)
	}
	return err
}

// wait waits for the next picture, for a short time. A device that has failed says why when it is
// asked for a picture.
func (s *cameraStream) wait() error {
	if !s.poll(cameraWait) {
		return nil
	}
	_, err := s.take()
	if errors.Is(err, unix.EAGAIN) {
		return unix.EIO
	}
	return err
}

// take copies the next picture to s.data, or the newest one, and returns when it was captured. The
// error is [unix.EAGAIN] while there is none.
func (s *cameraStream) take() (time.Time, error) {
	picture, err := s.dequeue()
	if err != nil {
		return time.Time{}, err
	}
	for s.newest {
		newer, err := s.dequeue()
		if err != nil {
			break // if it is not that there is none, the next call meets it again
		}
		if err := s.queue(picture.index); err != nil {
			return time.Time{}, err
		}
		picture = newer
	}
	memory := s.buffers[picture.index]
	s.data = append(s.data[:0], memory[:min(int(picture.bytesUsed), len(memory))]...)
	return capturedAt(&picture), s.queue(picture.index)
}

// dequeue takes a buffer with a whole picture from the driver.
func (s *cameraStream) dequeue() (v4l2Buffer, error) {
	for {
		b := v4l2Buffer{kind: v4l2Capture, memory: v4l2Mmap}
		if err := s.ask(v4l2Dequeue, unsafe.Pointer(&b)); err != nil {
			return b, err
		}
		if int(b.index) >= len(s.buffers) {
			return b, unix.EPROTO
		}
		if b.flags&v4l2BufferError == 0 && b.bytesUsed > 0 {
			return b, nil
		}
		if err := s.queue(b.index); err != nil {
			return b, err
		}
	}
}

// queue gives a buffer to the driver.
func (s *cameraStream) queue(index uint32) error {
	buffer := v4l2Buffer{index: index, kind: v4l2Capture, memory: v4l2Mmap}
	return s.ask(v4l2Queue, unsafe.Pointer(&buffer))
}

// capturedAt is when the driver had the picture, by its timestamp if that is of a clock that is known
// and is plausible.
func capturedAt(b *v4l2Buffer) time.Time {
	now := time.Now()
	var clock unix.Timespec
	if b.flags&v4l2BufferClock != v4l2BufferMonotonic || unix.ClockGettime(unix.CLOCK_MONOTONIC, &clock) != nil {
		return now
	}
	age := time.Duration(clock.Nano() - b.timestamp.Nano())
	if age < 0 || age > cameraPatience {
		return now
	}
	return now.Add(-age)
}

// Close implements Stream. A Read that waits returns an error first, within a moment.
func (s *cameraStream) Close() error {
	s.end(fmt.Errorf("camera %s: %w", s.node.name, os.ErrClosed))
	s.reading.Lock()
	defer s.reading.Unlock()
	kind := int32(v4l2Capture)
	_ = s.ask(v4l2StreamOff, unsafe.Pointer(&kind)) // of a camera that is gone, it fails
	var errs []error
	for _, buffer := range s.buffers {
		errs = append(errs, unix.Munmap(buffer))
	}
	s.buffers = nil
	errs = append(errs, s.node.close())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close camera %s: %w", s.node.name, err)
	}
	return nil
}
