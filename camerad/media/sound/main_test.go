package sound

import (
	"math"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if cardFolder != "" {
			_ = os.RemoveAll(cardFolder)
		}
		os.Exit(code)
	}))
}

// sine returns count samples of a tone from the first-th on; loud is its amplitude.
func sine(hertz, loud float64, first, count int) []int16 {
	samples := make([]int16, count)
	for i := range samples {
		samples[i] = int16(loud * math.Sin(2*math.Pi*hertz*float64(first+i)/Rate))
	}
	return samples
}

// amplitude is that of the tone in samples (the Goertzel algorithm).
func amplitude(samples []int16, hertz float64) float64 {
	turn := 2 * math.Cos(2*math.Pi*hertz/Rate)
	var s1, s2 float64
	for _, sample := range samples {
		s1, s2 = float64(sample)+turn*s1-s2, s1
	}
	return 2 * math.Sqrt(max(0, s1*s1+s2*s2-turn*s1*s2)) / float64(len(samples))
}

// level is the root mean square.
func level(samples []int16) float64 {
	sum := 0.0
	for _, sample := range samples {
		sum += float64(sample) * float64(sample)
	}
	return math.Sqrt(sum / float64(len(samples)))
}

// requireTone checks that samples are a tone of that amplitude, to a tenth, and little else.
func requireTone(t testing.TB, samples []int16, hertz, loud float64) {
	t.Helper()
	require.NotEmpty(t, samples)
	require.InEpsilon(t, loud, amplitude(samples, hertz), 0.1, "amplitude of the tone")
	require.InEpsilon(t, loud/math.Sqrt2, level(samples), 0.1, "level of everything")
}

// requireMostlyTone is requireTone for sound that went through a card in real time, of which a busy
// machine may cost a little: it judges most of the pieces of 50 ms.
func requireMostlyTone(t testing.TB, samples []int16, hertz, loud float64) {
	t.Helper()
	var tones, levels []float64
	for block := range slices.Chunk(samples, Rate/20) {
		tones, levels = append(tones, amplitude(block, hertz)), append(levels, level(block))
	}
	slices.Sort(tones)
	slices.Sort(levels)
	require.NotEmpty(t, tones)
	require.InEpsilon(t, loud, tones[len(tones)/2], 0.1, "amplitude of the tone")
	require.InEpsilon(t, loud/math.Sqrt2, levels[len(levels)/2], 0.1, "level of everything")
}

// recorder is a loudspeaker that remembers.
type recorder struct {
	mu      sync.Mutex
	samples []int16
	pieces  int
}

func (r *recorder) Play(samples []int16) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.samples = append(r.samples, samples...)
	r.pieces++
}

// soon waits until the condition is met.
func soon(t testing.TB, what string, met func() bool) {
	t.Helper()
	require.Eventually(t, met, 20*time.Second, 5*time.Millisecond, what)
}
