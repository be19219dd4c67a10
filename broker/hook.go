package broker

import (
	"slices"
	"strings"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"seccam/pkg/credential"
)

// hook is the only hook: Mochi ORs the answers of several, so a second could only widen access.
type hook struct {
	mqtt.HookBase
	broker *Broker
}

var provided = []byte{
	mqtt.OnACLCheck, mqtt.OnPacketRead, mqtt.OnPacketEncode, mqtt.OnPacketProcessed,
	mqtt.OnSubscribe, mqtt.OnPublish, mqtt.OnPublishDropped, mqtt.OnWill,
}

// ID implements [mqtt.Hook].
func (*hook) ID() string { return "seccam" }

// Provides implements [mqtt.Hook]. It is asked several times per packet.
func (h *hook) Provides(b byte) bool {
	return slices.Contains(provided, b) || b == mqtt.OnPacketSent && h.broker.cfg.Tracer != nil
}

// sessionOf returns nil for a client that has not authenticated.
func sessionOf(cl *mqtt.Client) *session {
	if c, ok := cl.Net.Conn.(*conn); ok {
		return c.session.Load()
	}
	return nil
}

// OnACLCheck is asked for each publication (write), each filter of a SUBSCRIBE and each delivery.
func (h *hook) OnACLCheck(cl *mqtt.Client, topic string, write bool) bool {
	s := sessionOf(cl)
	if s == nil {
		return false
	}
	action := credential.Subscribe
	if write {
		action = credential.Publish
	}
	if s.allowed(action, topic) || !write && s.watches(topic) {
		return true
	}
	if write || !s.whole.Load() {
		h.broker.stats.denied.Add(1)
	}
	return false
}

// OnPacketRead ends the connection of a client that does what the CONNACK told it not to.
func (h *hook) OnPacketRead(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	s := sessionOf(cl)
	if s == nil {
		return pk, nil // its CONNECT
	}
	code := packets.CodeSuccess
	switch {
	case pk.FixedHeader.Type == packets.Publish && pk.FixedHeader.Qos > maximumQoS:
		code = packets.ErrQosNotSupported // [MQTT-3.2.2-11]; Mochi would answer a PUBACK
	case pk.FixedHeader.Type == packets.Subscribe && len(pk.Filters)+cl.State.Subscriptions.Len() > maxSubscriptions:
		code = packets.ErrQuotaExceeded
	}
	if code == packets.CodeSuccess {
		return pk, nil
	}
	s.cut(code)
	return pk, packets.ErrRejectPacket
}

// OnPacketEncode adds to the CONNACK what Mochi leaves out.
func (h *hook) OnPacketEncode(cl *mqtt.Client, pk packets.Packet) packets.Packet {
	if pk.FixedHeader.Type != packets.Connack || pk.ReasonCode != packets.CodeSuccess.Code {
		return pk
	}
	p := &pk.Properties
	p.MaximumPacketSize = uint32(h.broker.cfg.MaxPacketBytes) // [MQTT-3.2.2-15]
	p.SessionExpiryInterval, p.SessionExpiryIntervalFlag = 0, true
	p.SharedSubAvailable, p.SharedSubAvailableFlag = 0, true
	return pk
}

// OnPublish keeps retained messages to those that are state: a camera's status and configuration.
func (h *hook) OnPublish(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	h.broker.trace(cl, pk)
	if !pk.FixedHeader.Retain {
		return pk, nil
	}
	s := sessionOf(cl)
	if s != nil && s.retains(pk.TopicName) {
		pk.Properties.MessageExpiryInterval, pk.Expiry = 0, 0 // it must not vanish
		return pk, nil
	}
	h.broker.stats.denied.Add(1)
	if pk.FixedHeader.Qos == 0 {
		return pk, packets.ErrRejectPacket // any other error would let it through
	}
	if s != nil && cl.Properties.ProtocolVersion < protocol5 {
		s.cut(packets.ErrNotAuthorized) // MQTT 3.1.1 has no negative PUBACK
		return pk, packets.ErrRejectPacket
	}
	return pk, packets.ErrNotAuthorized
}

// OnPacketSent is provided for traces only.
func (h *hook) OnPacketSent(_ *mqtt.Client, pk packets.Packet, _ []byte) {
	if pk.FixedHeader.Type == packets.Publish {
		h.broker.passedOn(pk.TopicName)
	}
}

// OnPublishDropped counts what a slow client missed.
func (h *hook) OnPublishDropped(*mqtt.Client, packets.Packet) { h.broker.stats.dropped.Add(1) }

// OnSubscribe keeps the retained messages of a wildcard filter from Mochi, whose queue drops those
// beyond its length, and remembers that we owe them.
func (h *hook) OnSubscribe(cl *mqtt.Client, pk packets.Packet) packets.Packet {
	s := sessionOf(cl)
	s.owed = s.owed[:0]
	pk.Filters = slices.Clone(pk.Filters)
	for i, sub := range pk.Filters {
		if !strings.ContainsAny(sub.Filter, "+#") {
			continue
		}
		_, existed := cl.State.Subscriptions.Get(sub.Filter)
		pk.Filters[i].RetainHandling = neverRetained
		if sub.RetainHandling == 0 || sub.RetainHandling == 1 && !existed { // [MQTT-3.3.1-9..11]
			s.owed = append(s.owed, sub)
		}
	}
	return pk
}

// OnPacketProcessed follows the SUBACK.
func (h *hook) OnPacketProcessed(cl *mqtt.Client, pk packets.Packet, err error) {
	if pk.FixedHeader.Type != packets.Subscribe || err != nil {
		return
	}
	s := sessionOf(cl)
	for _, sub := range s.owed {
		h.broker.deliverRetained(s, sub)
	}
	s.owed = nil
}

// OnWill voids the Will of a connection that a newer one has replaced, and all of them when the
// broker ends: the retained state ends with it.
func (h *hook) OnWill(cl *mqtt.Client, will mqtt.Will) (mqtt.Will, error) {
	if s := sessionOf(cl); s == nil || s.superseded.Load() || h.broker.life.Err() != nil {
		return mqtt.Will{}, nil // a publication to no topic reaches nobody
	}
	h.broker.stats.wills.Add(1)
	return will, nil
}
