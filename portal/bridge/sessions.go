package bridge

import (
	"context"

	"seccam/pkg/signaling"
)

// remember records that a session is with a camera; false means that the page has too many.
func (c *conn) remember(id signaling.SessionID, camera string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sessions[id] == nil && len(c.sessions) >= maxSessions {
		return false
	}
	c.sessions[id] = &session{camera}
	return true
}

func (c *conn) cameraOf(id signaling.SessionID) (camera string, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.sessions[id]
	if s == nil {
		return "", false
	}
	return s.camera, true
}

func (c *conn) forget(id signaling.SessionID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.sessions, id)
}

// takeSessions empties the connection's sessions into the caller's hands.
func (c *conn) takeSessions() map[signaling.SessionID]*session {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := c.sessions
	c.sessions = map[signaling.SessionID]*session{}
	return taken
}

// cut ends this page's sessions with a camera that is no longer its user's, at both ends.
func (c *conn) cut(camera string) {
	c.mu.Lock()
	var ended []signaling.SessionID
	for id, s := range c.sessions {
		if s.camera == camera {
			ended = append(ended, id)
			delete(c.sessions, id)
		}
	}
	delete(c.shown, camera)
	c.mu.Unlock()
	for _, id := range ended {
		c.bye(context.Background(), camera, id, signaling.ReasonRevoked)
		c.queue(signaling.Message{Type: signaling.TypeBye, Session: id, Camera: camera, Reason: signaling.ReasonRevoked})
	}
}

// byeAll ends every session at its camera.
func (c *conn) byeAll(ctx context.Context, reason string) {
	for id, s := range c.takeSessions() {
		c.bye(ctx, s.camera, id, reason)
	}
}

func (c *conn) bye(ctx context.Context, camera string, id signaling.SessionID, reason string) {
	err := c.publish(ctx, camera, id, signaling.Message{Type: signaling.TypeBye, Reason: reason})
	if err != nil {
		c.hub.cfg.Log.Warn("bye not sent", "camera", camera, "session", id, "error", err)
	}
}

// welcome tells the page its viewer id and the ICE servers for its end.
func (c *conn) welcome() {
	c.queue(signaling.Message{
		Type: signaling.TypeWelcome, Viewer: c.viewer, ICEServers: c.hub.cfg.ICE.For(string(c.viewer)),
	})
}

// showAll queues the presence of all the user's cameras.
func (c *conn) showAll(ctx context.Context) {
	cameras, err := c.hub.cfg.Accounts.Cameras(ctx, c.login.UserID)
	if err != nil {
		c.hub.cfg.Log.Error("list cameras", "user", c.login.UserID, "error", err)
		c.end(closeDropped) // the page reconnects
		return
	}
	c.mu.Lock()
	for _, camera := range cameras {
		c.shown[camera.ID], c.changed[camera.ID] = true, true
	}
	c.mu.Unlock()
	c.wakeUp()
}

// presenceChanged has the writer send a camera's presence, if the page shows it.
func (c *conn) presenceChanged(camera string) {
	c.mu.Lock()
	shown := c.shown[camera]
	if shown {
		c.changed[camera] = true
	}
	c.mu.Unlock()
	if shown {
		c.wakeUp()
	}
}

func (c *conn) wakeUp() {
	select {
	case c.wake <- struct{}{}:
	default: // the writer will look anyway
	}
}

// sendChanged sends the current presence of cameras that changed. Ownership is read again at the
// moment of sending.
func (c *conn) sendChanged(ctx context.Context) {
	c.mu.Lock()
	changed := c.changed
	c.changed = map[string]bool{}
	c.mu.Unlock()
	for id := range changed {
		camera, err := c.hub.cfg.Accounts.Camera(ctx, c.login.UserID, id)
		if err != nil {
			continue // no longer this user's
		}
		presence := c.hub.cfg.Presence.Of(id)
		presence.Fingerprint = camera.PinnedFingerprint
		c.queue(signaling.Message{Type: signaling.TypeStatus, Camera: id, Presence: &presence})
	}
}
