package media

import (
	"bytes"
	"context"
	"image"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"seccam/camerad/media/source"
	"seccam/pkg/signaling"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestNothingOfThePastIsKept: a picture that nobody has encoded yet when capture ends is not shown
// later.
func TestNothingOfThePastIsKept(t *testing.T) {
	picture := plain(64, 48, 120, 128, 128)
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			e := runEngine(t, stubSource(source.Format{Codec: source.Raw, Width: 64, Height: 48, FPS: 1000}, func(context.Context) (source.Frame, error) {
				return source.Frame{Image: picture, At: time.Now()}, nil // a busy camera
			}), func(cfg *Config) { cfg.Video.FPS = 1000 })
			_, unuse := e.NewViewer(H264)
			defer unuse()
			defer e.Hold()()
			e.await(t, signaling.PictureLive)
			e.SetPrivate("on")
			synctest.Wait()
			assert.Empty(t, e.full.pictures)
			assert.Empty(t, e.full.hub.cached())
		})
	}
}

// TestPictureOfAPrivateMomentIsDropped: it is taken just as privacy begins.
func TestPictureOfAPrivateMomentIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var e *Engine
		var private atomic.Bool
		e = runEngine(t, stubSource(rawFormat(), func(ctx context.Context) (source.Frame, error) {
			err := pause(ctx, time.Second/30)
			if private.Load() {
				e.SetPrivate("on")
			}
			return source.Frame{Image: plain(320, 180, 120, 128, 128), At: time.Now()}, err
		}), nil)
		_, unuse := e.NewViewer(H264)
		defer unuse()
		defer e.Hold()()
		e.await(t, signaling.PictureLive)
		synctest.Wait()
		before := e.Stats().Frames
		private.Store(true)
		e.await(t, signaling.PicturePrivate)
		synctest.Wait()
		assert.Equal(t, before, e.Stats().Frames)
	})
}

// TestSnapshotWhenTheGroupOfPicturesIsTooLong to be kept is of the next key frame.
func TestSnapshotWhenTheGroupOfPicturesIsTooLong(t *testing.T) {
	c := get(t, clipH264)
	n := -1
	e := runEngine(t, stubSource(source.Format{Codec: source.H264}, func(ctx context.Context) (source.Frame, error) {
		unit := c.units[0]
		if n++; n%(2*maxGroupUnits) > 0 {
			unit = c.units[1]
		}
		err := pause(ctx, time.Millisecond)
		return source.Frame{Unit: bytes.Clone(unit), At: time.Now()}, err
	}), nil)
	defer e.Hold()()
	e.await(t, signaling.PictureLive)
	require.Eventually(t, func() bool { return len(e.full.hub.cached()) == 0 }, deadline, time.Millisecond)
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Second)
	defer stop()
	data, err := e.Snapshot(ctx, 200)
	require.NoError(t, err)
	assert.NotEmpty(t, data)
}

func TestComingBackFromLow(t *testing.T) {
	const full, low = QualityFull, QualityLow
	two := paths(2*mbit, 2*mbit)
	for available, want := range map[int]Quality{1200 * kbit: low, 1799 * kbit: low, 1800 * kbit: full, 2 * mbit: full, 0: full} {
		s := shareOut(append(two, demand{low, available}), 2*mbit)
		assert.Equal(t, []Quality{full, full, want}, s.qualities, "%d: it is no longer enough not to be far", available)
	}
	s := shareOut([]demand{{full, 2 * mbit}, {full, 1300 * kbit}, {low, 1300 * kbit}}, 2*mbit)
	assert.Equal(t, share{1300 * kbit, lowBitrate, []Quality{full, full, full}}, s, "it costs nobody anything")
	s = shareOut(append(two, demand{full, 1300 * kbit}, demand{low, 1299 * kbit}), 2*mbit)
	assert.Equal(t, []Quality{full, full, full, low}, s.qualities)
}

