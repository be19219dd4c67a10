package session

import (
	"sync/atomic"
	"time"
)

// A viewer reports several times a second what has arrived, so one of whom nothing is heard for
// silenceTime is out of reach. ICE takes five times as long to say so (iceDisconnected).
const (
	silenceTime = time.Second
	listenEvery = 250 * time.Millisecond
)

// epoch is when this process began. Time since then is monotonic.
var epoch = time.Now()

// hearing knows when a viewer was last heard of. Its zero value has never heard of it.
type hearing struct {
	last    atomic.Int64 // since epoch
	noticed bool         // that it is silent; the manager's
}

func (h *hearing) note() { h.last.Store(int64(time.Since(epoch))) }

// silent reports whether a viewer who was heard of is not any more.
func (h *hearing) silent() bool {
	last := h.last.Load()
	return last != 0 && time.Since(epoch)-time.Duration(last) > silenceTime
}

// fellSilent is like silent, but true only once.
func (h *hearing) fellSilent() bool {
	before := h.noticed
	h.noticed = h.silent()
	return h.noticed && !before
}

// listenToAll tells when a viewer falls silent.
func (m *Manager) listenToAll() {
	fell := false
	for _, live := range m.sessions {
		fell = live.session.heard.fellSilent() || fell
	}
	if fell {
		m.cfg.Silent()
	}
}
