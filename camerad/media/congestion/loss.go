package congestion

import "time"

// Loss. A path that is full drops packets, and its queue is long. A radio link drops packets at
// random, whatever is sent: to send less does not help there, and a controller that goes on reducing
// ends at nothing. A policer drops all that is too much, without a queue, and stops when less is sent.
// So:
//
//   - together with a queue, loss above 10 % counts in full: the rate is multiplied by 1 - loss/2
//     (section 6 of the draft);
//   - without one it is taken for random up to 20 %: only what is over 10 % counts, and not below
//     60 % of what was sent when the loss began;
//   - above 20 % without a queue it is taken for a policer's and counts in full, until a reduction
//     has not helped: then it is taken for random, too, up to 50 %.
const (
	lossCalm   = 0.05 // the rate may grow below it: 2 % in the draft, which many a radio link always has
	lossHigh   = 0.10
	lossRandom = 0.20
	lossHuge   = 0.50
	lossKeep   = 0.6
	lossSame   = 0.85 // of the loss before a reduction: it has not helped

	lossPause = time.Second // between reductions, on top of the round trip: about a group of pictures
)

// lossResponse is the state of the answer to loss. The zero value is ready.
type lossResponse struct {
	at     time.Duration // of the latest reduction
	floor  float64       // bit/s that random loss does not go below; 0 outside of an episode of loss
	before float64       // loss at the latest reduction, if it is good for comparison, else 0
	random bool          // a reduction has not helped
}

// respond reports whether it has reduced the rate by what counts in full.
func (c *controller) respond(now time.Duration, s *signals) bool {
	if s.loss < lossCalm {
		c.loss = lossResponse{at: c.loss.at}
	}
	if s.loss <= lossHigh || now-c.loss.at < lossPause+s.rtt {
		return false
	}
	c.loss.at = now
	full := c.rate * (1 - s.loss/2)
	if s.standing >= calm || c.decreased > 0 && now-c.decreased < lossPause {
		c.rate = min(c.rate, max(full, s.short/2))
		return true
	}
	c.classify(s)
	switch {
	case s.loss <= lossRandom:
		gentle := c.rate * (1 - (s.loss-lossHigh)/2)
		c.rate = max(gentle, min(c.rate, c.loss.floor))
		return false
	case s.loss <= lossHuge && c.loss.random:
		c.rate = max(full, min(c.rate, c.loss.floor))
	default:
		c.rate = min(c.rate, max(full, backOff*s.short))
	}
	return true
}

// classify finds out whether reductions help. At the first one the loss measured is an average with
// the time before, and a huge one becomes but a little smaller: neither is good for comparison.
func (c *controller) classify(s *signals) {
	switch {
	case c.loss.floor == 0:
		c.loss.floor = lossKeep * min(c.rate, s.acked/max(1-s.loss, 0.1))
	case s.loss <= lossHuge:
		c.loss.random = c.loss.random || c.loss.before > 0 && s.loss >= lossSame*c.loss.before
		c.loss.before = s.loss
	}
}

// lossSpan is the time constant over which loss is averaged.
const lossSpan = 2 * time.Second

// lossLeast is how many packets it takes for one lost one not to count more.
const lossLeast = 20

// lossMeter is the share of packets lost lately. The zero value is ready.
type lossMeter struct {
	lost, all float64
	at        time.Duration
}

// age lets what was counted before fade.
func (l *lossMeter) age(now time.Duration) {
	keep := max(0, 1-float64(now-l.at)/float64(lossSpan))
	l.lost, l.all, l.at = l.lost*keep, l.all*keep, now
}

func (l *lossMeter) count(lost bool) {
	l.all++
	if lost {
		l.lost++
	}
}

// share is 0 to 1.
func (l *lossMeter) share() float64 { return l.lost / max(l.all, lossLeast) }

// answered forgets most of what was counted: the sender has acted upon it.
func (l *lossMeter) answered() {
	const keep = 0.05
	l.lost, l.all = l.lost*keep, l.all*keep
}

// recovered takes back a loss: the packet came late.
func (l *lossMeter) recovered() { l.lost = max(0, l.lost-1) }
