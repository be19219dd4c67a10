package main

import (
	"context"
	"crypto/rand"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"seccam/pkg/mqttclient"
	"seccam/pkg/signaling"

	"golang.org/x/time/rate"
)

// outboxSize bounds what waits to be published; a signalling message that waits long is worthless.
const outboxSize = 512

// sessionExpiry is how long the broker may keep a signalling message.
const sessionExpiry = 30 * time.Second

// farewell is how long a stopping camera tries to say bye to its viewers.
const farewell = 2 * time.Second

// link is the camera's MQTT connection: its presence, and the way in and out for sessions and for
// requests. Its function fields are set before it runs.
type link struct {
	camera  string
	client  *mqttclient.Client
	log     *slog.Logger
	outbox  chan mqttclient.Message
	report  func() signaling.Status            // all but presence itself
	deliver func(topic string, payload []byte) // a session's message
	call    func(mqttclient.Message)           // a request to one of the camera's methods
	desire  func(payload []byte)               // how it is to be configured
	back    func(ctx context.Context)          // the camera can be reached again

	boot       string
	connection atomic.Uint64 // counts connections
	reason     atomic.Value  // of the last words: a string
	poked      chan struct{} // the status is to be published
	doubts     chan struct{} // whether the broker hears us
	renewals   rate.Sometimes
}

func newLink(portal *portalClient, log *slog.Logger) (*link, error) {
	l := &link{
		camera: portal.camera, log: log, boot: rand.Text(),
		outbox: make(chan mqttclient.Message, outboxSize), poked: make(chan struct{}, 1), doubts: make(chan struct{}, 1),
		renewals: rate.Sometimes{Interval: renewInterval},
	}
	l.reason.Store(signaling.OfflineShutdown)
	status := signaling.StatusTopic(l.camera)
	client, err := mqttclient.New(mqttclient.Config{
		Credentials: portal.credentials,
		Will:        l.will,
		LastWords:   l.lastWords,
		Subscriptions: []mqttclient.Subscription{
			{Filter: signaling.ToCameraFilter(l.camera), QoS: 0},
			{Filter: signaling.RPCFilter(l.camera), QoS: 0},
			{Filter: status, QoS: 1},
			{Filter: signaling.ConfigDesiredTopic(l.camera), QoS: 1, Optional: true},
		},
		OnUp:      l.up,
		OnDown:    func(err error) { log.Debug("connection down", "error", err) },
		OnMessage: l.received,
		TLS:       portal.trust, Log: log,
	})
	l.client = client
	return l, err
}

// publish queues a message of a session; it never blocks.
func (l *link) publish(topic string, payload []byte) {
	l.queue(mqttclient.Message{Topic: topic, Payload: payload, Expiry: sessionExpiry})
}

// queue has a message published soon, in order; it never blocks.
func (l *link) queue(m mqttclient.Message) {
	select {
	case l.outbox <- m:
	default:
		l.log.Warn("message dropped: the broker is too slow", "topic", m.Topic)
	}
}

// send publishes what is queued, in order, until ctx ends; then it sends what is left, for at most
// farewell.
func (l *link) send(ctx context.Context) {
	operation, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(farewell, cancel) })()
	for {
		select {
		case m := <-l.outbox:
			l.sendOne(operation, m)
			continue
		default:
		}
		select {
		case <-ctx.Done():
			return
		case m := <-l.outbox:
			l.sendOne(operation, m)
		}
	}
}

func (l *link) sendOne(ctx context.Context, m mqttclient.Message) {
	if err := l.client.Publish(ctx, m); err != nil {
		l.log.Warn("message not sent", "topic", m.Topic, "error", err)
	}
}

// renewInterval bounds how often messages with strange stamps can make the camera reconnect.
const renewInterval = time.Minute

// renew obtains a new token, with which the portal's time comes.
func (l *link) renew() {
	l.renewals.Do(func() {
		l.log.Warn("a message is not of now by the portal's clock; asking for the time again")
		l.client.Renew()
	})
}

// will counts the connection that is being made: the broker tells its Will from a later one's status
// by the number.
func (l *link) will() mqttclient.Message {
	l.connection.Add(1)
	return l.offline(signaling.OfflineConnectionLost, 0)
}

func (l *link) lastWords() mqttclient.Message {
	return l.offline(l.reason.Load().(string), l.report().At)
}

func (l *link) offline(reason string, at int64) mqttclient.Message {
	return l.statusMessage(signaling.Status{Reason: reason, At: at})
}

func (l *link) statusMessage(s signaling.Status) mqttclient.Message {
	s.Boot, s.Connection = l.boot, l.connection.Load()
	return mqttclient.Message{
		Topic: signaling.StatusTopic(l.camera), Payload: signaling.EncodeStatus(s), QoS: 1, Retain: true,
	}
}

// up repeats the status until this connection ends.
func (l *link) up(ctx context.Context) {
	l.log.Info("connected to the portal's broker", "camera", l.camera)
	repeat := time.NewTicker(signaling.StatusInterval)
	defer repeat.Stop()
	first, publish := true, l.client.Publish
	for {
		status := l.report()
		status.Online = true
		if err := publish(ctx, l.statusMessage(status)); err != nil && ctx.Err() == nil {
			l.log.Warn("status not published", "error", err)
		}
		publish = l.client.Publish
		if first {
			l.back(ctx)
			first = false
		}
		select {
		case <-ctx.Done():
			return
		case <-repeat.C:
		case <-l.poked:
		case <-l.doubts:
			publish = l.client.Verify
		}
	}
}

// changed has the status published soon.
func (l *link) changed() { poke(l.poked) }

// doubt has the connection tried soon, by a status that the broker must acknowledge.
func (l *link) doubt() { poke(l.doubts) }

// poke sends to a channel of size 1 unless a signal is waiting in it.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// received must not block, nor may what it calls.
func (l *link) received(m mqttclient.Message) {
	switch {
	case m.Topic == signaling.StatusTopic(l.camera):
		l.judge(m)
	case m.Topic == signaling.ConfigDesiredTopic(l.camera):
		l.desire(m.Payload)
	case strings.HasPrefix(m.Topic, signaling.RPCTopic(l.camera, "")):
		l.call(m)
	default:
		l.deliver(m.Topic, m.Payload)
	}
}

// judge looks at our own status. An "offline" while we are connected is the Will of an older
// connection, or its retained copy: it is answered with the truth.
func (l *link) judge(m mqttclient.Message) {
	status, err := signaling.DecodeStatus(m.Payload)
	if err == nil && !status.Online && l.client.Connected() {
		l.changed()
	}
}
