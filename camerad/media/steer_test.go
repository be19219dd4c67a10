package media

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const (
	mbit = 1_000_000
	kbit = 1_000
)

// paths are viewers who get the full picture, with so many bit/s each.
func paths(available ...int) (demands []demand) {
	for _, bits := range available {
		demands = append(demands, demand{QualityFull, bits})
	}
	return demands
}

func TestShareOut(t *testing.T) {
	const full, low = QualityFull, QualityLow
	for name, c := range map[string]struct {
		demands   []demand
		full, low int
		qualities []Quality
	}{
		"nobody":                     {nil, 2 * mbit, lowBitrate, []Quality{}},
		"one, unknown":               {paths(0), 2 * mbit, lowBitrate, []Quality{full}},
		"one, fast":                  {paths(9 * mbit), 2 * mbit, lowBitrate, []Quality{full}},
		"one, slow":                  {paths(300 * kbit), 300 * kbit, lowBitrate, []Quality{full}},
		"one, hopeless":              {paths(10 * kbit), minBitrate, lowBitrate, []Quality{full}},
		"one, on low":                {[]demand{{low, 300 * kbit}}, 300 * kbit, lowBitrate, []Quality{full}},
		"two, near":                  {paths(2*mbit, 1300*kbit), 1300 * kbit, lowBitrate, []Quality{full, full}},
		"two, far":                   {paths(300*kbit, 2*mbit), 2 * mbit, 300 * kbit, []Quality{low, full}},
		"two, one unknown":           {paths(0, 500*kbit), 2 * mbit, lowBitrate, []Quality{full, low}},
		"one slow of five":           {paths(9*mbit, 2*mbit, 200*kbit, 3*mbit, 0), 2 * mbit, 200 * kbit, []Quality{full, full, low, full, full}},
		"two slow of five":           {paths(9*mbit, 90*kbit, 200*kbit, 3*mbit, 0), 2 * mbit, 90 * kbit, []Quality{full, low, low, full, full}},
		"two hopeless of five":       {paths(9*mbit, 10*kbit, 200*kbit, 3*mbit, 0), 2 * mbit, minBitrate, []Quality{full, low, low, full, full}},
		"the majority is slow":       {paths(300*kbit, 310*kbit, 290*kbit, 2*mbit), 290 * kbit, lowBitrate, []Quality{full, full, full, full}},
		"all are slow":               {paths(100*kbit, 120*kbit, 110*kbit), 100 * kbit, lowBitrate, []Quality{full, full, full}},
		"what is not wanted":         {paths(9*mbit, 5*mbit), 2 * mbit, lowBitrate, []Quality{full, full}},
		"on low, and still far":      {[]demand{{full, 2 * mbit}, {full, 0}, {low, 1100 * kbit}}, 2 * mbit, lowBitrate, []Quality{full, full, low}},
		"on low, and fast by now":    {[]demand{{full, 2 * mbit}, {full, 0}, {low, 2 * mbit}}, 2 * mbit, lowBitrate, []Quality{full, full, full}},
		"all are on low":             {[]demand{{low, mbit}, {low, mbit}}, mbit, lowBitrate, []Quality{full, full}},
		"just not far is full still": {paths(2*mbit, 2*mbit, 1200*kbit), 1200 * kbit, lowBitrate, []Quality{full, full, full}},
		"just far":                   {paths(2*mbit, 2*mbit, 1199*kbit), 2 * mbit, lowBitrate, []Quality{full, full, low}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, share{c.full, c.low, c.qualities}, shareOut(c.demands, 2*mbit))
		})
	}
}

func drawDemands(t *rapid.T) []demand {
	return rapid.SliceOf(rapid.Custom(func(t *rapid.T) demand {
		available := rapid.OneOf(rapid.Just(0), rapid.IntRange(1, 100_000), rapid.IntRange(1, 50*mbit))
		return demand{rapid.SampledFrom([]Quality{QualityFull, QualityLow}).Draw(t, "quality"), available.Draw(t, "available")}
	})).Draw(t, "viewers")
}

func TestShareOutHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(minBitrate, maxBitrate).Draw(t, "limit")
		demands := drawDemands(t)
		s := shareOut(demands, limit)
		require.Len(t, s.qualities, len(demands))
		require.True(t, s.full >= minBitrate && s.full <= limit, "%d", s.full)
		require.True(t, s.low >= minBitrate && s.low <= lowBitrate, "%d", s.low)
		require.True(t, len(demands) == 0 || slices.Contains(s.qualities, QualityFull), "the full layer is for somebody")
		for i, d := range demands {
			known := d.available > 0
			switch {
			case !known && d.quality == QualityFull:
				require.Equal(t, QualityFull, s.qualities[i], "unknown is believed to be fast")
			case s.qualities[i] == QualityFull && known:
				require.True(t, s.full == minBitrate || s.full <= d.available, "nobody gets more than passes")
			case s.qualities[i] == QualityLow:
				require.True(t, s.low == minBitrate || s.low <= d.available)
				require.True(t, d.available < limit)
			}
		}
	})
}