// TestNobodyChangesToAndFro, whatever the link carries.
func TestNobodyChangesToAndFro(t *testing.T) {
	for _, bits := range []int64{450, 500, 550, 600} {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(256, 144)
			e := runEngine(t, rawSource(func(n int) image.Image { return s.draw(n) }), func(cfg *Config) { cfg.Video.Bitrate = 700 * kbit })
			defer e.Hold()()
			var links []*link
			for _, bits := range []int64{6 * mbit, bits * kbit, 5 * mbit} {
				v, unuse := e.NewViewer(H264)
				defer unuse()
				links = append(links, newLink(t, v, bits, withRTX))
			}
			e.await(t, signaling.PictureLive)
			changes, was := 0, QualityFull
			for range 300 {
				time.Sleep(100 * time.Millisecond)
				if now := links[1].is(); now != was {
					changes, was = changes+1, now
				}
			}
			assert.LessOrEqual(t, changes, 4, "%d kbit/s", bits)
		})
	}
}

// TestWhatAProbeShowsIsEnough to be given the full picture.
func TestWhatAProbeShowsIsEnough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cost := rapid.IntRange(minBitrate, maxBitrate).Draw(t, "cost")
		probed := int(probeMargin / headroom * float64(cost))
		available := int(headroom * float64(probed))
		require.GreaterOrEqual(t, available, cost+cost/50)
		require.Equal(t, []Quality{QualityFull}, shareStream([]demand{{QualityKeyFrames, available}}, cost))
	})
}

// TestStreamThatPassesIsNotReduced, though it has far more bits than a camera of ours would use.
func TestStreamThatPassesIsNotReduced(t *testing.T) {
	c := get(t, clipH264)
	synctest.Test(t, func(t *testing.T) {
		e := runEngine(t, c.source(), nil)
		defer e.Hold()()
		for range 3 { // before and after the stream was measured
			_, err := e.Codecs(t.Context())
			require.NoError(t, err)
			v, unuse := e.NewViewer(H264)
			defer unuse()
			l := newLink(t, v, 12*mbit, withRTX) // of 3.7
			e.await(t, signaling.PictureLive)
			for range 50 {
				require.Equal(t, QualityFull, l.is())
				time.Sleep(100 * time.Millisecond)
			}
		}
	})
}

// TestPicturesThatMissTheirReferenceAreNotSent: what was dropped for one layer was dropped of both.
func TestPicturesThatMissTheirReferenceAreNotSent(t *testing.T) {
	v := viewerOf(newHub())
	full, low := v.engine.full.hub, v.engine.low.hub
	var got []byte
	_, err := v.Video.Bind(fakeContext{codec: H264.Capability(), write: func(_ *rtp.Header, p []byte) {
		if len(p) == 1 {
			got = append(got, p[0])
		}
	}})
	require.NoError(t, err)
	full.publish(testUnit(0, true))
	v.join()
	v.steerTo(QualityLow)
	v.turn()
	run := func() []byte { // as much of Run as there is to do
		for got = nil; len(v.queue) > 0; {
			v.send(<-v.queue)
		}
		return got
	}
	low.publish(testUnit(100, true))
	for n := range queueSize { // fills the queue, with the key frame before it
		full.publish(testUnit(n+1, false))
	}
	low.publish(testUnit(101, false))
	low.wanted.Store(false)
	assert.Empty(t, run(), "neither what is left of the low layer without its key frame")
	low.publish(testUnit(102, true))
	low.publish(testUnit(103, false))
	assert.Equal(t, []byte{102, 103}, run())

	v.steerTo(QualityFull)
	v.turn()
	for n := range queueSize + 1 { // the queue overflows with the low layer's
		low.publish(testUnit(104+n, false))
	}
	full.publish(testUnit(1, true))
	full.publish(testUnit(2, false))
	for n := range queueSize - 1 {
		full.publish(testUnit(3+n, false)) // and now with the full one's
	}
	low.wanted.Store(false)
	low.publish(testUnit(7, false))
	assert.Empty(t, run())
	full.publish(testUnit(8, true))
	assert.Equal(t, []byte{8}, run())
}

