package sound

// queue is the newest samples, first in, first out. Its zero value has no room; see newQueue.
type queue struct {
	ring         []int16
	first, count int
}

// newQueue returns a queue with room for size samples.
func newQueue(size int) queue { return queue{ring: make([]int16, size)} }

// push adds samples; the oldest make room.
func (q *queue) push(samples []int16) {
	samples = samples[max(0, len(samples)-len(q.ring)):]
	q.drop(q.count + len(samples) - len(q.ring))
	at := (q.first + q.count) % len(q.ring)
	n := copy(q.ring[at:], samples)
	copy(q.ring, samples[n:])
	q.count += len(samples)
}

// pop moves the oldest samples to out and returns how many there were.
func (q *queue) pop(out []int16) int {
	out = out[:min(len(out), q.count)]
	n := copy(out, q.ring[q.first:])
	copy(out[n:], q.ring)
	q.drop(len(out))
	return len(out)
}

// drop forgets the n oldest samples, or as many as there are.
func (q *queue) drop(n int) {
	n = max(0, min(n, q.count))
	q.first, q.count = (q.first+n)%len(q.ring), q.count-n
}
