package congestion

import "time"

// leakMargin is how much faster than the stream a path is that is just fast enough.
const leakMargin = 1.1

// maxBacklog limits what is excused, so that a wrong idea of the stream's bitrate cannot hide
// congestion for longer.
const maxBacklog = 800 * time.Millisecond

// measureInterval is how often the stream's bitrate is computed anew.
const measureInterval = 10 * time.Millisecond

// spread is by how much the bitrate that the caller announced may differ from the measured one before
// it is disbelieved: an encoder's bitrate is reached later than asked for.
const spread = 1.3

// backlog is the queue that the stream would form on a path that is just fast enough for it: a leaky
// bucket that drains a little faster than the stream's average bitrate. Any path that can carry the
// stream delays no packet for longer. The zero value is empty.
type backlog struct {
	sent     window
	bytes    float64
	at       time.Duration // up to which it has drained
	rate     float64       // at which it drains, in bit/s
	measured time.Duration // when the rate was computed
}

// add puts a packet into the queue and returns for how long it may wait there. Packets are added in
// the order of sending; target is what the caller said is sent at most, in bit/s, 0 if nothing.
func (b *backlog) add(at time.Duration, size int, target float64) (allowance time.Duration) {
	b.sent.add(at, size)
	if b.rate == 0 || at-b.measured >= measureInterval {
		b.rate, b.measured = leakMargin*b.streamRate(target), at
	}
	b.bytes = max(0, b.bytes-b.rate/8*max(0, at-b.at).Seconds())
	b.at = at
	allowance = min(time.Duration(b.bytes*8/b.rate*float64(time.Second)), maxBacklog)
	b.bytes = min(b.bytes, b.rate/8*maxBacklog.Seconds()) + float64(size)
	return allowance
}

// streamRate is the stream's average bitrate. What was measured lags behind by half a second, and
// knows too little of the first second.
func (b *backlog) streamRate(target float64) float64 {
	measured := max(b.sent.rate(longSpan), 1)
	switch {
	case target <= 0:
		return measured
	case b.sent.age() < longSpan:
		return target
	}
	return min(max(measured, min(target, spread*measured)), spread*target)
}