// TestThinnedOutPicturesAreEvenlySpaced, though a camera's times are a little off.
func TestThinnedOutPicturesAreEvenlySpaced(t *testing.T) {
	for _, c := range []struct{ camera, limit int }{{30, 15}, {60, 30}, {30, 10}, {25, 5}} {
		noise := rand.New(rand.NewPCG(1, 2))
		var w layerWork
		start, taken := time.Now(), []int{}
		for n := range 20 * c.camera {
			at := start.Add(time.Duration(n)*time.Second/time.Duration(c.camera) + time.Duration(noise.Int64N(int64(4*time.Millisecond))))
			if w.isDue(at, c.limit) {
				taken = append(taken, n)
			}
		}
		uneven := 0
		for i, n := range taken[1:] {
			if n-taken[i] != c.camera/c.limit {
				uneven++
			}
		}
		assert.LessOrEqual(t, uneven, 1, "%d of %d pictures a second", c.limit, c.camera)
	}
}

func TestParameterSetsThatAreLong(t *testing.T) {
	var p h264Packetizer
	sps, pps := append([]byte{0x67}, bytes.Repeat([]byte{1}, 3*maxPayload)...), []byte{0x68, 2}
	u := p.unit(annexB(sps, pps, []byte{0x65, 3}), 0)
	checkPackets(t, u)
	requireSame(t, [][]byte{sps, pps, {0x65, 3}}, depacketizeH264(t, u))
	sps = sps[:maxPayload-1-2-2-len(pps)]
	u = p.unit(annexB(sps, pps, []byte{0x65, 3}), 0)
	checkPackets(t, u)
	assert.Len(t, u.Packets, 2, "they just fit into one packet")
}

// TestUnitsThatAreNoneAreNotSent: a viewer would take them for aggregates or fragments.
func TestUnitsThatAreNoneAreNotSent(t *testing.T) {
	for _, kind := range []byte{0, 24, 25, 28, 29, 31} {
		assert.Nil(t, new(h264Packetizer).unit(annexB([]byte{0x60 | kind, 1, 2}), 0))
	}
	for _, kind := range []byte{48, 49, 50, 63} {
		assert.Nil(t, new(h265Packetizer).unit(annexB([]byte{kind << 1, 1, 2}), 0))
	}
}

func TestRareSubsampling(t *testing.T) {
	for _, ratio := range []image.YCbCrSubsampleRatio{image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410} {
		from := image.NewYCbCr(image.Rect(0, 0, 64, 48), ratio)
		fill(from.Y, 200)
		fill(from.Cb, 128)
		fill(from.Cr, 128)
		for _, turn := range rotations {
			p, err := new(picturePool).take(from, time.Now(), turn)
			require.NoError(t, err)
			assert.InDelta(t, 187, p.image.Y[100], 2, "grey 200, in limited range")
			assert.InDelta(t, 128, p.image.Cb[100], 1)
		}
	}
}

// TestRanges: video's values are of limited range (BT.601 section 2.5.3), a JPEG's of full range.
func TestRanges(t *testing.T) {
	for value, grey := range map[byte]int{16: 0, 0: 0, 126: 128, 235: 255, 255: 255} {
		data, err := encodeJPEG(plain(64, 48, value, 128, 128), 64)
		require.NoError(t, err)
		assert.InDelta(t, grey, brightness(decode(t, data)), 1)
		if value == 0 || value == 255 {
			continue
		}
		from := image.NewGray(image.Rect(0, 0, 64, 48))
		fill(from.Pix, byte(grey))
		p, err := new(picturePool).take(from, time.Now(), 0)
		require.NoError(t, err)
		assert.InDelta(t, value, p.image.Y[0], 1)
		assert.Equal(t, [2]byte{128, 128}, [2]byte{p.image.Cb[0], p.image.Cr[0]})
	}
}

func TestBytesAreCounted(t *testing.T) {
	for _, numbered := range []bool{false, true} {
		v := viewerOf(newHub())
		_, err := v.Video.Bind(fakeContext{codec: H264.Capability(), numbered: numbered, write: func(*rtp.Header, []byte) {}})
		require.NoError(t, err)
		v.Video.sendUnit(testUnit(1, true), 1)
		assert.EqualValues(t, 3+2*packetOverhead, v.Stats().Bytes)
	}
}
