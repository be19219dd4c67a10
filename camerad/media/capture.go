package media

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"seccam/camerad/media/source"
	"seccam/pkg/signaling"

	"github.com/cenkalti/backoff/v5"
)

// A dead source is opened again after restartMin, then later and later up to restartMax; one that
// had worked for a while, soon.
const (
	restartMin = 250 * time.Millisecond
	restartMax = 10 * time.Second
	healthy    = 10 * time.Second
)

// errAgain ends a capture that is to begin anew.
var errAgain = errors.New("the source is opened anew")

// Restart closes the source and opens it anew, at once also where it is lost. It returns false if the
// source rests: the next who wants a picture opens it anyway.
func (e *Engine) Restart() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.again == nil {
		return false
	}
	e.again(errAgain)
	return true
}

// capture keeps the source running until ctx ends, whatever happens to it.
func (e *Engine) capture(ctx context.Context) {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = restartMin, restartMax
	for ctx.Err() == nil {
		e.captureRound(ctx, wait)
	}
	e.setState(e.resting())
}

// captureRound opens the source, and if it is lost waits until it is tried again.
func (e *Engine) captureRound(ctx context.Context, wait *backoff.ExponentialBackOff) {
	round, end := context.WithCancelCause(ctx)
	defer end(nil)
	e.setAgain(end)
	defer e.setAgain(nil)
	began := time.Now()
	e.rounds.Add(1)
	err := e.captureOnce(round)
	e.forget()
	if ctx.Err() != nil {
		return
	}
	if time.Since(began) > healthy {
		wait.Reset()
	}
	if round.Err() == nil {
		pause := wait.NextBackOff()
		e.log.Error("source lost", "source", e.source.Name, "error", err, "retry_in", pause.Round(time.Millisecond))
		e.setState(signaling.PictureLost, err.Error())
		select {
		case <-round.Done():
		case <-time.After(pause):
			return
		}
	}
	if ctx.Err() == nil { // it is errAgain
		e.log.Info("source is opened anew", "source", e.source.Name)
		wait.Reset()
		e.setState(signaling.PictureStarting, "")
	}
}

func (e *Engine) setAgain(end context.CancelCauseFunc) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.again = end
}

// forget drops all pictures: what they show is past.
func (e *Engine) forget() {
	for _, l := range []*layer{e.full, e.low, e.vp8} {
		l.forget()
	}
	e.latest.forget()
}

// captureOnce runs the source and all that lives on it until it fails or ctx ends. A panic in a driver
// or decoder, which see whatever a cable carries, is an error like another.
func (e *Engine) captureOnce(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("source failed badly: %v", p)
		}
	}()
	ctx, stop := context.WithCancelCause(ctx)
	video := *e.video.Load()
	stream, err := e.source.Open(ctx, video)
	if err != nil {
		stop(nil)
		return err
	}
	var running sync.WaitGroup
	defer func() {
		stop(nil)
		running.Wait()
		err = errors.Join(err, stream.Close())
	}()
	e.setFormat(stream.Format())
	e.settings.attach(stream)
	defer e.settings.detach()
	defer e.changes.signal()
	e.changes.signal()
	running.Go(func() { e.listen(ctx, stream) })
	if stream.Format().Codec != source.Raw {
		return e.passOn(ctx, stream)
	}
	for _, l := range []*layer{e.full, e.low, e.vp8} {
		running.Go(func() {
			if err := l.run(ctx, video.KeyFrameInterval); err != nil {
				stop(fmt.Errorf("%s layer: %w", l.name, err))
			}
		})
	}
	return e.distribute(ctx, stream)
}

// distribute gives a source's raw pictures to the layers.
func (e *Engine) distribute(ctx context.Context, stream source.Stream) error {
	for {
		frame, err := stream.Read()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		e.frames.Add(1)
		if !e.allowed() {
			continue // it is being stopped
		}
		p, err := e.pictures.take(frame.Image, frame.At, e.settings.rotation())
		if err != nil {
			return err
		}
		for _, l := range []*layer{e.full, e.low, e.vp8} {
			l.offer(p)
		}
		e.latest.set(p)
		p.release()
		e.setState(signaling.PictureLive, "")
	}
}

// passOn packetises a stream that is coded already.
func (e *Engine) passOn(ctx context.Context, stream source.Stream) error {
	packets := carriers(stream.Format().Codec)[0].packetizer()
	for {
		frame, err := stream.Read()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		e.frames.Add(1)
		if !e.allowed() {
			continue // it is being stopped
		}
		if unit := packets.unit(frame.Unit, rtpTime(frame.At.Sub(e.epoch), videoClock)); unit != nil {
			e.full.hub.publish(unit)
			e.setState(signaling.PictureLive, "")
			if unit.Key {
				e.latest.renewed.signal()
			}
		}
	}
}
