package media

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"seccam/camerad/media/source"
	"seccam/pkg/signaling"

	"github.com/stretchr/testify/require"
)

// countedSource counts how often it is opened; while broken it cannot be.
func countedSource(opened *atomic.Int32, broken *atomic.Bool) source.Source {
	from := plainSource()
	open := from.Open
	from.Open = func(ctx context.Context, video source.Video) (source.Stream, error) {
		opened.Add(1)
		if broken.Load() {
			return nil, errors.New("unplugged")
		}
		return open(ctx, video)
	}
	return from
}

func TestRestartOpensTheSourceAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var opened atomic.Int32
		var broken atomic.Bool
		e := runEngine(t, countedSource(&opened, &broken), nil)
		require.False(t, e.Restart(), "it rests")
		release := e.Hold()
		e.await(t, signaling.PictureLive)
		broken.Store(true)
		require.True(t, e.Restart())
		require.Contains(t, e.await(t, signaling.PictureLost), "unplugged")
		for opened.Load() < 8 { // the pauses become longer
			time.Sleep(time.Second)
		}
		broken.Store(false)
		before := time.Now()
		require.True(t, e.Restart())
		e.await(t, signaling.PictureLive)
		require.Less(t, time.Since(before), time.Second, "a lost source does not wait for its pause to end")
		count := opened.Load()
		require.True(t, e.Restart())
		synctest.Wait()
		time.Sleep(time.Second)
		require.Equal(t, count+1, opened.Load())
		release()
		e.await(t, signaling.PictureResting)
		require.False(t, e.Restart())
	})
}

func TestAwaitPicture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var opened atomic.Int32
		var broken atomic.Bool
		e := runEngine(t, countedSource(&opened, &broken), nil)
		require.NoError(t, e.AwaitPicture(t.Context()))
		e.await(t, signaling.PictureResting)
		broken.Store(true)
		require.ErrorIs(t, e.AwaitPicture(t.Context()), ErrNoPicture)
		e.SetPrivate("until 07:00")
		require.ErrorIs(t, e.AwaitPicture(t.Context()), ErrPrivate)
	})
}

func TestAwaitPictureOfASourceThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := runEngine(t, stubSource(rawFormat(), func(ctx context.Context) (source.Frame, error) {
			<-ctx.Done()
			return source.Frame{}, ctx.Err()
		}), nil)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		require.ErrorIs(t, e.AwaitPicture(ctx), ErrNoPicture)
	})
}

// wideSource gives pictures of what is asked for, up to a width.
func wideSource(widest int) source.Source {
	from := stubSource(rawFormat(), nil)
	from.Open = func(ctx context.Context, video source.Video) (source.Stream, error) {
		if video.Width > widest {
			return nil, errors.New("too wide")
		}
		picture := plain(video.Width, video.Height, 90, 100, 110)
		format := rawFormat()
		format.Width, format.Height = video.Width, video.Height
		return stubSource(format, func(ctx context.Context) (source.Frame, error) {
			err := pause(ctx, 33*time.Millisecond)
			return source.Frame{Image: picture, At: time.Now()}, err
		}).Open(ctx, video)
	}
	return from
}

func TestSetVideo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := runEngine(t, wideSource(640), nil)
		set := func(width, height int) error {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			video := smallVideo()
			video.Width, video.Height = width, height
			return e.SetVideo(ctx, video)
		}
		require.NoError(t, set(320, 180), "as it is")
		require.NoError(t, set(640, 360), "it rested")
		release := e.Hold()
		e.await(t, signaling.PictureLive)
		require.Equal(t, 640, e.Stats().Rate.Width)
		require.ErrorIs(t, set(1280, 720), ErrNoPicture)
		e.await(t, signaling.PictureLive)
		require.Equal(t, 640, e.video.Load().Width, "the former holds again")
		require.Equal(t, 640, e.Stats().Rate.Width)
		require.NoError(t, set(320, 180))
		release()
		e.SetPrivate("until 07:00")
		require.NoError(t, set(1280, 720), "it cannot be tried")
	})
}
