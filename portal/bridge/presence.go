package bridge

import (
	"context"

	"seccam/pkg/signaling"
	"seccam/portal/turn"
)

// welcome tells the page its viewer id and the ICE servers for its end.
func (c *conn) welcome() {
	c.queue(signaling.Message{
		Type: signaling.TypeWelcome, Viewer: c.id, ICEServers: c.servers(string(c.id), turn.Viewer), Policy: c.hub.cfg.Policy,
	})
}

// showAll queues the presence of all the user's cameras.
func (c *conn) showAll(ctx context.Context) {
	cameras, err := c.hub.cfg.Accounts.Cameras(ctx, c.pass.UserID)
	if err != nil {
		c.hub.cfg.Log.Error("list cameras", "user", c.pass.UserID, "error", err)
		c.end(closeDropped) // the page reconnects
		return
	}
	c.seeing.Lock()
	for _, camera := range cameras {
		c.shown[camera.ID], c.changed[camera.ID] = true, true
	}
	c.seeing.Unlock()
	c.wakeUp()
}

// presenceChanged has the writer send a camera's presence, if the page shows it. It implements outlet.
func (c *conn) presenceChanged(camera string) {
	c.seeing.Lock()
	shown := c.shown[camera]
	if shown {
		c.changed[camera] = true
	}
	c.seeing.Unlock()
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
	c.seeing.Lock()
	changed := c.changed
	c.changed = map[string]bool{}
	c.seeing.Unlock()
	for id := range changed {
		camera, err := c.hub.cfg.Accounts.Camera(ctx, c.pass.UserID, id)
		if err != nil {
			continue // no longer this user's
		}
		presence := c.hub.cfg.Presence.Of(id)
		presence.Fingerprint = camera.PinnedFingerprint
		c.queue(signaling.Message{Type: signaling.TypeStatus, Camera: id, Presence: &presence})
	}
}
