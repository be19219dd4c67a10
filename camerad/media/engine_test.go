package media

import (
	"context"
	"errors"
	"image"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"seccam/camerad/media/source"
	"seccam/pkg/signaling"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEngineRestsAndWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := runEngine(t, source.TestPattern(), nil)
		assert.Equal(t, "testpattern", e.SourceName())
		for range 3 {
			release := e.Hold()
			_, unuse := e.NewViewer(H264)
			e.await(t, signaling.PictureLive)
			before := e.Stats()
			time.Sleep(1200 * time.Millisecond)
			synctest.Wait()
			now := e.Stats()
			assert.InDelta(t, 36, now.Frames-before.Frames, 1)
			assert.Greater(t, now.Bytes, before.Bytes)
			assert.Greater(t, now.KeyFrames, before.KeyFrames)
			assert.Equal(t, Rate{320, 180, 30, 200_000}, now.Rate)
			unuse()
			release()
			release() // harmless
			e.await(t, signaling.PictureResting)
			assert.Empty(t, e.full.hub.cached(), "an old picture is not shown to the next viewer")
			assert.Nil(t, e.latest.get())
		}
	})
}

// TestLinger: who held it may come back, unless it was for a moment only.
func TestLinger(t *testing.T) {
	const linger = 10 * time.Second
	for name, c := range map[string]struct {
		hold   func(*Engine) (release func())
		linger time.Duration
	}{
		"a viewer": {(*Engine).Hold, linger}, "a snapshot": {(*Engine).holdBriefly, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := runEngine(t, plainSource(), func(cfg *Config) { cfg.Linger = linger })
				release := c.hold(e)
				e.await(t, signaling.PictureLive)
				time.Sleep(time.Second)
				release()
				time.Sleep(c.linger - 50*time.Millisecond)
				again := c.hold(e)
				time.Sleep(c.linger + time.Second)
				again()
				time.Sleep(c.linger - 50*time.Millisecond)
				state, _ := e.State()
				assert.Equal(t, signaling.PictureLive, state)
				time.Sleep(100 * time.Millisecond)
				state, _ = e.State()
				assert.Equal(t, signaling.PictureResting, state)
			})
		})
	}
}

// TestDeadSourceIsRestarted has a camera that fails in every way it can.
func TestDeadSourceIsRestarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reads, closed atomic.Int64
		var opened []time.Time
		picture := plain(320, 180, 120, 128, 128)
		read := func() (source.Frame, error) {
			switch reads.Add(1) {
			case 1:
				return source.Frame{}, errors.New("unplugged")
			case 2:
				panic("driver bug")
			case 3:
				return source.Frame{Image: image.NewGray(image.Rect(0, 0, 1, 1))}, nil
			}
			time.Sleep(time.Second / 30)
			return source.Frame{Image: picture, At: time.Now()}, nil
		}
		e := runEngine(t, source.Source{Name: "stub", Open: func(context.Context, source.Video) (source.Stream, error) {
			if opened = append(opened, time.Now()); len(opened) == 4 {
				return nil, errors.New("still unplugged")
			}
			return stubStream{rawFormat(), read, func() error { closed.Add(1); return nil }}, nil
		}}, nil)
		release := e.Hold()
		var lost []string
		for {
			changed := e.Changed()
			state, detail := e.State()
			if state == signaling.PictureLive {
				break
			}
			if state == signaling.PictureLost {
				lost = append(lost, detail)
			}
			next(t, "another state", changed)
		}
		release()
		e.await(t, signaling.PictureResting)
		lost = slices.Compact(lost) // other news come in between
		require.Len(t, lost, 4)
		for i, words := range []string{"unplugged", "driver bug", "1 by 1", "still unplugged"} {
			assert.Contains(t, lost[i], words)
		}
		assert.Len(t, opened, 5)
		for i, at := range opened[1:] {
			assert.GreaterOrEqual(t, at.Sub(opened[i]), restartMin/2)
		}
		assert.Less(t, opened[4].Sub(opened[0]), 4*time.Second)
		assert.EqualValues(t, 4, closed.Load(), "each stream that was opened")
	})
}

