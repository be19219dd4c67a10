package congestion

import (
	"slices"
	"time"
)

// Which bursts measure the capacity: those of this many packets or more, once there were some.
const (
	burstLeast  = 5
	burstsKept  = 5
	burstsKnown = 3
)

// What a burst must show to be choked: that much time more than it should take, and no single gap of
// more than this part of it.
const (
	chokeExcess = 150 * time.Millisecond
	chokeGap    = 3
)

// smoothing is the share of the way to the latest median that the capacity moves with each burst.
const smoothing = 0.5

// dispersion measures the bottleneck by the spacing that it gives to packets which were sent together:
// what arrived after the first packet, over the time that it took. The median of the last bursts
// leaves out those that met other traffic or a pause of the radio. A bottleneck that lets bursts pass
// at a higher rate than what it sustains (a token bucket), or delivers many packets at once (Wi-Fi
// aggregation), looks faster than it is. The zero value is ready.
type dispersion struct {
	samples     [burstsKept]float64
	count       int
	capacity    float64 // bit/s
	first, last time.Duration
	widest      time.Duration // gap between two packets
	packets     int
	bytes       int  // after the first packet
	broken      bool // some packets' report is missing, so that nothing can be said
}

// begin starts a burst with its first packet.
func (d *dispersion) begin(arrival time.Duration) {
	d.first, d.last, d.widest, d.packets, d.bytes, d.broken = arrival, arrival, 0, 1, 0, false
}

// add takes a further packet. One that was overtaken has no place in the spacing, but in the sum.
func (d *dispersion) add(arrival time.Duration, size int) {
	d.packets++
	d.bytes += size
	d.widest = max(d.widest, arrival-d.last)
	d.last = max(d.last, arrival)
}

// choked reports whether the burst takes so much longer than at a bitrate that the path is slower,
// which the first packet of the next burst would show too late: it waits behind this one. A pause of
// the radio, which is one wide gap, is not that.
func (d *dispersion) choked(rate float64) bool {
	span := d.last - d.first
	return d.packets >= burstLeast && !d.broken && d.widest <= span/chokeGap &&
		span-time.Duration(float64(d.bytes)*8/rate*float64(time.Second)) >= chokeExcess
}

// finish ends the burst.
func (d *dispersion) finish() {
	if d.packets < burstLeast || d.broken {
		return
	}
	// Arrival times are in units of deltaUnit, so that no span is known to be less.
	d.samples[d.count%burstsKept] = float64(d.bytes) * 8 / max(d.last-d.first, deltaUnit).Seconds()
	d.count++
	if d.count < burstsKnown {
		return
	}
	sorted := d.samples
	kept := sorted[:min(d.count, burstsKept)]
	slices.Sort(kept)
	median := kept[len(kept)/2]
	if d.capacity == 0 {
		d.capacity = median
	}
	d.capacity += smoothing * (median - d.capacity)
}
