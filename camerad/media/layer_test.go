package media

import (
	"context"
	"image"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// layerRig is a layer that runs in a synctest bubble.
type layerRig struct {
	*layer
	t     *testing.T
	scene *scene
	pool  picturePool
	n     int
}

const rigLinger = 2 * time.Second

func newLayerRig(t *testing.T, codec Codec, rate Rate) *layerRig {
	r := &layerRig{layer: newLayer("test", codec, time.Now(), rigLinger), t: t, scene: newScene(rate.Width, rate.Height)}
	r.wanted.Store(&rate)
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { assert.NoError(t, r.run(ctx, 10*time.Second)) })
	t.Cleanup(func() {
		stop()
		running.Wait()
		assert.Nil(t, r.actual.Load(), "the encoder is freed")
		assert.Empty(t, r.hub.cached())
	})
	return r
}

// film offers pictures, 30 a second, turned by some degrees, and returns how many units they became.
func (r *layerRig) film(pictures, turn int) uint64 {
	before := r.hub.counts.frames.Load()
	for range pictures {
		time.Sleep(time.Second / 30)
		p, err := r.pool.take(r.scene.draw(r.n), time.Now(), turn)
		require.NoError(r.t, err)
		r.n++
		r.offer(p)
		p.release()
		synctest.Wait()
	}
	return r.hub.counts.frames.Load() - before
}

// begins returns the size of the pictures of the current group, and how many it has.
func (r *layerRig) begins() (image.Point, int) {
	group := r.hub.cached()
	require.NotEmpty(r.t, group)
	require.True(r.t, group[0].Key)
	return size(r.t, r.codec, group[0].Data), len(group)
}

var smallRate = Rate{Width: 160, Height: 90, FPS: 30, Bitrate: 2_000_000} // enough to skip nothing

func TestLayerEncodesOnlyWhileUsed(t *testing.T) {
	for _, codec := range []Codec{H264, VP8} {
		synctest.Test(t, func(t *testing.T) {
			r := newLayerRig(t, codec, smallRate)
			assert.Zero(t, r.film(10, 0))
			assert.Empty(t, r.pictures, "nothing waits")
			release, other := r.use(), r.use()
			assert.EqualValues(t, 10, r.film(10, 0))
			assert.Equal(t, smallRate, *r.actual.Load())
			release()
			release() // harmless
			time.Sleep(2 * rigLinger)
			assert.EqualValues(t, 10, r.film(10, 0), "another uses it still")
			other()
			assert.EqualValues(t, 59, r.film(59, 0), "it lingers")
			r.use()()
			assert.EqualValues(t, 59, r.film(59, 0), "from the last use on")
			time.Sleep(rigLinger)
			assert.NotEmpty(t, r.hub.cached())
			assert.Zero(t, r.film(1, 0))
			assert.Nil(t, r.actual.Load(), "it rests")
			assert.Empty(t, r.hub.cached(), "what it shows is past")
			defer r.use()()
			r.film(5, 0)
			_, n := r.begins()
			assert.Equal(t, 5, n, "it begins with a key frame")
		})
	}
}

func TestForcedKeyFramesAreSpaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newLayerRig(t, H264, smallRate)
		defer r.use()()
		keys := func() uint64 { return r.hub.counts.keyFrames.Load() }
		r.film(15, 0)
		require.EqualValues(t, 1, keys())
		r.hub.wanted.Store(true)
		r.film(1, 0)
		assert.EqualValues(t, 2, keys(), "at once")
		assert.False(t, r.hub.wanted.Load())
		r.hub.wanted.Store(true)
		r.film(8, 0)
		assert.EqualValues(t, 2, keys(), "not so soon")
		assert.True(t, r.hub.wanted.Load(), "but not forgotten")
		r.film(2, 0)
		assert.EqualValues(t, 3, keys())
		assert.False(t, r.hub.wanted.Load())
	})
}

