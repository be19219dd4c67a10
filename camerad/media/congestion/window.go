package congestion

import "time"

// A window is of slots of about 33 ms and so reaches back for about one second, which is one group of
// pictures or more.
const (
	slotTime = 1 << 25 * time.Nanosecond
	slots    = 32
)

// Spans over which bitrates are measured: in the long one a key frame comes out even; the short one
// sees a change of the path soon.
const (
	longSpan  = slots * slotTime
	shortSpan = 9 * slotTime
)

// leastSpan is what bytes are divided by at least, so that the first burst is not taken for a bitrate.
const leastSpan = 3 * slotTime

// window sums bytes over the last second. The zero value is empty.
type window struct {
	bytes         [slots]uint32
	newest        int64 // number of the newest slot
	started       bool
	first, latest time.Duration
}

// add counts n bytes at a time that may be a little before the latest one; what is older than the
// window is dropped.
func (w *window) add(at time.Duration, n int) {
	slot := int64(at / slotTime)
	if !w.started || slot-w.newest >= slots {
		*w = window{started: true, first: at, latest: at, newest: slot}
	}
	for w.newest < slot {
		w.newest++
		w.bytes[w.newest&(slots-1)] = 0
	}
	if w.newest-slot < slots {
		w.bytes[slot&(slots-1)] += uint32(n)
	}
	w.latest = max(w.latest, at)
}

// rate returns the bit/s over the last span up to the latest addition; 0 if there was none. Until
// the span has passed once, it is over what has.
func (w *window) rate(span time.Duration) float64 {
	if !w.started {
		return 0
	}
	count := int64(span / slotTime)
	total := uint64(0)
	for slot := w.newest - count + 1; slot <= w.newest; slot++ {
		total += uint64(w.bytes[slot&(slots-1)])
	}
	begun := max(time.Duration(w.newest-count+1)*slotTime, w.first)
	return float64(total) * 8 / max(w.latest-begun, leastSpan).Seconds()
}

// age is for how long the window has been counting without a pause longer than itself.
func (w *window) age() time.Duration { return w.latest - w.first }
