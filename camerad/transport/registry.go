package transport

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// defaultPatience is how long a picture waits for its end. A viewer's packets of a picture are written
// in one go, so only a lost end, or a very busy machine, takes as long.
const defaultPatience = 5 * time.Millisecond

// registry has the streams by SSRC. Reading it takes no lock: the map is never changed, but replaced.
type registry struct {
	patience time.Duration // of the streams
	streams  atomic.Pointer[map[uint32]*stream]

	mu     sync.Mutex // of those who replace it
	closed bool
	timers sync.WaitGroup // those of the streams that run
}

// get returns nil if ssrc is not registered.
func (r *registry) get(ssrc uint32) *stream {
	if streams := r.streams.Load(); streams != nil {
		return (*streams)[ssrc]
	}
	return nil
}

// add registers ssrc. Viewers choose at random, so two may have the same: they share the stream.
func (r *registry) add(ssrc uint32) (forget func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return func() {}
	}
	s := r.get(ssrc)
	if s == nil {
		s = &stream{registry: r}
		r.replace(func(streams map[uint32]*stream) { streams[ssrc] = s })
	}
	s.users++
	return sync.OnceFunc(func() { r.remove(ssrc, s) })
}

func (r *registry) remove(ssrc uint32, s *stream) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.users--
	if s.users > 0 || r.closed {
		return
	}
	r.replace(func(streams map[uint32]*stream) { delete(streams, ssrc) })
	s.close()
}

func (r *registry) replace(change func(map[uint32]*stream)) {
	streams := map[uint32]*stream{}
	if old := r.streams.Load(); old != nil {
		maps.Copy(streams, *old)
	}
	change(streams)
	r.streams.Store(&streams)
}

// close closes all streams and returns when none of their timers runs.
func (r *registry) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if streams := r.streams.Load(); streams != nil {
		for _, s := range *streams {
			s.close()
		}
	}
	r.timers.Wait()
}
