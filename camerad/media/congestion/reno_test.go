package congestion

import "time"

// reno is a bulk transfer by TCP that shares the link, roughly: slow start, one more packet per round
// trip, half after a loss.
type reno struct {
	from, to  time.Duration
	window    float64 // packets
	threshold float64
	flying    []time.Duration // when acknowledgements come
	reduced   time.Duration
	bytes     int
}

func (r *reno) step(l *link, now time.Duration) {
	if now < r.from || now >= r.to {
		return
	}
	if r.window == 0 {
		r.window, r.threshold = 10, 1e9
	}
	for len(r.flying) > 0 && r.flying[0] <= now {
		r.flying = r.flying[1:]
		r.bytes += packetSize
		if r.window < r.threshold {
			r.window++
		} else {
			r.window += 1 / r.window
		}
	}
	for float64(len(r.flying)) < r.window {
		arrival, ok := l.send(now, packetSize)
		if !ok {
			if now-r.reduced > 200*time.Millisecond {
				r.window = max(2, r.window/2)
				r.threshold, r.reduced = r.window, now
			}
			return
		}
		r.flying = append(r.flying, arrival+20*time.Millisecond)
	}
}
