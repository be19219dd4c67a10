package media

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"seccam/camerad/media/source"
	"seccam/pkg/signaling"

	"github.com/stretchr/testify/assert"
)

func TestPrivacy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var open, reads atomic.Int64
		picture := plain(320, 180, 120, 128, 128)
		e := runEngine(t, source.Source{Name: "stub", Open: func(ctx context.Context, _ source.Video) (source.Stream, error) {
			open.Add(1)
			return stubStream{rawFormat(), func() (source.Frame, error) {
				reads.Add(1)
				return source.Frame{Image: picture, At: time.Now()}, pause(ctx, time.Second/30)
			}, func() error { open.Add(-1); return nil }}, nil
		}}, nil)
		defer e.Hold()()
		v, unuse := e.NewViewer(H264)
		defer unuse()
		r := receive(t, v, fakeContext{codec: H264.Capability()}, 1000)
		r.SetLive(true)
		for range 3 {
			e.await(t, signaling.PictureLive)
			time.Sleep(time.Second)
			e.SetPrivate("until tomorrow")
			assert.Equal(t, "until tomorrow", e.await(t, signaling.PicturePrivate), "at once")
			synctest.Wait()
			assert.Zero(t, open.Load(), "the camera is closed")
			assert.Empty(t, e.full.hub.cached())
			assert.Nil(t, e.latest.get())
			assert.NotEmpty(t, r.received())
			before := reads.Load()
			_, err := e.Snapshot(t.Context(), 100)
			assert.ErrorIs(t, err, ErrPrivate)
			assert.ErrorContains(t, err, "until tomorrow")
			e.Hold()() // does not wake it
			r.SetLive(true)
			time.Sleep(time.Hour)
			assert.Equal(t, before, reads.Load(), "nothing is read")
			assert.Empty(t, r.received(), "nothing is sent, not even to who comes again")
			e.SetPrivate("for longer")
			_, detail := e.State()
			assert.Equal(t, "for longer", detail)
			e.SetPrivate("")
			state, _ := e.State()
			assert.NotEqual(t, signaling.PicturePrivate, state)
		}
		e.await(t, signaling.PictureLive)
	})
}

func TestPrivacyOutlastsWhatADyingSourceSays(t *testing.T) {
	e := NewEngine(Config{Source: plainSource(), Video: smallVideo(), Log: silent})
	e.SetPrivate("shutter")
	changed := e.Changed()
	e.setState(signaling.PictureLost, "unplugged")
	e.setState(signaling.PictureLive, "")
	state, detail := e.State()
	assert.Equal(t, []string{string(signaling.PicturePrivate), "shutter"}, []string{string(state), detail})
	select {
	case <-changed:
		t.Error("nothing changed")
	default:
	}
}
