package session

import (
	"time"

	"seccam/pkg/signaling"
)

// maxAge is how far a message's stamp may be from now, by the portal's clock.
const maxAge = 60 * time.Second

// maxEnded bounds how many ended sessions are remembered. Remembering them for maxAge is enough,
// since an older message is refused by its stamp.
const maxEnded = 4096

// fresh reports whether a message with this stamp is of now. The stamp is the portal's Unix time in
// microseconds.
func fresh(seq uint64, now time.Time) bool {
	const limit = 1 << 62 // beyond it the conversion below would wrap
	if seq > limit {
		return false
	}
	age := now.Sub(time.UnixMicro(int64(seq)))
	return age.Abs() <= maxAge
}

// ended remembers the last stamp of sessions that are over, the oldest forgotten first.
type ended struct {
	last  map[signaling.SessionID]uint64
	order []signaling.SessionID
}

func (e *ended) add(id signaling.SessionID, seq uint64) {
	if e.last == nil {
		e.last = map[signaling.SessionID]uint64{}
	}
	if _, known := e.last[id]; !known {
		e.order = append(e.order, id)
	}
	e.last[id] = seq
	if len(e.order) > maxEnded {
		delete(e.last, e.order[0])
		e.order = e.order[1:]
	}
}

// get returns the last stamp of an ended session.
func (e *ended) get(id signaling.SessionID) (uint64, bool) {
	seq, ok := e.last[id]
	return seq, ok
}

// Candidates that overtook their offer wait for it, within these bounds.
const (
	maxEarlySessions   = 32
	maxEarlyCandidates = 32
)

// early keeps candidates of sessions whose offer has not come.
type early struct {
	waiting map[signaling.SessionID][]inbound
}

func (e *early) add(in inbound) bool {
	if e.waiting == nil {
		e.waiting = map[signaling.SessionID][]inbound{}
	}
	list := e.waiting[in.message.Session]
	if len(list) >= maxEarlyCandidates || len(list) == 0 && len(e.waiting) >= maxEarlySessions {
		return false
	}
	e.waiting[in.message.Session] = append(list, in)
	return true
}

func (e *early) take(id signaling.SessionID) []inbound {
	list := e.waiting[id]
	delete(e.waiting, id)
	return list
}

// prune drops what no offer came for.
func (e *early) prune(now time.Time) {
	for id, list := range e.waiting {
		if !fresh(list[0].message.Seq, now) {
			delete(e.waiting, id)
		}
	}
}
