package media

import (
	"context"
	"errors"
	"image"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"seccam/pkg/signaling"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var silent = slog.New(slog.NewTextHandler(io.Discard, nil))

func smallVideo() VideoConfig {
	return VideoConfig{Width: 320, Height: 180, FPS: 30, Bitrate: 200_000, KeyFrameInterval: time.Second}
}

// runEngine starts an engine that ends with the test.
func runEngine(t testing.TB, source Source, sound bool) *Engine {
	e := NewEngine(Config{Source: source, Video: smallVideo(), Sound: sound, Linger: 10 * time.Millisecond, Log: silent})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- e.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		assert.NoError(t, <-ended)
	})
	return e
}

func (e *Engine) await(t testing.TB, want signaling.Picture) string {
	t.Helper()
	for {
		if state, detail := e.State(); state == want {
			return detail
		}
		next(t, "state "+string(want), e.Changed())
	}
}

func TestEngineRestsAndWakes(t *testing.T) {
	e := runEngine(t, TestPattern(), false)
	for range 3 {
		release := e.Hold()
		e.await(t, signaling.PictureLive)
		release()
		release() // harmless
		e.await(t, signaling.PictureResting)
		frames := e.Stats().Frames
		assert.NotZero(t, frames)
		e.hub.mu.Lock()
		assert.Empty(t, e.hub.group, "an old picture is not shown to the next viewer")
		e.hub.mu.Unlock()
	}
}

func TestSound(t *testing.T) {
	e := runEngine(t, TestPattern(), true)
	v := e.NewViewer()
	sounds := make(chan rtp.Packet, 1000)
	_, err := v.Audio.Bind(fakeContext{codec: AudioCodec, write: func(h *rtp.Header, p []byte) {
		sounds <- rtp.Packet{Header: *h, Payload: p}
	}})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { v.Run(ctx) })
	v.SetLive(true)
	defer e.Hold()()
	first, second := next(t, "sound", sounds), next(t, "sound", sounds)
	stop()
	running.Wait()
	assert.True(t, first.Marker && !second.Marker)
	assert.EqualValues(t, soundSamples, second.Timestamp-first.Timestamp)
}

// stubSource gives frames from a function.
func stubSource(read func() (frame, error)) Source {
	return Source{Name: "stub", open: func(_ context.Context, cfg VideoConfig) (frameReader, VideoConfig, error) {
		return stubReader(read), cfg, nil
	}}
}

type stubReader func() (frame, error)

func (r stubReader) Read() (frame, error) { return r() }
func (r stubReader) Close() error         { return nil }

func TestDeadSourceIsRestarted(t *testing.T) {
	cfg := smallVideo()
	picture := image.NewYCbCr(image.Rect(0, 0, cfg.Width, cfg.Height), image.YCbCrSubsampleRatio420)
	var reads atomic.Int64
	pace := time.NewTicker(time.Millisecond)
	t.Cleanup(pace.Stop) // after the engine's end
	e := runEngine(t, stubSource(func() (frame, error) {
		switch n := reads.Add(1); {
		case n == 1:
			return frame{}, errors.New("unplugged")
		case n == 2:
			panic("driver bug")
		case n == 3:
			return frame{image: image.NewYCbCr(image.Rect(0, 0, 16, 16), image.YCbCrSubsampleRatio420)}, nil
		}
		<-pace.C
		return frame{image: picture, at: time.Now()}, nil
	}), false)
	defer e.Hold()()
	assert.Contains(t, e.await(t, signaling.PictureLost), "unplugged")
	e.await(t, signaling.PictureLive)
	assert.Greater(t, reads.Load(), int64(3))
}

func TestKeyFramesAreCoalesced(t *testing.T) {
	e := NewEngine(Config{Source: TestPattern(), Video: smallVideo(), Log: silent})
	now := time.Now()
	e.hub.wanted.Store(true)
	assert.True(t, e.forceKeyFrame(now))
	assert.False(t, e.forceKeyFrame(now.Add(keyFrameSpacing/2)), "too soon, but not forgotten")
	assert.True(t, e.forceKeyFrame(now.Add(keyFrameSpacing)))
	e.hub.publish(testUnit(0, true))
	assert.False(t, e.forceKeyFrame(now.Add(time.Hour)), "nobody waits any more")
}

func TestForcedKeyFrameComes(t *testing.T) {
	cfg := smallVideo()
	cfg.KeyFrameInterval = 10 * time.Second
	ctx, stop := context.WithCancel(context.Background())
	frames, keys := 0, 0
	var packets packetizer
	err := stream(ctx, TestPattern(), cfg, func(time.Time) bool { return frames == 5 }, func(VideoConfig) {},
		func(out encoded) {
			frames++
			if u := packets.unit(out.annexB, 0); u != nil && u.Key {
				keys++
			}
			if frames == 10 {
				stop()
			}
		})
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 2, keys, "the first picture and the forced one")
}

// TestPatternNumber reads the frame number as a program at the far end would.
func TestPatternNumber(t *testing.T) {
	for _, size := range []image.Point{{1280, 720}, {320, 180}, {160, 400}} {
		synctest.Test(t, func(t *testing.T) {
			p := newPattern(t.Context(), VideoConfig{Width: size.X, Height: size.Y, FPS: 30})
			defer func() { _ = p.Close() }()
			p.number = 0xa5c2
			p.start = time.Now().Add(-time.Duration(p.number) * p.step)
			f, err := p.Read()
			require.NoError(t, err)
			assert.Equal(t, 0xa5c3, readNumber(f.image.(*image.YCbCr)))
			time.Sleep(10 * p.step)
			f, err = p.Read()
			require.NoError(t, err)
			assert.Equal(t, 0xa5c3+10, readNumber(f.image.(*image.YCbCr)), "late readers miss pictures")
		})
	}
}

func readNumber(picture *image.YCbCr) (number int) {
	width, height := picture.Rect.Dx(), picture.Rect.Dy()
	side := min(height/18, width/16)
	for i := range 16 {
		number <<= 1
		if picture.YCbCrAt(i*side+side/2, height-side/2).Y > 128 {
			number++
		}
	}
	return number
}

func TestRTPTime(t *testing.T) {
	assert.Equal(t, uint32(90_000), rtpTime(time.Second, videoClock))
	assert.Equal(t, uint32(960), rtpTime(20*time.Millisecond, audioClock))
	year := 365 * 24 * time.Hour
	assert.Equal(t, uint32(int64(year/time.Second)*videoClock%(1<<32)), rtpTime(year, videoClock), "wraps, never overflows")
}
