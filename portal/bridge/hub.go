// Package bridge connects each browser's WebSocket with MQTT: offers, candidates and byes to
// cameras, answers back, and the presence of the user's cameras.
//
// One offer on its way: conn.read → conn.handle → conn.offer (owner? online? stamp) → Publisher →
// the camera; and its answer: Hub.Deliver → the conn whose session it is → conn.write.
//
// What a camera or a browser sends is data: who sent it is known from the login and the topic.
package bridge

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"seccam/pkg/credential"
	"seccam/pkg/mqttclient"
	"seccam/pkg/signaling"
	"seccam/portal/store"
)

// Accounts tells whose a camera is.
type Accounts interface {
	Cameras(ctx context.Context, userID int64) ([]store.Camera, error)
	Camera(ctx context.Context, userID int64, cameraID string) (*store.Camera, error)
}

// Presence tells whether a camera is connected.
type Presence interface {
	Of(cameraID string) signaling.Presence
}

// ICE returns STUN and TURN servers with credentials for one end of a view.
type ICE interface {
	For(who string) []signaling.ICEServer
}

// Publisher sends to the broker, or fails at once while it is not connected.
type Publisher interface {
	Publish(ctx context.Context, m mqttclient.Message) error
}

// Config is what a hub needs. Every field is required.
type Config struct {
	Instance  string // this portal's part of the session topics
	Master    credential.Secret
	Accounts  Accounts
	Presence  Presence
	ICE       ICE
	Publisher Publisher
	Now       func() time.Time
	Log       *slog.Logger
}

// Hub knows the open WebSockets of this portal.
type Hub struct {
	cfg    Config
	minter minter
	stamps signaling.Stamper

	mu     sync.Mutex
	conns  map[signaling.ViewerID]*conn
	closed bool
	active sync.WaitGroup
}

// New returns a hub without connections.
func New(cfg Config) *Hub {
	return &Hub{cfg: cfg, minter: newMinter(cfg.Master), conns: map[signaling.ViewerID]*conn{}}
}

// add registers c under its viewer id. An older connection of the same id, which the browser has
// given up, hands its sessions over. It reports false when the hub is closed.
func (h *Hub) add(c *conn) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	if old := h.conns[c.viewer]; old != nil {
		c.sessions = old.takeSessions()
		old.end(closeReplaced)
	}
	h.conns[c.viewer] = c
	h.active.Add(1)
	return true
}

func (h *Hub) remove(c *conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.conns[c.viewer] == c {
		delete(h.conns, c.viewer)
	}
	h.active.Done()
}

// each calls f for every connection, outside of the lock.
func (h *Hub) each(f func(*conn)) {
	h.mu.Lock()
	all := make([]*conn, 0, len(h.conns))
	for _, c := range h.conns {
		all = append(all, c)
	}
	h.mu.Unlock()
	for _, c := range all {
		f(c)
	}
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
	c := h.conns[topic.Session.Viewer()]
	h.mu.Unlock()
	if c != nil {
		c.deliver(topic.Camera, m)
	}
}

var fromCamera = map[signaling.Type]bool{
	signaling.TypeAnswer: true, signaling.TypeCandidate: true, signaling.TypeBye: true, signaling.TypeError: true,
}

// PresenceChanged tells every page that shows the camera. It does not block.
func (h *Hub) PresenceChanged(cameraID string) {
	h.each(func(c *conn) { c.presenceChanged(cameraID) })
}

// EndLogin closes the connections of a login that ended, and their sessions at the cameras.
func (h *Hub) EndLogin(subject string) {
	h.each(func(c *conn) {
		if c.login.Subject == subject {
			c.end(closeLoggedOut)
		}
	})
}

// CutCamera ends the sessions with a camera that changed hands.
func (h *Hub) CutCamera(cameraID string) {
	h.each(func(c *conn) { c.cut(cameraID) })
}

// Close closes every connection, without ending the sessions at the cameras: the pictures go on and
// the pages reconnect to the next portal. It returns when all connections have ended.
func (h *Hub) Close() {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.each(func(c *conn) { c.end(closeRestart) })
	h.active.Wait()
}
