package broker

import (
	"context"
	"log/slog"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"seccam/pkg/signaling"
)

// trace lets the log at level debug follow one view through the broker, by the session that the page, the portal and
// the camera name, too. What is said stays out of it.
func (b *Broker) trace(from *mqtt.Client, pk packets.Packet) {
	if !b.log.Enabled(context.Background(), slog.LevelDebug) {
		return
	}
	if topic, err := signaling.ParseTopic(pk.TopicName); err == nil && topic.Session != "" {
		b.log.Debug("broker: session message", "session", topic.Session, "from", from.ID, "bytes", len(pk.Payload))
	}
}
