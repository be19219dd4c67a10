package media

import (
	"context"
	"fmt"

	"seccam/camerad/media/source"
)

// SetVideo has the source give another picture, and returns once a picture has come of it, or with an error
// if none has until ctx ends: then the former holds again. While privacy mode is on nothing can be tried, and
// it is taken as it is.
func (e *Engine) SetVideo(ctx context.Context, video source.Video) error {
	before := e.video.Swap(&video)
	if *before == video {
		return nil
	}
	e.resetRates() // nobody steers while it rests
	err := e.tryVideo(ctx)
	if err == nil {
		return nil
	}
	e.video.Store(before)
	e.resetRates()
	e.Restart()
	return err
}

func (e *Engine) tryVideo(ctx context.Context) error {
	former := e.rounds.Load() // pictures of those are of the former video
	e.Restart()
	release := e.holdBriefly()
	defer release()
	for {
		renewed, changed := e.latest.renewed.next(), e.Changed()
		if !e.allowed() {
			return nil
		}
		select {
		case <-ctx.Done():
			_, detail := e.State()
			return fmt.Errorf("%w: %s", ErrNoPicture, detail)
		case <-renewed:
			if e.rounds.Load() > former {
				return nil
			}
		case <-changed:
		}
	}
}
