package congestion

import (
	"math"
	"time"
)

// trendSize is over how many groups the trend of the delay is computed.
const trendSize = 20

// trendLeast is how many groups it takes to see one.
const trendLeast = 5

// trendSpan turns the trend's slope into the time by which the delay grows, which is what the
// threshold is about.
const trendSpan = 240 // ms

// The adaptive threshold of section 5.4 of the draft, in ms, and its gains per ms.
const (
	thresholdStart = 12.5
	thresholdMin   = 6
	thresholdMax   = 600
	thresholdRise  = 0.01
	thresholdFall  = 0.00018
	thresholdSkip  = 15  // a trend further off than this is no noise to adapt to
	thresholdStep  = 100 // ms that one group counts for at most
)

// overuseGroups is how many groups in a row must show it.
const overuseGroups = 2

// trendline fits a line to the excess delay of the last groups. The zero value is ready.
type trendline struct {
	at, excess [trendSize]float64 // ms
	count      int
	threshold  float64
	latest     float64 // growth of the delay in trendSpan, ms
	over       int     // groups in a row that showed overuse
}

// restart forgets the groups, not the threshold.
func (t *trendline) restart() { t.count, t.over, t.latest = 0, 0, 0 }

func (t *trendline) add(sent, excess time.Duration) {
	now := milliseconds(sent)
	before, rising := now, true
	if t.count > 0 {
		last := (t.count - 1) % trendSize
		before, rising = t.at[last], milliseconds(excess) >= t.excess[last]
	}
	t.at[t.count%trendSize], t.excess[t.count%trendSize] = now, milliseconds(excess)
	t.count++
	if t.count < trendLeast {
		return
	}
	growth := t.slope() * trendSpan * t.weight()
	if growth > t.limit() && growth >= t.latest && rising {
		t.over++
	} else if growth <= t.limit() {
		t.over = 0
	}
	t.latest = growth
	t.adapt(math.Abs(growth), now-before)
}

// overused reports whether a queue builds up that the stream does not explain.
func (t *trendline) overused() bool { return t.over >= overuseGroups }

// falling reports whether a queue drains.
func (t *trendline) falling() bool { return t.latest < -t.limit() }

func (t *trendline) limit() float64 {
	if t.threshold == 0 {
		return thresholdStart
	}
	return t.threshold
}

// adapt moves the threshold towards the trend: quickly up, where a noisy path or a competitor that
// fills the queue would have every trend taken for overuse, and slowly down.
func (t *trendline) adapt(growth, elapsed float64) {
	limit := t.limit()
	if growth > limit+thresholdSkip {
		return
	}
	gain := thresholdFall
	if growth > limit {
		gain = thresholdRise
	}
	limit += gain * (growth - limit) * min(elapsed, thresholdStep)
	t.threshold = min(max(limit, thresholdMin), thresholdMax)
}

// weight lessens what few groups show, in proportion to the certainty of their slope: the error of a
// line through n equally spaced points shrinks with n to the power of 1.5.
func (t *trendline) weight() float64 {
	return math.Pow(min(1, float64(t.count)/trendSize), 1.5)
}

// slope is of the line of least squares: ms of delay per ms.
func (t *trendline) slope() float64 {
	n := min(t.count, trendSize)
	var meanAt, meanExcess float64
	for i := range n {
		meanAt += t.at[i]
		meanExcess += t.excess[i]
	}
	meanAt, meanExcess = meanAt/float64(n), meanExcess/float64(n)
	var covariance, variance float64
	for i := range n {
		d := t.at[i] - meanAt
		covariance += d * (t.excess[i] - meanExcess)
		variance += d * d
	}
	if variance == 0 {
		return 0
	}
	return covariance / variance
}

func milliseconds(t time.Duration) float64 { return float64(t) / float64(time.Millisecond) }
