package media

import (
	"context"
	"errors"
	"fmt"
	"time"

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

// capture keeps the source running until ctx ends, whatever happens to it.
func (e *Engine) capture(ctx context.Context) {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = restartMin, restartMax
	for ctx.Err() == nil {
		began := time.Now()
		err := e.captureOnce(ctx)
		e.hub.forget()
		if ctx.Err() != nil {
			break
		}
		if time.Since(began) > healthy {
			wait.Reset()
		}
		pause := wait.NextBackOff()
		e.log.Error("source lost", "source", e.source.Name, "error", err, "retry_in", pause.Round(time.Millisecond))
		e.setState(signaling.PictureLost, err.Error())
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	e.setState(signaling.PictureResting, "")
}

// captureOnce runs the source until it fails or ctx ends. A panic in a driver or decoder, which see
// whatever a cable carries, is an error like another.
func (e *Engine) captureOnce(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("source failed badly: %v", p)
		}
	}()
	return stream(ctx, e.source, e.video, e.forceKeyFrame, func(cfg VideoConfig) { e.running.Store(&cfg) }, e.emit)
}

// stream opens source and gives what it encodes to emit until an error or the end of ctx. All of it
// runs in the calling goroutine.
func stream(ctx context.Context, source Source, want VideoConfig, force func(time.Time) bool,
	opened func(VideoConfig), emit func(encoded),
) (err error) {
	frames, cfg, err := source.open(ctx, want)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, frames.Close()) }()
	enc, err := newEncoder(frames, cfg, force)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, enc.close()) }()
	opened(cfg)
	for ctx.Err() == nil {
		unit, err := enc.read()
		if err != nil {
			return err
		}
		emit(unit)
	}
	return ctx.Err()
}

// forceKeyFrame is asked by the encoder before each picture. What is wanted too early stays wanted.
func (e *Engine) forceKeyFrame(now time.Time) bool {
	if !e.hub.wanted.Load() || now.Sub(e.lastKey) < keyFrameSpacing {
		return false
	}
	e.lastKey = now
	return true
}

// emit packetises what the encoder made. It runs in the capturing goroutine.
func (e *Engine) emit(out encoded) {
	unit := e.packets.unit(out.annexB, rtpTime(out.at.Sub(e.epoch), videoClock))
	if unit == nil {
		return
	}
	if unit.Key {
		e.lastKey = time.Now()
	}
	e.hub.publish(unit)
	e.setState(signaling.PictureLive, "")
}