func TestLayerTakesARate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newLayerRig(t, H264, smallRate)
		defer r.use()()
		wants := func(rate Rate, turn int) (got image.Point, group int) {
			r.wanted.Store(&rate)
			r.film(4, turn)
			assert.Equal(t, rate.Bitrate, r.actual.Load().Bitrate)
			return r.begins()
		}
		got, group := wants(smallRate, 0)
		assert.Equal(t, image.Pt(160, 90), got)
		assert.Equal(t, 4, group)
		slower := smallRate
		slower.Bitrate = 1_900_000
		_, group = wants(slower, 0)
		assert.Equal(t, 8, group, "a bitrate needs no key frame")
		got, group = wants(slower, 90)
		assert.Equal(t, image.Pt(90, 160), got, "turned pictures")
		assert.Equal(t, 4, group, "begin with a key frame")
		slower.Width, slower.Height = 80, 44
		got, group = wants(slower, 90)
		assert.Equal(t, image.Pt(44, 80), got)
		assert.Equal(t, 4, group)
		slower.FPS = 15
		_, group = wants(slower, 90)
		assert.LessOrEqual(t, group, 3, "so does another frame rate")
	})
}

// TestLayerThinsOut: a layer of 15 pictures a second gets every second one.
func TestLayerThinsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rate := smallRate
		rate.FPS = 15
		r := newLayerRig(t, H264, rate)
		defer r.use()()
		assert.InDelta(t, 30, r.film(60, 0), 1)
		units := r.hub.cached()
		for i, u := range units[1:] {
			assert.Positive(t, int32(u.Time-units[i].Time))
		}
	})
}

// TestLateEncoderSkips offers pictures to a layer that does not run.
func TestLateEncoderSkips(t *testing.T) {
	l := newLayer("late", H264, time.Now(), 0)
	defer l.use()()
	var pool picturePool
	var offered []*picture
	for n := range 5 {
		p := pool.get(16, 16)
		p.at = time.Unix(int64(n), 0)
		offered = append(offered, p)
		l.offer(p)
	}
	require.Len(t, l.pictures, 1)
	assert.Same(t, offered[4], <-l.pictures, "the newest")
	for n, p := range offered {
		want := int32(1) // ours
		if n == 4 {
			want = 2
		}
		assert.Equal(t, want, p.users.Load(), "picture %d", n)
	}
}

// TestIsDue feeds 20 s of a camera's pictures, whose times are a little off.
func TestIsDue(t *testing.T) {
	for name, c := range map[string]struct {
		camera float64 // pictures per second
		limit  int
		jitter time.Duration
		want   float64
	}{
		"all":                       {30, 30, 0, 30},
		"all, though they jitter":   {30, 30, 10 * time.Millisecond, 30},
		"every second":              {30, 15, 0, 15},
		"every second, with jitter": {30, 15, 5 * time.Millisecond, 15},
		"every fourth":              {30, 7, 2 * time.Millisecond, 7},
		"of 60":                     {60, 30, 2 * time.Millisecond, 30},
		"a slower camera":           {25, 30, 5 * time.Millisecond, 25},
		"a faster camera":           {30, 25, 2 * time.Millisecond, 25},
		"a clock that is fast":      {30.1, 30, 2 * time.Millisecond, 30},
		"a clock that is slow":      {29.9, 30, 2 * time.Millisecond, 29.9},
		"one per second":            {30, 1, 2 * time.Millisecond, 1},
	} {
		t.Run(name, func(t *testing.T) {
			const seconds = 20
			noise := rand.New(rand.NewPCG(1, 2))
			var w layerWork
			start, taken, last := time.Now(), 0, time.Time{}
			for n := range int(c.camera * seconds) {
				at := start.Add(time.Duration(float64(n) / c.camera * float64(time.Second)))
				if c.jitter > 0 {
					at = at.Add(time.Duration(noise.Int64N(int64(2*c.jitter))) - c.jitter)
				}
				if !w.isDue(at, c.limit) {
					continue
				}
				interval := time.Second / time.Duration(c.limit)
				if taken++; taken > 2 && c.camera > float64(c.limit) {
					assert.Less(t, at.Sub(last), interval+time.Duration(float64(time.Second)/c.camera)+2*c.jitter)
				}
				last = at
			}
			assert.InDelta(t, c.want*seconds, taken, 2)
		})
	}
}

// TestIsDueAfterAPause: what was missed is not made up for.
func TestIsDueAfterAPause(t *testing.T) {
	var w layerWork
	at, taken := time.Now(), 0
	for n := range 90 {
		if n == 30 {
			at = at.Add(time.Minute)
		}
		if n >= 30 && w.isDue(at, 10) {
			taken++
		}
		at = at.Add(time.Second / 30)
	}
	assert.InDelta(t, 20, taken, 1)
}
