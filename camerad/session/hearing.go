package session

import (
	"sync/atomic"
	"time"
)

// Browsers report several times a second what has arrived, so one of whom nothing is heard for
// silenceTime is out of reach. ICE takes five times as long to say so (iceDisconnected).
const (
	silenceTime = time.Second
	oftenTime   = silenceTime / 2 // between two reports of who reports often; of others silence means nothing
	listenEvery = silenceTime / 4
)

// epoch is when this process began. Time since then is monotonic.
var epoch = time.Now()

// hearing knows when a viewer was last heard of. Its zero value has never heard of it.
type hearing struct {
	last    atomic.Int64 // since epoch
	often   atomic.Bool  // by the last two
	noticed bool         // that it is silent; the manager's
}

func (h *hearing) note() {
	now := int64(time.Since(epoch))
	h.often.Store(time.Duration(now-h.last.Swap(now)) < oftenTime)
}

// silent reports whether a viewer who was heard of often is not any more.
func (h *hearing) silent() bool {
	return h.often.Load() && time.Since(epoch)-time.Duration(h.last.Load()) > silenceTime
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
