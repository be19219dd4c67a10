package congestion

import "time"

// baseSpan is half of the time that a delay without queue is remembered: long enough to see that a
// queue is one which lasts, and short enough for the drift of clocks, some 100 µs a second, to stay
// below what counts as a queue.
const baseSpan = 30 * time.Second

// A queue must shrink below holdShrink of itself within holdSpan, if no more arrives than holdShare of
// what the path carries.
const (
	holdSpan   = 3 * time.Second
	holdShrink = 0.7
	holdShare  = 0.88
)

// baseline is the path's delay without a queue: the least of the last 30 to 60 s. The zero value is
// ready.
type baseline struct {
	started           bool
	current, previous time.Duration // the least of two spans
	since             time.Duration // the current one's begin

	held     time.Duration // a queue that does not shrink, 0 if there is none
	heldFrom time.Duration
	arrived  int // bytes, up to then
}

// over takes a delay and returns by how much it exceeds the base.
func (b *baseline) over(at, delay time.Duration) time.Duration {
	age := at - b.since
	switch {
	case !b.started || age >= 2*baseSpan:
		b.started, b.current, b.previous, b.since = true, delay, delay, at
	case age >= baseSpan:
		b.previous, b.current, b.since = b.current, delay, at
	default:
		b.current = min(b.current, delay)
	}
	return delay - b.least()
}

func (b *baseline) least() time.Duration { return min(b.current, b.previous) }

// refuted reports whether a queue over the base cannot be one.
func (b *baseline) refuted(now, queue time.Duration, arrived int, peak float64) bool {
	if queue < calm || peak == 0 {
		b.held = 0
		return false
	}
	age := now - b.heldFrom
	if b.held > 0 && float64(queue) >= holdShrink*float64(b.held) {
		if age < holdSpan {
			return false
		}
		if float64(arrived-b.arrived)*8/age.Seconds() < holdShare*peak {
			return true
		}
	}
	b.held, b.heldFrom, b.arrived = queue, now, arrived
	return false
}

// shift takes a queue for a part of the base.
func (b *baseline) shift(by time.Duration) {
	b.current, b.previous, b.held = b.current+by, b.previous+by, 0
}
