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

// hub hands each unit of one layer to every viewer of it, and the current group of pictures to new
// ones. Its lock is held for the time of a few channel operations that do not block.
type hub struct {
	mu      sync.Mutex
	group   []*Unit // from the last key frame on; empty if there is none or it grew too long
	bytes   int
	number  uint64 // of the latest unit
	members map[*Viewer]*member

	wanted atomic.Bool // somebody needs a key frame
	counts counters
}

// member is a viewer's place in a hub, owned by the hub.
type member struct {
	skipping bool // drops units until the next key frame
	keysOnly bool // is given key frames only
}

type counters struct {
	frames, keyFrames, bytes, dropped atomic.Uint64
}

func newHub() *hub { return &hub{members: map[*Viewer]*member{}} }

// publish gives u to every viewer. It never blocks.
func (h *hub) publish(u *Unit) {
	h.counts.frames.Add(1)
	h.counts.bytes.Add(uint64(u.Size))
	h.mu.Lock()
	defer h.mu.Unlock()
	h.number++
	u.number = h.number
	h.keep(u)
	claimed := make([]*Viewer, 0, len(h.members))
	for v, m := range h.members {
		if h.offer(v, m, u) && v.claim() {
			claimed = append(claimed, v)
		}
	}
	wake(claimed...)
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

// offer queues u for v, and reports whether it did. If the queue is full, what waits in it is too old to be
// worth sending: v starts again at the next key frame.
func (h *hub) offer(v *Viewer, m *member, u *Unit) bool {
	if !u.Key && (m.skipping || m.keysOnly) {
		if m.skipping {
			h.counts.dropped.Add(1)
		}
		return false
	}
	select {
	case v.queue <- item{unit: u, from: h}:
		m.skipping = false
		return true
	default:
		h.counts.dropped.Add(uint64(v.drain()) + 1)
		m.skipping = true
		h.wanted.Store(true)
		return false
	}
}

// join adds v and returns the group of pictures that precedes the first unit it will be given.
func (h *hub) join(v *Viewer) []*Unit {
	h.mu.Lock()
	defer h.mu.Unlock()
	m := &member{skipping: len(h.group) == 0}
	h.members[v] = m
	if m.skipping {
		h.wanted.Store(true)
	}
	return h.group[:len(h.group):len(h.group)]
}

// joinAtKey adds v, which will be given units from the next key frame on.
func (h *hub) joinAtKey(v *Viewer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.members[v] = &member{skipping: true}
}

// setKeysOnly has v given key frames only, or from the next one on everything again.
func (h *hub) setKeysOnly(v *Viewer, only bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if m := h.members[v]; m != nil && m.keysOnly != only {
		m.keysOnly, m.skipping = only, true
	}
}

// leave removes v. Leaving twice is harmless.
func (h *hub) leave(v *Viewer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.members, v)
}

// forget drops the group of pictures: what it shows is past.
func (h *hub) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.group, h.bytes = nil, 0
}

// cached returns the current group of pictures.
func (h *hub) cached() []*Unit {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.group[:len(h.group):len(h.group)]
}
