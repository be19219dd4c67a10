package main

import (
	"context"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"seccam/pkg/credential"
	"seccam/pkg/mqttclient"
	"seccam/pkg/signaling"
	"seccam/portal/device"
	"seccam/portal/store"
)

// mqttConfig connects the portal to the broker as itself: one subscription for all viewers' answers,
// two for every camera's status and configuration, and one for the replies to what it asks cameras.
func (p *portal) mqttConfig() mqttclient.Config {
	cfg := mqttclient.Config{
		Credentials: p.mqttCredential,
		Subscriptions: []mqttclient.Subscription{
			{Filter: signaling.ToViewerFilter(p.instance), QoS: 0},
			{Filter: signaling.AllStatusFilter(), QoS: 1},
			{Filter: signaling.AllConfigReportedFilter(), QoS: 1},
			{Filter: signaling.AllTelemetryFilter(), QoS: 0},
			{Filter: signaling.AllEventsFilter(), QoS: 1},
			{Filter: signaling.RepliesFilter(p.identity().Subject()), QoS: 0},
		},
		OnUp:      func(context.Context) { p.log.Info("signalling is up", "instance", p.instance) },
		OnMessage: p.onMessage,
		Log:       p.log.With("in", "mqtt"),
	}
	if p.broker != nil {
		cfg.Dial = p.broker.Dial
	}
	return cfg
}

// identity is who this process is to the broker.
func (p *portal) identity() credential.Identity {
	return credential.Identity{Role: credential.RolePortal, ID: p.instance}
}

// portalTokenTTL is how long the portal's own token lives; it is replaced earlier.
const portalTokenTTL = 24 * time.Hour

func (p *portal) mqttCredential(context.Context) (mqttclient.Credential, error) {
	who := p.identity()
	token, _, err := p.keys.Issue(who, credential.PortalRules(p.instance), 0, time.Now(), portalTokenTTL)
	if err != nil {
		return mqttclient.Credential{}, err
	}
	addresses := shuffled(p.cfg.brokerURLs())
	if len(addresses) == 0 {
		addresses = []string{"mqtt://in-process"} // Dial makes the connection
	}
	return mqttclient.Credential{
		URLs: addresses, Username: p.keys.Username(who), Password: token, ClientID: who.Subject(),
		RenewAfter: portalTokenTTL * 8 / 10,
	}, nil
}

// onMessage routes what the broker delivers. Neither branch blocks.
func (p *portal) onMessage(m mqttclient.Message) {
	topic, err := signaling.ParseTopic(m.Topic)
	if err != nil {
		p.log.Warn("message dropped", "error", err)
		return
	}
	switch topic.Kind {
	case signaling.KindStatus:
		p.tracker.Handle(topic.Camera, m.Payload)
	case signaling.KindConfigReported:
		p.configs.Handle(topic.Camera, m.Payload)
	case signaling.KindTelemetry:
		p.vitals.Telemetry(topic.Camera, m.Payload)
	case signaling.KindEvent:
		p.vitals.Event(topic.Camera, m.Payload)
	case signaling.KindToViewer:
		p.hub.Deliver(topic, m.Payload)
	case signaling.KindReply:
		p.log.Debug("a camera's reply came too late", "camera", topic.Camera)
	}
}

// act makes one revocation take effect in this process.
func (p *portal) act(subject string) {
	if camera, released := strings.CutPrefix(subject, store.ReleasePrefix); released {
		p.hub.CutCamera(camera)
		p.tracker.Forget(camera)
		p.configs.Released(camera)
		return
	}
	if camera, grant := store.CameraOfGrant(subject); grant {
		p.hub.EndGrant(context.Background(), camera, subject)
		return
	}
	p.hub.EndLogin(subject)
	p.evict(subject)
}

// tokenTTL is how long a camera's token lives.
func (p *portal) tokenTTL() time.Duration {
	if p.broker == nil {
		return device.ForeignTokenTTL
	}
	return device.TokenTTL
}

// reconnectWithin is how long the broker needs to take all cameras back.
func (p *portal) reconnectWithin() time.Duration {
	return time.Duration(p.tracker.Known()) * time.Second / time.Duration(p.cfg.Reconnects)
}

// mqttURLs is where cameras find the broker. Of several addresses each camera is given another order, so that they
// spread over a cluster's nodes.
func (p *portal) mqttURLs() []string { return shuffled(splitURLs(p.mqttURL())) }

func shuffled(list []string) []string {
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// mqttURL is where cameras find the broker: as configured, or the embedded one's address. A host
// that is not specified means the host of the portal's URL.
func (p *portal) mqttURL() string {
	if p.cfg.MQTTURL != "" {
		return p.cfg.MQTTURL
	}
	address, scheme := p.broker.TCPAddr(), "mqtt"
	if tls := p.broker.TLSAddr(); tls != nil {
		address, scheme = tls, "mqtts"
	}
	if address == nil {
		return ""
	}
	host, port, _ := net.SplitHostPort(address.String())
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = ""
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}
