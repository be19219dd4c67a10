package signaling

import (
	"sync/atomic"
	"time"
)

// MaxAge is how far a stamp may be from now, by the portal's clock.
const MaxAge = 60 * time.Second

// maxAhead is how far a stamp may run before the clock. After a clock was set back by more, being of
// now counts more than the order.
const maxAhead = 30 * time.Second

// Fresh reports whether a stamp, the portal's Unix time in microseconds, is of now. Who obeys a
// stamped message also refuses a stamp that is not greater than the last one it obeyed: both together
// stop replays.
func Fresh(seq uint64, now time.Time) bool {
	const limit = 1 << 62 // beyond it the conversion below would wrap
	if seq > limit {
		return false
	}
	return now.Sub(time.UnixMicro(int64(seq))).Abs() <= MaxAge
}

// Stamper makes the stamps of one portal. Its zero value is ready, and safe for concurrent use.
type Stamper struct{ last atomic.Uint64 }

// Next is now in microseconds, but always greater than the one before, also when the clock is set
// back a little.
func (s *Stamper) Next(now time.Time) uint64 {
	for {
		last, next := s.last.Load(), uint64(now.UnixMicro())
		if last >= next && last-next < uint64(maxAhead.Microseconds()) {
			next = last + 1
		}
		if s.last.CompareAndSwap(last, next) {
			return next
		}
	}
}
