package broker

import (
	"sync"
	"time"
)

const (
	// takeoverTimeout is how long a new connection waits for the end of the one it replaces, which
	// may be in a write of WriteTimeout.
	takeoverTimeout = 5 * time.Second
	// More than flapLimit takeovers of one slot within flapWindow is flapping: two processes with
	// one credential, each throwing the other out.
	flapLimit  = 5
	flapWindow = time.Minute
)

// registry knows every session and which of them has each slot.
type registry struct {
	mu      sync.Mutex
	all     map[*session]struct{}
	current map[string]*session
	flaps   map[string]*flapping
	churn   uint64 // sessions added and removed since the beginning
}

type flapping struct {
	since time.Time
	count int
}

func newRegistry() *registry {
	return &registry{
		all:     map[*session]struct{}{},
		current: map[string]*session{},
		flaps:   map[string]*flapping{},
	}
}

// add makes s known, so that a revocation finds it. It does not take its slot yet.
func (r *registry) add(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all[s] = struct{}{}
	r.churn++
}

// take gives s its slot and returns who had it, now superseded, and whether this takeover is the
// first beyond flapLimit in its window.
func (r *registry) take(s *session, now time.Time) (old *session, flaps bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old = r.current[s.slot]
	r.current[s.slot] = s
	if old == nil {
		return nil, false
	}
	old.superseded.Store(true)
	f := r.flaps[s.slot]
	if f == nil || now.Sub(f.since) >= flapWindow {
		f = &flapping{since: now}
		r.flaps[s.slot] = f
	}
	f.count++
	return old, f.count == flapLimit+1
}

// giveBack undoes take when old does not end: it keeps its slot, and its Will speaks.
func (r *registry) giveBack(s, old *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old.superseded.Store(false)
	if _, alive := r.all[old]; alive && r.current[s.slot] == s {
		r.current[s.slot] = old
	}
}

// remove forgets s.
func (r *registry) remove(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.all, s)
	r.churn++
	if r.current[s.slot] == s {
		delete(r.current, s.slot)
	}
}

// matching returns the sessions that match.
func (r *registry) matching(match func(*session) bool) []*session {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []*session
	for s := range r.all {
		if match(s) {
			found = append(found, s)
		}
	}
	return found
}

// sweep forgets takeovers that are too old to be flapping, and returns the churn so far.
func (r *registry) sweep(now time.Time) (churn uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for slot, f := range r.flaps {
		if now.Sub(f.since) >= flapWindow {
			delete(r.flaps, slot)
		}
	}
	return r.churn
}

func (r *registry) len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.all)
}
