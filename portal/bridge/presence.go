package bridge

import (
	"context"
	"errors"

	"seccam/pkg/signaling"
	"seccam/portal/account"
	"seccam/portal/turn"
)

// welcome tells the page its viewer id and the ICE servers for its end.
func (c *conn) welcome() {
	c.queue(signaling.Message{
		Type: signaling.TypeWelcome, Viewer: c.id, ICEServers: c.servers(string(c.id), turn.Viewer), Policy: c.hub.cfg.Policy,
		Measure: c.hub.stages.on(),
	})
}

// showAll queues the presence of all cameras that the page may show.
func (c *conn) showAll(ctx context.Context) {
	cameras, err := c.visible(ctx)
	if err != nil {
		c.hub.cfg.Log.Error("list cameras", "user", c.pass.UserID, "error", err)
		c.end(closeDropped) // the page reconnects
		return
	}
	c.seeing.Lock()
	for _, access := range cameras {
		c.shown[access.Camera.ID], c.changed[access.Camera.ID] = true, true
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

// sendChanged sends the current presence of cameras that changed. Whether the page may know is asked again at
// the moment of sending; outside of the hours of a share, it may.
func (c *conn) sendChanged(ctx context.Context) {
	c.seeing.Lock()
	changed := c.changed
	c.changed = map[string]bool{}
	c.seeing.Unlock()
	for id := range changed {
		access, err := c.access(ctx, id)
		var closed *account.OutsideHoursError
		if err != nil && !errors.As(err, &closed) {
			continue // no longer for this user
		}
		presence := c.hub.cfg.Presence.Of(id)
		if err == nil {
			presence.Fingerprint = access.Camera.PinnedFingerprint
		}
		c.queue(signaling.Message{Type: signaling.TypeStatus, Camera: id, Presence: &presence})
	}
}