// TestOneSlowViewerOfFiveCostsTheOthersNothing: four are within 60 % of each other, one is not.
func TestOneSlowViewerOfFiveCostsTheOthersNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(500_000, maxBitrate).Draw(t, "limit")
		least := rapid.IntRange(500_000, 10*mbit).Draw(t, "least")
		four := make([]demand, 4)
		for i := range four {
			four[i] = demand{QualityFull, rapid.IntRange(least, least*8/5).Draw(t, "near")}
		}
		slow := demand{QualityFull, rapid.IntRange(1, min(limit, least)*58/100).Draw(t, "slow")}
		at := rapid.IntRange(0, 4).Draw(t, "place")
		s := shareOut(slices.Insert(slices.Clone(four), at, slow), limit)
		require.Equal(t, shareOut(four, limit).full, s.full)
		for i, quality := range s.qualities {
			require.Equal(t, i == at, quality == QualityLow)
		}
	})
}

func TestShareStream(t *testing.T) {
	const full, keys = QualityFull, QualityKeyFrames
	for name, c := range map[string]struct {
		demand demand
		want   Quality
	}{
		"unknown":                  {demand{full, 0}, full},
		"unknown, after a failure": {demand{keys, 0}, full},
		"fast":                     {demand{full, 5 * mbit}, full},
		"just enough":              {demand{full, 4 * mbit}, full},
		"works, so it goes on":     {demand{full, 2600 * kbit}, full},
		"too slow":                 {demand{full, 2599 * kbit}, keys},
		"would not work":           {demand{keys, 3999 * kbit}, keys},
		"works again":              {demand{keys, 4 * mbit}, full},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, []Quality{c.want, full}, shareStream([]demand{c.demand, {full, 0}}, 4*mbit), "and nobody else minds")
		})
	}
	assert.Empty(t, shareStream(nil, 4*mbit))
}

// TestLayerRisesSlowlyAndFallsAtOnce steers a layer as the engine does, 5 times a second.
func TestLayerRisesSlowlyAndFallsAtOnce(t *testing.T) {
	l := newLayer("", H264, time.Now(), 0)
	start := fit(400*kbit, hd, hd)
	l.wanted.Store(&start)
	before, steps := start, 0
	for ; l.wanted.Load().Bitrate < 2*mbit; steps++ {
		l.steerTo(5*mbit, hd)
		now := *l.wanted.Load()
		require.LessOrEqual(t, now.Bitrate, before.Bitrate+before.Bitrate/riseSteps)
		require.Greater(t, now.Bitrate, before.Bitrate)
		require.GreaterOrEqual(t, now.pixels(), before.pixels())
		before = now
	}
	assert.InDelta(t, 41, steps, 2, "five times as much takes 8 s")
	assert.Equal(t, hd, before, "up to the limits")
	l.steerTo(300*kbit, hd)
	assert.Equal(t, Rate{640, 360, 30, 300 * kbit}, *l.wanted.Load())
}

func TestSmallDecreasesAreLeftAlone(t *testing.T) {
	l := newLayer("", H264, time.Now(), 0)
	start := hd
	l.wanted.Store(&start)
	l.steerTo(1901*kbit, hd)
	assert.Same(t, &start, l.wanted.Load())
	l.steerTo(1900*kbit, hd)
	assert.Equal(t, 1900*kbit, l.wanted.Load().Bitrate)
	l.steerTo(1901*kbit, hd)
	assert.Equal(t, 1901*kbit, l.wanted.Load().Bitrate, "what is available again is used")
	lower := Rate{1280, 720, 30, 1880 * kbit}
	l.steerTo(2*mbit, lower)
	assert.Equal(t, lower, *l.wanted.Load(), "a person's limit holds at once")
	smaller := Rate{640, 360, 30, 1880 * kbit}
	l.steerTo(1870*kbit, smaller)
	assert.Equal(t, Rate{640, 360, 30, 1870 * kbit}, *l.wanted.Load(), "so does a change of size")
}

// TestSteeringNeverLeavesItsLimits drives a layer with anything.
func TestSteeringNeverLeavesItsLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLayer("", H264, time.Now(), 0)
		start := drawRate(t, "start")
		l.wanted.Store(&start)
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			limits := drawRate(t, "limits")
			bitrate := rapid.IntRange(minBitrate, maxBitrate).Draw(t, "bitrate")
			before := l.wanted.Load().Bitrate
			l.steerTo(bitrate, limits)
			now := *l.wanted.Load()
			require.LessOrEqual(t, now.Width, limits.Width)
			require.LessOrEqual(t, now.Height, limits.Height)
			require.LessOrEqual(t, now.FPS, limits.FPS)
			require.LessOrEqual(t, now.Bitrate, limits.Bitrate)
			require.LessOrEqual(t, now.Bitrate, before+max(1, before/riseSteps))
			require.LessOrEqual(t, now.Bitrate, bitrate*deadBand/(deadBand-1)+1, "but for the dead band")
		}
	})
}

// TestStreamMeter measures a stream of 8 kbit in every tenth of a second.
func TestStreamMeter(t *testing.T) {
	l := newLayer("", H264, time.Now(), 0)
	l.wanted.Store(&Rate{Bitrate: 123})
	m := streamMeter{layer: l}
	now := time.Now()
	for step := range 100 {
		if step <= 20 {
			assert.Equal(t, 123, l.cost(), "unknown yet")
		} else if l.cost() != 80*kbit {
			t.Fatalf("%d bit/s after %d steps", l.cost(), step)
		}
		m.measure(now)
		now = now.Add(100 * time.Millisecond)
		l.hub.publish(&Unit{Size: 1000})
	}
}
