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
