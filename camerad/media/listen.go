package media

import (
	"context"
	"errors"
	"time"

	"seccam/camerad/media/sound"
	"seccam/camerad/media/source"
)

// SoundStream is an opened microphone.
type SoundStream interface {
	source.Sounding
	Close() error
}

// micRestart is how long a lost microphone is left alone.
const micRestart = 5 * time.Second

// listen encodes the microphone or the source's own sound. Without it there is still a picture, so its
// end is only logged.
func (e *Engine) listen(ctx context.Context, stream source.Stream) {
	if !e.sound {
		return
	}
	if e.openMic != nil {
		e.listenToMicrophone(ctx)
		return
	}
	if own, ok := stream.(source.Sounding); ok {
		e.encodeSound(ctx, own)
	}
}

func (e *Engine) listenToMicrophone(ctx context.Context) {
	for ctx.Err() == nil {
		mic, err := e.openMic(ctx)
		if err != nil {
			e.log.Error("no sound", "error", err, "retry_in", micRestart)
		} else {
			e.encodeSound(ctx, mic)
			_ = mic.Close() // what it says has been said
		}
		select {
		case <-ctx.Done():
		case <-time.After(micRestart):
		}
	}
}

func (e *Engine) encodeSound(ctx context.Context, from source.Sounding) {
	err := sound.Encode(ctx, from.ReadSound, func(payload []byte, at time.Time) {
		e.publishSound(&Sound{Payload: payload, Time: rtpTime(at.Sub(e.epoch), audioClock)})
	})
	if err != nil && ctx.Err() == nil && !errors.Is(err, source.ErrNoSound) {
		e.log.Error("sound lost", "error", err)
	}
}
