package session

import (
	"time"

	"seccam/pkg/signaling"
)

// maxEnded bounds how many ended sessions are remembered. Remembering them for signaling.MaxAge is enough,
// since an older message is refused by its stamp.
const maxEnded = 4096

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
		if !signaling.Fresh(list[0].message.Seq, now) {
			delete(e.waiting, id)
		}
	}
}
