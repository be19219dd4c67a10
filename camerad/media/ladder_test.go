package media

import (
	"image"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var hd = Rate{Width: 1280, Height: 720, FPS: 30, Bitrate: 2_000_000}

func TestFit(t *testing.T) {
	full := Rate{1280, 720, 30, 0}
	for _, c := range []struct {
		bitrate int
		before  Rate
		want    Rate
	}{
		{2_000_000, full, Rate{1280, 720, 30, 2_000_000}},
		{830_000, full, Rate{1280, 720, 30, 830_000}},
		{829_000, full, Rate{960, 540, 30, 829_000}},
		{400_000, full, Rate{640, 360, 30, 400_000}},
		{200_000, full, Rate{640, 360, 15, 200_000}},
		{80_000, full, Rate{480, 270, 15, 80_000}},
		{10_000, full, Rate{320, 180, 7, 10_000}},
		{0, full, Rate{320, 180, 7, 0}},
		// Upwards, there must be a quarter more than what the step needs.
		{830_000, Rate{960, 540, 30, 0}, Rate{960, 540, 30, 830_000}},
		{1_036_000, Rate{960, 540, 30, 0}, Rate{960, 540, 30, 1_036_000}},
		{1_037_000, Rate{960, 540, 30, 0}, Rate{1280, 720, 30, 1_037_000}},
		{2_000_000, Rate{320, 180, 7, 0}, Rate{1280, 720, 30, 2_000_000}},
	} {
		assert.Equal(t, c.want, fit(c.bitrate, hd, c.before), "%d bit/s after %v", c.bitrate, c.before)
	}
	assert.Equal(t, Rate{4, 2, 1, 0}, fit(0, Rate{16, 8, 1, 0}, Rate{}), "never nothing")
}

func TestFitHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := drawRate(t, "limits")
		before := fit(rapid.IntRange(0, 5_000_000).Draw(t, "earlier"), limits, limits)
		less := rapid.IntRange(0, 5_000_000).Draw(t, "bitrate")
		more := less + rapid.IntRange(0, 1_000_000).Draw(t, "increase")
		small, large := fit(less, limits, before), fit(more, limits, before)
		require.LessOrEqual(t, small.pixels(), large.pixels(), "more bits are never worse")
		for _, r := range []Rate{small, large} {
			require.LessOrEqual(t, max(r.Width-limits.Width, r.Height-limits.Height, r.FPS-limits.FPS), 0)
			require.Zero(t, r.Width%2+r.Height%2)
			require.Positive(t, min(r.Width, r.Height, r.FPS))
		}
		require.Equal(t, less, small.Bitrate)
		require.Equal(t, small, fit(less, limits, small), "it stays where it is")
		if wiggle := fit(less+less/10, limits, small); wiggle.pixels() > small.pixels() {
			back := fit(less, limits, wiggle)
			require.Equal(t, wiggle.pixels(), back.pixels(), "a tenth does not drive it to and fro")
		}
	})
}

func drawRate(t *rapid.T, label string) Rate {
	return Rate{
		Width: 2 * rapid.IntRange(8, 2000).Draw(t, label+" width"), Height: 2 * rapid.IntRange(8, 2000).Draw(t, label+" height"),
		FPS: rapid.IntRange(1, 60).Draw(t, label+" fps"), Bitrate: rapid.IntRange(100_000, maxBitrate).Draw(t, label+" bitrate"),
	}
}

func TestWithin(t *testing.T) {
	for _, c := range []struct{ from, want Rate }{
		{hd, Rate{640, 360, 15, 400_000}},
		{Rate{720, 1280, 30, 300_000}, Rate{360, 640, 15, 300_000}},
		{Rate{640, 480, 10, 1_000_000}, Rate{480, 360, 10, 400_000}},
		{Rate{320, 180, 30, 1_000_000}, Rate{320, 180, 15, 400_000}},
		{Rate{1366, 768, 30, 1_000_000}, Rate{640, 360, 15, 400_000}},
	} {
		assert.Equal(t, c.want, within(c.from, 360, 15, 400_000))
	}
	assert.Equal(t, Rate{640, 360, 30, lowBitrate}, lowLimits(hd))
}

func TestUpright(t *testing.T) {
	for _, c := range []struct {
		rate   Rate
		from   image.Point
		width  int
		height int
	}{
		{hd, image.Pt(1280, 720), 1280, 720},
		{hd, image.Pt(720, 1280), 720, 1280},                           // turned
		{Rate{Width: 640, Height: 360}, image.Pt(720, 1280), 360, 640}, // turned and smaller
		{hd, image.Pt(640, 480), 640, 480},                             // never larger
		{Rate{Width: 640, Height: 360}, image.Pt(1024, 768), 480, 360}, // the picture's own shape
		{Rate{Width: 360, Height: 640}, image.Pt(1280, 720), 640, 360},
		{Rate{Width: 2, Height: 2}, image.Pt(2000, 20), 200, 2},
	} {
		got := upright(c.rate, c.from)
		assert.Equal(t, image.Pt(c.width, c.height), image.Pt(got.Width, got.Height), "%v from %v", c.rate, c.from)
	}
	rapid.Check(t, func(t *rapid.T) {
		rate, from := drawRate(t, "rate"), drawRate(t, "picture")
		got := upright(rate, image.Pt(from.Width, from.Height))
		require.LessOrEqual(t, got.Width, from.Width)
		require.LessOrEqual(t, got.Height, from.Height)
		require.Zero(t, got.Width%2+got.Height%2)
		require.Positive(t, min(got.Width, got.Height))
		require.Equal(t, [2]int{rate.FPS, rate.Bitrate}, [2]int{got.FPS, got.Bitrate})
	})
}
