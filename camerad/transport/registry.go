package transport

import (
	"sync"
	"time"
)

// defaultPatience is how long a picture waits for its end. A viewer's packets of a picture are written
// in one go, so only a lost end, or a very busy machine, takes as long.
const defaultPatience = 5 * time.Millisecond

// registry has the streams by SSRC.
type registry struct {
	patience time.Duration // of the streams
	streams  table[uint32, *stream]

	mu     sync.Mutex // of those who replace it
	closed bool
	timers sync.WaitGroup // those of the streams that run
}

// get returns nil if ssrc is not registered.
func (r *registry) get(ssrc uint32) *stream { return r.streams.get(ssrc) }

// add registers ssrc. Viewers choose at random, so two may have the same: they share the stream, which
// none of them then seals for.
func (r *registry) add(ssrc uint32, sealer *sealer) (s *stream, forget func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, func() {}
	}
	if s = r.get(ssrc); s == nil {
		s = &stream{registry: r, sealer: sealer}
		r.streams.replace(func(streams map[uint32]*stream) { streams[ssrc] = s })
	} else {
		s.share()
	}
	s.users++
	return s, sync.OnceFunc(func() { r.remove(ssrc, s) })
}

func (r *registry) remove(ssrc uint32, s *stream) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.users--
	if s.users > 0 || r.closed {
		return
	}
	r.streams.replace(func(streams map[uint32]*stream) { delete(streams, ssrc) })
	s.close()
}

// close closes all streams and returns when none of their timers runs.
func (r *registry) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for _, s := range r.streams.all() {
		s.close()
	}
	r.timers.Wait()
}
