package congestion

import (
	"math/rand/v2"
	"time"
)

// link is a path in virtual time: a queue before a bottleneck, then a delay. Packets are given to it in
// the order of time.
type link struct {
	rate    func(time.Duration) float64       // bit/s of the bottleneck
	limit   int                               // bytes that queue at most
	delay   time.Duration                     // from the bottleneck to the receiver
	loss    func(time.Duration) float64       // share lost at random, after the bottleneck
	extra   func(time.Duration) time.Duration // further delay
	jitter  time.Duration                     // added, uniform from 0 on
	reorder bool                              // jitter may change the order
	bucket  float64                           // bytes that pass at lineRate when saved up, as in a token bucket; 0 none
	policer bool                              // drops what the bucket does not let pass, instead of queueing it

	random  *rand.Rand
	free    time.Duration // when the bottleneck has sent all that queues
	queue   []queued
	tokens  float64
	refill  time.Duration
	highest time.Duration // latest arrival
}

type queued struct {
	gone time.Duration
	size int
}

const lineRate = 100e6

func steady(rate float64) func(time.Duration) float64 {
	return func(time.Duration) float64 { return rate }
}

// send returns when the packet arrives, or false if it never does.
func (l *link) send(now time.Duration, size int) (time.Duration, bool) {
	if l.policer {
		l.save(now)
		if l.tokens < float64(size) {
			return 0, false
		}
		l.tokens -= float64(size)
	} else if !l.enqueue(now, size) {
		return 0, false
	}
	if l.loss != nil && l.random.Float64() < l.loss(now) {
		return 0, false
	}
	arrival := max(now, l.free) + l.delay
	if l.extra != nil {
		arrival += l.extra(now)
	}
	if l.jitter > 0 {
		arrival += time.Duration(l.random.Int64N(int64(l.jitter)))
	}
	if !l.reorder {
		arrival = max(arrival, l.highest)
	}
	l.highest = max(l.highest, arrival)
	return arrival, true
}

// enqueue reports false if the queue is full.
func (l *link) enqueue(now time.Duration, size int) bool {
	if l.backlog(now)+size > l.limit {
		return false
	}
	start := max(now, l.free)
	if l.bucket > 0 {
		l.save(start)
		if missing := float64(size) - l.tokens; missing > 0 {
			start += seconds(missing * 8 / l.rate(start))
			l.save(start)
		}
		l.tokens -= float64(size)
		l.free = start + seconds(float64(size)*8/lineRate)
	} else {
		l.free = start + seconds(float64(size)*8/l.rate(start))
	}
	l.queue = append(l.queue, queued{l.free, size})
	return true
}

func (l *link) save(now time.Duration) {
	l.tokens = min(l.bucket, l.tokens+l.rate(now)/8*(now-l.refill).Seconds())
	l.refill = now
}

// backlog is in bytes.
func (l *link) backlog(now time.Duration) (bytes int) {
	for len(l.queue) > 0 && l.queue[0].gone <= now {
		l.queue = l.queue[1:]
	}
	for _, q := range l.queue {
		bytes += q.size
	}
	return bytes
}

// wait is for how long a packet sent now would queue.
func (l *link) wait(now time.Duration) time.Duration { return max(0, l.free-now) }

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
