package bridge

import (
	"time"

	"seccam/pkg/signaling"
	"seccam/portal/account"
)

// maxWatched bounds the views that are remembered until they end: that of a camera which never says so is
// forgotten some day.
const maxWatched = 10_000

// watching is a view that began and has not ended.
type watching struct {
	camera string
	actor  account.Actor
	began  time.Time
}

// began tells that a camera answered a viewer, once for each session.
func (h *Hub) began(session signaling.SessionID, camera string, actor account.Actor) {
	h.mu.Lock()
	_, known := h.watched[session]
	if known || len(h.watched) >= maxWatched {
		h.mu.Unlock()
		return
	}
	h.watched[session] = watching{camera, actor, h.cfg.Now()}
	h.mu.Unlock()
	h.cfg.Watched(account.View{Camera: camera, Session: string(session), Actor: actor})
}

// over tells that a view has ended, whoever said so.
func (h *Hub) over(session signaling.SessionID) {
	h.stages.ended(session, "")
	h.mu.Lock()
	w, known := h.watched[session]
	delete(h.watched, session)
	h.mu.Unlock()
	if known {
		h.cfg.Watched(account.View{
			Camera: w.camera, Session: string(session), Actor: w.actor, Ended: true, Lasted: h.cfg.Now().Sub(w.began),
		})
	}
}
