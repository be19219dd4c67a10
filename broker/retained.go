package broker

import (
	"github.com/mochi-mqtt/server/v2/packets"

	"seccam/pkg/credential"
)

// neverRetained is the Retain Handling "do not send" (MQTT 5, 3.8.3.1).
const neverRetained = 2

// deliverRetained sends a new wildcard subscription its retained messages, each written to the
// socket before the next is fetched: a portal with ten thousand cameras gets every status.
//
// They go out as QoS 0, below [MQTT-3.8.4-8], since the acknowledgements of so many cannot be
// awaited in the goroutine that reads them. Without sessions that outlive a connection, QoS 1 would
// add nothing: what TCP loses, ends the connection.
func (b *Broker) deliverRetained(s *session, sub packets.Subscription) {
	if _, granted := s.client.State.Subscriptions.Get(sub.Filter); !granted {
		return
	}
	var topics []string
	for _, pk := range b.server.Topics.Messages(sub.Filter) {
		topics = append(topics, pk.TopicName)
	}
	for _, topic := range topics {
		if s.conn.deaf.Load() != nil {
			return
		}
		if !s.allowed(credential.Subscribe, topic) {
			continue
		}
		if err := b.deliverLatest(s, sub, topic); err != nil {
			return
		}
	}
}

// deliverLatest sends a topic's retained message, and again if it was replaced meanwhile: the
// replacement may have overtaken the write. What is replaced later is delivered later.
func (b *Broker) deliverLatest(s *session, sub packets.Subscription, topic string) error {
	var sent packets.Packet
	for {
		latest, ok := b.server.Topics.Retained.Get(topic)
		if !ok || same(latest, sent) {
			return nil
		}
		out := latest.Copy(false)
		out.FixedHeader.Retain = true // [MQTT-3.3.1-8]
		out.FixedHeader.Qos = 0
		if sub.Identifier > 0 {
			out.Properties.SubscriptionIdentifier = []int{sub.Identifier} // [MQTT-3.3.4-3]
		}
		if err := s.client.WritePacket(out); err != nil {
			return err
		}
		sent = latest
	}
}

// same compares by identity: Mochi never changes a retained payload, it replaces the packet.
func same(a, b packets.Packet) bool {
	return len(a.Payload) > 0 && len(b.Payload) > 0 && &a.Payload[0] == &b.Payload[0]
}
