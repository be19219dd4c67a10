package media

import (
	"sync"
	"sync/atomic"
	"time"
)

// A group of pictures longer than this is not kept: sending it to a joiner would take longer than a
// new key frame.
const (
	maxGroupUnits = 150
	maxGroupBytes = 4 << 20
)

// keyFrameSpacing is the least time between two forced key frames. A key frame costs as much as ten
// others, and viewers that lose packets together ask together.
const keyFrameSpacing = 300 * time.Millisecond

// hub hands each unit to every viewer, and the current group of pictures to new ones. Its lock is
// held for the time of a few channel operations that do not block.
type hub struct {
	mu      sync.Mutex
	group   []*Unit // from the last key frame on; empty if there is none or it grew too long
	bytes   int
	viewers map[*Viewer]struct{}

	wanted atomic.Bool // somebody needs a key frame
	counts counters
}

type counters struct {
	frames, keyFrames, bytes, dropped atomic.Uint64
}

func newHub() *hub { return &hub{viewers: map[*Viewer]struct{}{}} }

// publish gives u to every viewer. It never blocks.
func (h *hub) publish(u *Unit) {
	h.counts.frames.Add(1)
	h.counts.bytes.Add(uint64(u.Size))
	h.mu.Lock()
	defer h.mu.Unlock()
	h.keep(u)
	for v := range h.viewers {
		h.offer(v, u)
	}
}

func (h *hub) keep(u *Unit) {
	if u.Key {
		h.counts.keyFrames.Add(1)
		h.wanted.Store(false)
		h.group, h.bytes = make([]*Unit, 0, max(32, cap(h.group))), 0 // joiners hold the old one
	} else if len(h.group) == 0 {
		return
	}
	h.group, h.bytes = append(h.group, u), h.bytes+u.Size
	if len(h.group) > maxGroupUnits || h.bytes > maxGroupBytes {
		h.group = nil
	}
}

// offer queues u for v. If the queue is full, what waits in it is too old to be worth sending: v
// starts again at the next key frame.
func (h *hub) offer(v *Viewer, u *Unit) {
	if v.skipping && !u.Key {
		h.counts.dropped.Add(1)
		return
	}
	select {
	case v.queue <- item{unit: u}:
		v.skipping = false
	default:
		h.counts.dropped.Add(uint64(v.drain()) + 1)
		v.skipping = true
		h.wanted.Store(true)
	}
}

// publishSound gives s to every viewer; a viewer without room for it does without.
func (h *hub) publishSound(s *Sound) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for v := range h.viewers {
		select {
		case v.queue <- item{sound: s}:
		default:
		}
	}
}

// join adds v and returns the group of pictures that precedes the first unit it will be given.
func (h *hub) join(v *Viewer) []*Unit {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.viewers[v] = struct{}{}
	v.skipping = len(h.group) == 0
	if v.skipping {
		h.wanted.Store(true)
	}
	return h.group[:len(h.group):len(h.group)]
}

// leave removes v and what waits for it. Leaving twice is harmless.
func (h *hub) leave(v *Viewer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.viewers, v)
	v.drain()
}

// forget drops the group of pictures: what it shows is past.
func (h *hub) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.group, h.bytes = nil, 0
}