// TestCameraDiesUnderAViewer: the viewer sees the picture of the new one, with numbers that go on.
func TestCameraDiesUnderAViewer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		picture, n := plain(320, 180, 120, 128, 128), 0
		e := runEngine(t, stubSource(rawFormat(), func(ctx context.Context) (source.Frame, error) {
			if n++; n%20 == 0 {
				return source.Frame{}, errors.New("unplugged")
			}
			return source.Frame{Image: picture, At: time.Now()}, pause(ctx, smallVideo().Interval())
		}), nil)
		v, unuse := e.NewViewer(H264)
		defer unuse()
		r := receive(t, v, fakeContext{codec: H264.Capability()}, 1000)
		r.SetLive(true)
		defer e.Hold()()
		for range 3 {
			e.await(t, signaling.PictureLost)
			e.await(t, signaling.PictureLive)
		}
		packets := r.received()
		keys := 0
		for i, p := range packets {
			if p.Payload[0]&0x1f == h264STAPA {
				keys++
			}
			if i > 0 {
				assert.Equal(t, packets[i-1].SequenceNumber+1, p.SequenceNumber)
				assert.GreaterOrEqual(t, int32(p.Timestamp-packets[i-1].Timestamp), int32(0))
			}
		}
		assert.GreaterOrEqual(t, keys, 3, "each new one begins with a key frame")
	})
}

func TestCodecs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for stream, want := range map[source.Codec][]Codec{
			source.Raw: {H264, VP8}, source.H264: {H264}, source.H265: {H265},
		} {
			e := runEngine(t, stubSource(source.Format{Codec: stream, Width: 320, Height: 180, FPS: 30}, func(ctx context.Context) (source.Frame, error) {
				<-ctx.Done()
				return source.Frame{}, ctx.Err()
			}), nil)
			ctx, stop := context.WithTimeout(t.Context(), time.Second)
			_, err := e.Codecs(ctx)
			stop()
			require.ErrorIs(t, err, ErrStarting)
			got := make(chan []Codec)
			go func() {
				codecs, err := e.Codecs(t.Context())
				assert.NoError(t, err)
				got <- codecs
			}()
			synctest.Wait()
			release := e.Hold()
			assert.Equal(t, want, next(t, "codecs", got), "as soon as the source is open, without a picture")
			release()
			e.await(t, signaling.PictureResting)
			codecs, err := e.Codecs(t.Context())
			assert.NoError(t, err)
			assert.Equal(t, want, codecs, "known from then on")
		}
	})
}

// TestEachViewerItsCodec has one camera encoded twice.
func TestEachViewerItsCodec(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := runEngine(t, plainSource(), nil)
		defer e.Hold()()
		var receivers []*receiver
		for _, codec := range []Codec{H264, VP8} {
			v, unuse := e.NewViewer(codec)
			defer unuse()
			r := receive(t, v, fakeContext{codec: codec.Capability()}, 1000)
			r.SetLive(true)
			receivers = append(receivers, r)
		}
		e.await(t, signaling.PictureLive)
		time.Sleep(time.Second)
		for _, r := range receivers {
			pictures := 0
			for _, p := range r.received() {
				if p.Marker {
					pictures++
				}
			}
			assert.InDelta(t, 30, pictures, 2, r.codec)
			assert.Equal(t, Rate{320, 180, 30, 200_000}, r.Stats().Rate)
			assert.Equal(t, QualityFull, r.Stats().Quality)
		}
	})
}

// TestPassThrough sends what a camera has encoded bit for bit.
func TestPassThrough(t *testing.T) {
	c := get(t, clipH264)
	synctest.Test(t, func(t *testing.T) {
		e := runEngine(t, c.source(), nil)
		v, unuse := e.NewViewer(H264)
		defer unuse()
		r := receive(t, v, fakeContext{codec: H264.Capability()}, 10_000)
		r.SetLive(true)
		defer e.Hold()()
		e.await(t, signaling.PictureLive)
		time.Sleep(10 * time.Second)
		stats := e.Stats()
		assert.Equal(t, Rate{Width: clipWidth, Height: clipHeight}, stats.Rate)
		assert.InDelta(t, 250, stats.Frames, 2)
		assert.InEpsilon(t, float64(stats.Bytes)*8/10, e.full.cost(), 0.1, "the bitrate is measured")
		var units []*Unit
		for _, p := range r.received() {
			if len(units) == 0 || units[len(units)-1].Time != p.Timestamp {
				units = append(units, &Unit{Time: p.Timestamp})
			}
			u := units[len(units)-1]
			u.Packets = append(u.Packets, Packet{p.Payload, p.Marker})
		}
		require.InDelta(t, 250, len(units), 2)
		for n, u := range units {
			requireSame(t, withoutSets(c.codec, c.units[n%clipLength]), withoutSets(c.codec, annexB(depacketizeH264(t, u)...)))
		}
		assert.Nil(t, e.low.actual.Load(), "nothing is encoded")
	})
}

func TestBeacon(t *testing.T) {
	var b beacon
	b.signal() // nobody listens
	first := b.next()
	assert.Equal(t, first, b.next())
	b.signal()
	<-first
	select {
	case <-b.next():
		t.Error("nothing happened since")
	default:
	}
}
