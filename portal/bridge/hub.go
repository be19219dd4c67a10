// Package bridge connects those who watch with MQTT: offers, candidates and byes to cameras, answers
// back, and to pages the presence of the user's cameras.
//
//	page ── conn (its WebSocket) ────┐
//	                                 ├─ viewer (which sessions? whose camera?) ─ Hub ─ MQTT ─ camera
//	program ── Program (requests) ───┘
//
// One offer of a page on its way: conn.read → conn.handle → viewer.offer (whose? online? stamp) →
// Publisher → the camera; and its answer: Hub.Deliver → viewer.receive → conn.queue → conn.write.
//
// What a camera or a viewer sends is data: who sent it is known from the login and the topic.
package bridge

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"seccam/pkg/credential"
	"seccam/pkg/mqttclient"
	"seccam/pkg/signaling"
	"seccam/portal/account"
	"seccam/portal/turn"
)

// Accounts tells what people may do with cameras.
type Accounts interface {
	Visible(ctx context.Context, userID int64) ([]account.Access, error)
	Access(ctx context.Context, userID int64, cameraID string) (account.Access, error)
}

// Presence tells whether a camera is connected.
type Presence interface {
	Of(cameraID string) signaling.Presence
}

// ICE returns STUN and TURN servers with credentials for one end of a view.
type ICE interface {
	For(who turn.Who) []signaling.ICEServer
}

// Publisher sends to the broker, or fails at once while it is not connected.
type Publisher interface {
	Publish(ctx context.Context, m mqttclient.Message) error
}

// Config is what a hub needs. Every field but Traces is required.
type Config struct {
	Instance string // this portal's part of the session topics
	Master   credential.Secret
	Accounts Accounts
	Presence Presence
	ICE      ICE
	Policy   signaling.Policy // which paths views may take
	// Ended is told of sessions, and of viewers, that are over: what was minted for them is to die. It
	// does not block.
	Ended func(who string)
	// Watched is told of views that begin and end. It does not block.
	Watched   func(account.View)
	Publisher Publisher
	Traces    Traces // nil if there are to be none
	Now       func() time.Time
	Log       *slog.Logger
}

// Hub knows those who watch through this portal.
type Hub struct {
	cfg    Config
	minter minter
	stamps signaling.Stamper
	stages *stages

	mu      sync.Mutex
	viewers map[signaling.ViewerID]*viewer
	watched map[signaling.SessionID]watching
	closed  bool
	active  sync.WaitGroup
}

// New returns a hub that nobody watches through yet.
func New(cfg Config) *Hub {
	return &Hub{
		cfg: cfg, minter: newMinter(cfg.Master), stages: newStages(cfg.Traces, cfg.Now),
		viewers: map[signaling.ViewerID]*viewer{}, watched: map[signaling.SessionID]watching{},
	}
}

// add registers v under its id. An older connection of the same id, which the browser has given up,
// hands its sessions over. It reports false when the hub is closed.
func (h *Hub) add(v *viewer) bool {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return false
	}
	old := h.viewers[v.id]
	if old != nil {
		v.sessions = old.takeSessions()
	}
	h.viewers[v.id] = v
	h.active.Add(1)
	h.mu.Unlock()
	if old != nil {
		old.out.end(closeReplaced)
	}
	return true
}

// remove forgets v, once.
func (h *Hub) remove(v *viewer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.viewers[v.id] == v {
		delete(h.viewers, v.id)
	}
	h.active.Done()
}

// each calls f for every viewer, outside of the lock.
func (h *Hub) each(f func(*viewer)) {
	h.mu.Lock()
	all := slices.Collect(maps.Values(h.viewers))
	h.mu.Unlock()
	for _, v := range all {
		f(v)
	}
}

// Counts returns how many pages and programs are connected, and how many views they have.
func (h *Hub) Counts() (pages, programs, views int) {
	h.each(func(v *viewer) {
		if _, page := v.out.(*conn); page {
			pages++
		} else {
			programs++
		}
		v.mu.Lock()
		views += len(v.sessions)
		v.mu.Unlock()
	})
	return pages, programs, views
}

// Deliver passes a camera's message to the viewer whose session it is. It does not block. A message
// for a session that is not with this camera is dropped: a camera speaks only for itself.
func (h *Hub) Deliver(topic signaling.Topic, payload []byte) {
	m, err := signaling.Decode(payload)
	if err != nil || m.Session != topic.Session || !fromCamera[m.Type] {
		h.cfg.Log.Warn("message from a camera dropped", "camera", topic.Camera, "session", topic.Session, "error", err)
		return
	}
	h.mu.Lock()
	v := h.viewers[topic.Session.Viewer()]
	ends := m.Type == signaling.TypeBye && h.watched[m.Session].camera == topic.Camera
	h.mu.Unlock()
	if ends { // also of a viewer who is not there any more
		h.over(m.Session)
	}
	if v != nil {
		v.receive(topic.Camera, m)
	}
}

var fromCamera = map[signaling.Type]bool{
	signaling.TypeAnswer: true, signaling.TypeCandidate: true, signaling.TypeRestart: true, signaling.TypeBye: true, signaling.TypeError: true,
}

// PresenceChanged tells every page that shows the camera. It does not block.
func (h *Hub) PresenceChanged(cameraID string) {
	h.each(func(v *viewer) { v.out.presenceChanged(cameraID) })
}

// EndLogin ends those who watch by a login that ended, and their sessions at the cameras.
func (h *Hub) EndLogin(subject string) { h.endAll(subject, closeLoggedOut) }

func (h *Hub) endAll(subject string, why ending) {
	h.each(func(v *viewer) {
		if v.pass.Subject == subject {
			v.out.end(why)
		}
	})
}

// EndGrant ends those who watch a camera by a grant. The camera is told, too: it may have views by it
// that this portal knows nothing of, begun by another one or before a restart.
func (h *Hub) EndGrant(ctx context.Context, camera, grant string) {
	h.endAll(grant, closeRevoked)
	h.each(func(v *viewer) { v.cut(func(at seat) bool { return at.grant == grant && at.camera == camera }) })
	err := h.publish(ctx, camera, signaling.Message{
		Type: signaling.TypeBye, Session: h.minter.mint("0").Session(1), Grant: grant, Reason: signaling.ReasonRevoked,
	})
	if err != nil {
		h.cfg.Log.Warn("the end of a grant was not sent", "camera", camera, "error", err)
	}
}

// CutCamera ends the sessions with a camera that changed hands.
func (h *Hub) CutCamera(cameraID string) {
	h.each(func(v *viewer) { v.cut(func(at seat) bool { return at.camera == cameraID }) })
}

// Close ends every viewer, but not the sessions at the cameras: the pictures go on and the pages
// reconnect to the next portal. It returns when all connections have ended.
func (h *Hub) Close() {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.each(func(v *viewer) { v.out.end(closeRestart) })
	h.active.Wait()
	h.stages.close()
}
