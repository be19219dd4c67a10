package sound

import "sync"

// How long sound waits before it is played, in samples: that of a talker over a wireless network comes
// some ten milliseconds early or late.
const (
	jitterTarget = Rate * 60 / 1000
	jitterMax    = Rate * 200 / 1000
)

// jitterBuffer makes an even flow of sound that comes unevenly.
type jitterBuffer struct {
	mu      sync.Mutex
	queue   queue
	playing bool
	waited  int // samples since the first one came, while not playing
}

func newJitterBuffer() jitterBuffer { return jitterBuffer{queue: newQueue(jitterMax)} }

// push adds samples. If they are too many, so many of the oldest go that the delay is as intended again:
// one gap is heard less than a late voice.
func (b *jitterBuffer) push(samples []int16) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if all := b.queue.count + len(samples); all > jitterMax {
		b.queue.drop(all - jitterTarget)
	}
	b.queue.push(samples)
}

// pull fills out with what is to be played now, which may be silence.
func (b *jitterBuffer) pull(out []int16) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	if b.begin(len(out)) {
		n = b.queue.pop(out)
		b.playing = n == len(out)
	}
	clear(out[n:])
}

// begin reports whether sound is played, now that n samples more have passed.
func (b *jitterBuffer) begin(n int) bool {
	switch {
	case b.playing:
	case b.queue.count == 0:
		b.waited = 0
	case b.waited < jitterTarget:
		b.waited += n
	default:
		b.playing, b.waited = true, 0
	}
	return b.playing
}
