package congestion

import "time"

// How the bitrate follows the signals. What is not called a choice is from section 5.5 of the draft.
const (
	backOff   = 0.85   // of what arrives, after overuse
	growth    = 0.08   // per second, where nothing is known
	fastGrow  = 0.40   // per second, below half of what is known to pass; a choice
	leastGrow = 0.03   // per second, of additive growth; a choice, since the draft's is slow at high bitrates
	nearPeak  = 0.25   // how far from the latest limit growth is additive; a choice
	appFactor = 1.5    // of what arrives: growth ends there
	appExtra  = 10_000 // bit/s on top of it

	responseExtra = 100 * time.Millisecond // on top of the round trip, until overuse is noticed
	longestStep   = 500 * time.Millisecond // that growth is computed for at once
	peakForgotten = 30 * time.Second
)

// A queue up to calm is left alone. A longer one lowers the published bitrate in proportion, so that it
// drains in about a second; that ends at drainMost, so that others who fill the queue cannot starve
// us. Where as much arrives as the path carries, the rate itself falls, too: else the queue would stay
// where the two are in balance.
const (
	calm      = 30 * time.Millisecond
	drainSpan = time.Second
	drainMost = 0.6
	decay     = 0.05 // per second
	decayMost = 0.8  // of the latest limit: it ends there
)

// signals are what the controller decides by. Bitrates are in bit/s.
type signals struct {
	overused, falling, settling bool
	standing                    time.Duration // queue that does not go away by itself
	loss                        float64       // 0 to 1
	acked, short                float64       // arrived within longSpan and shortSpan
	capacity                    float64       // of the bottleneck, 0 if unknown
	rtt                         time.Duration
	packet                      float64 // bits, on average
}

// controller turns signals into a bitrate.
type controller struct {
	rate, least, most float64
	drain             float64 // share of the rate that is given up to drain the queue
	target            float64 // what is sent at most, 0 if unknown
	peak              float64 // what arrived when the path was last full, 0 if forgotten
	trusted           float64 // what passed before feedback fell silent, 0 if unknown
	decreased         time.Duration
	updated           time.Duration
	loss              lossResponse
}

// bitrate is what is published.
func (c *controller) bitrate() float64 { return max(c.rate*(1-c.drain), c.least) }

// update takes the signals of one report. It returns whether it has answered overuse or loss.
func (c *controller) update(now time.Duration, s *signals) (overuse, loss bool) {
	elapsed := min(now-c.updated, longestStep)
	c.updated = now
	c.drain = min(max(0, float64(s.standing-calm)/float64(drainSpan)), drainMost)
	switch {
	case s.overused && s.short > 0:
		c.limit(now, s.short)
		overuse = true
	case s.settling && c.peak > 0 && backOff*s.short < c.rate:
		// Until the decrease shows, what arrives comes out of a queue, and so is what the path
		// carries: better measured than when overuse was noticed.
		c.limit(now, s.short)
	case c.respond(now, s):
		c.trusted = 0
		loss = true
	case s.settling || s.falling:
	case s.standing >= calm:
		c.fall(elapsed.Seconds(), s.acked)
	case s.loss < lossCalm:
		c.grow(elapsed.Seconds(), s)
	}
	c.rate = min(max(c.rate, c.least), c.most)
	return overuse, loss
}

// limit keeps the rate below what arrives through a full path.
func (c *controller) limit(now time.Duration, arrives float64) {
	c.rate = min(c.rate, backOff*arrives)
	c.peak, c.decreased, c.trusted = arrives, now, 0
}

// fall lowers the rate a little while there is a queue.
func (c *controller) fall(elapsed, arrives float64) {
	if c.peak == 0 {
		c.peak, c.rate = arrives, min(c.rate, arrives)
	}
	c.rate = max(c.rate*(1-decay*elapsed), min(c.rate, decayMost*c.peak))
}

// grow raises the rate: near the latest limit by about one packet per response time, else by a share.
func (c *controller) grow(elapsed float64, s *signals) {
	if c.rate > (1+nearPeak)*c.peak || c.updated-c.decreased > peakForgotten {
		c.peak = 0
	}
	perSecond := growth * c.rate
	switch {
	case c.peak > 0 && c.rate > (1-nearPeak)*c.peak:
		if s.capacity < 2*c.peak { // else the path has probably become faster
			perSecond = max(s.packet/(s.rtt+responseExtra).Seconds(), leastGrow*c.rate)
		}
	case c.rate < max(c.trusted, s.capacity)/2:
		perSecond = fastGrow * c.rate
	}
	limit := s.acked
	if c.target > 0 {
		limit = min(limit, c.target)
	}
	c.rate = max(c.rate, min(c.rate+perSecond*elapsed, appFactor*limit+appExtra))
}

// raise takes what a probe has shown to pass.
func (c *controller) raise(rate float64) {
	c.rate = min(max(c.rate, rate), c.most)
	c.peak = 0
}

// halve answers silence.
func (c *controller) halve() {
	c.trusted = max(c.trusted, c.rate)
	c.rate = max(c.rate/2, c.least)
}
