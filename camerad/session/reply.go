package session

import "seccam/pkg/signaling"

func (m *Manager) refuse(topic signaling.Topic, reason *signaling.Error) {
	m.cfg.Log.Warn("message refused", "session", topic.Session, "code", reason.Code, "why", reason.Message)
	m.cfg.send(topic, signaling.Message{Type: signaling.TypeError, Error: reason})
}

// send publishes m to the viewer of topic's session by topic's portal.
func (c *Config) send(topic signaling.Topic, m signaling.Message) {
	m.Session = topic.Session
	payload, err := signaling.Encode(m)
	if err != nil {
		c.Log.Error("message not sent", "type", m.Type, "error", err)
		return
	}
	topic.Kind, topic.Camera = signaling.KindToViewer, c.Camera
	c.Publish(topic.String(), payload)
}

// clip shortens a text that comes from a driver.
func clip(text string) string {
	if len(text) > signaling.MaxText/2 {
		return text[:signaling.MaxText/2] + "…"
	}
	return text
}
