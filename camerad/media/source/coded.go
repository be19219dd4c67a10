package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"seccam/camerad/media/annexb"
)

// origin is how messages speak of where a coded stream comes from.
type origin struct {
	noun     string // "the camera"
	baseline string // how to get rid of B-frames
	keys     string // how to get key frames
}

// coded is a [Stream] of what another program has encoded.
type coded struct {
	ctx    context.Context
	child  *child
	from   origin
	log    *slog.Logger
	units  *annexb.Reader
	sets   annexb.Parameters // of the last key frame that had any
	first  Frame             // read when the stream was opened; empty afterwards
	format Format
	sound  *soundPipe // nil without
}

// idle is how long nothing must come for a unit to be taken as complete. All programs here write one
// in a few calls, without anything between them.
const idle = 2 * time.Millisecond

// openCoded starts cmd and waits for its first key frame.
func openCoded(ctx context.Context, cmd command, from origin, want Video) (*coded, error) {
	p, err := startChild(ctx, cmd)
	if err != nil {
		return nil, err
	}
	s := &coded{ctx: ctx, child: p, from: from, log: cmd.log}
	s.units = annexb.NewReader(p, annexb.Config{Idle: idle, Interval: want.Interval()})
	if p.sound != nil {
		s.sound = newSoundPipe(p.sound) // before the first picture, for which the program may have to get rid of sound
	}
	if err := s.begin(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// begin reads up to the first key frame that has parameter sets; before it nothing can be decoded.
func (s *coded) begin() error {
	wait := s.child.patience.key
	s.child.until = time.Now().Add(wait)
	for s.first.Unit == nil {
		frame, err := s.next()
		switch {
		case errors.Is(err, errTooLate):
			return fmt.Errorf("%s has given no H264 or H265 key frame for %v; %s", s.from.noun, wait, s.from.keys)
		case err != nil:
			return err
		}
		if len(s.sets.Sets) > 0 {
			s.first = frame
		}
	}
	s.child.until = time.Time{}
	sps := s.sets.SPS
	s.format = Format{Codec: Codec(s.units.Codec()), Width: sps.Width, Height: sps.Height}
	return nil
}

// Format implements Stream.
func (s *coded) Format() Format { return s.format }

// Read implements Stream. Every key frame has its parameter sets.
func (s *coded) Read() (Frame, error) {
	if frame := s.first; frame.Unit != nil {
		s.first = Frame{}
		return frame, nil
	}
	return s.next()
}

func (s *coded) next() (Frame, error) {
	unit, err := s.units.Next()
	switch {
	case s.ctx.Err() != nil:
		return Frame{}, s.ctx.Err()
	case errors.Is(err, io.EOF):
		return Frame{}, s.child.failure()
	case errors.Is(err, annexb.ErrFormat):
		return Frame{}, fmt.Errorf("%s: %w; %s", s.from.noun, err, s.from.keys)
	case err != nil:
		return Frame{}, fmt.Errorf("%s: %w", s.from.noun, err)
	}
	if unit.Skipped > 0 {
		s.log.Warn("left out pictures after one that came in parts", "from", s.from.noun, "pictures", unit.Skipped)
	}
	data, err := s.complete(unit.Data)
	return Frame{Unit: data, At: unit.At}, err
}

// complete puts the parameter sets before a key frame that lacks them, and refuses B-frames.
func (s *coded) complete(unit []byte) ([]byte, error) {
	codec := s.units.Codec()
	if annexb.Key(codec, unit) {
		sets, err := annexb.ParseParameters(codec, unit)
		switch {
		case err == nil:
			s.sets = sets
		case errors.Is(err, annexb.ErrNoSPS):
			unit = annexb.Join(s.sets.Sets, unit)
		default:
			return nil, fmt.Errorf("%s: %w", s.from.noun, err)
		}
	}
	if s.sets.BFrames(unit) {
		return nil, fmt.Errorf("%s sends B-frames, which browsers cannot show live: %s", s.from.noun, s.from.baseline)
	}
	return unit, nil
}

// Close implements Stream.
func (s *coded) Close() error {
	err := s.child.Close()
	if s.sound != nil {
		<-s.sound.ended
	}
	return err
}
