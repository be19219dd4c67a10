package mqttclient

import (
	"context"
	"errors"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eclipse/paho.golang/autopaho"
	"github.com/eclipse/paho.golang/paho"
)

// connection is the use of one credential: at most one network connection at a time.
type connection struct {
	client *Client
	cred   Credential
	end    context.CancelFunc // ends life: the credential is to be replaced
	life   context.Context
	first  atomic.Bool // the first attempt was made
	cut    atomic.Bool // the latest attempt did not get as far as the broker
	common atomic.Bool // the broker ended it, and perhaps those of all others

	mu       sync.Mutex
	manager  *autopaho.ConnectionManager // that OnUp was told of
	failures int
	down     context.CancelFunc // ends the context of the current OnUp
	quieted  bool               // OnUp is not called any more
	ups      sync.WaitGroup
}

func (c *connection) config(servers []*url.URL) autopaho.ClientConfig {
	cfg := autopaho.ClientConfig{
		ServerUrls:           servers,
		TlsCfg:               c.client.cfg.TLS,
		KeepAlive:            keepAlive,
		ReconnectBackoff:     c.backoff,
		ConnectTimeout:       operationTimeout,
		ConnectPacketBuilder: c.connectPacket,
		OnConnectionUp:       c.onUp,
		// With a credential that has ended there is nothing to reconnect with.
		OnConnectionDown: func() bool { c.onDown(); return c.life.Err() == nil },
		OnConnectError:   c.onError,
		ClientConfig: paho.ClientConfig{
			ClientID:           c.cred.ClientID,
			OnPublishReceived:  []func(paho.PublishReceived) (bool, error){c.onPublish},
			OnClientError:      c.onLoss,
			OnServerDisconnect: c.onServerDisconnect,
		},
	}
	switch servers[0].Scheme { // those of one broker are of one kind
	case "ws", "wss":
		cfg.WebSocketCfg = &autopaho.WebSocketConfig{Dialer: webSocketDialer}
	default:
		cfg.AttemptConnection = c.client.dial
	}
	return cfg
}

// connectPacket sets what paho's defaults get wrong for us: a clean session without expiry, small
// receive windows, problem information (without it Mochi strips user properties), and a Will
// without delay, which would let an old connection speak after a new one.
func (c *connection) connectPacket(p *paho.Connect, _ *url.URL) (*paho.Connect, error) {
	c.spread()
	p.CleanStart = true
	p.UsernameFlag, p.Username = true, c.cred.Username
	p.PasswordFlag, p.Password = true, []byte(c.cred.Password)
	maximum, size := uint16(receiveMaximum), uint32(maxPacketSize)
	p.Properties = &paho.ConnectProperties{
		RequestProblemInfo: true, ReceiveMaximum: &maximum, MaximumPacketSize: &size,
	}
	if will := c.client.cfg.Will; will != nil {
		m := will()
		p.WillMessage = &paho.WillMessage{Topic: m.Topic, Payload: m.Payload, QoS: m.QoS, Retain: m.Retain}
		p.WillProperties = &paho.WillProperties{}
	}
	return p, nil
}

// onUp may not block, so the subscriptions are made in a goroutine.
func (c *connection) onUp(manager *autopaho.ConnectionManager, _ *paho.Connack) {
	ctx, cancel := context.WithCancel(c.life)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures, c.down, c.manager = 0, cancel, manager
	c.cut.Store(false)
	if c.quieted {
		return
	}
	c.ups.Go(func() {
		if err := c.subscribe(ctx, manager); err != nil {
			if ctx.Err() == nil {
				c.client.cfg.Log.Error("mqtt subscribe", "error", err)
				c.startOver()
			}
			return
		}
		c.client.refused.Store(0)
		c.client.up.Store(manager)
		if ctx.Err() != nil { // lost meanwhile
			c.client.up.CompareAndSwap(manager, nil)
			return
		}
		c.client.cfg.OnUp(ctx)
	})
}

// startOver ends the use of the credential, since a connection without its subscriptions is useless,
// after a wait: a refusal that lasts must not storm whoever gives out the credentials.
func (c *connection) startOver() {
	pause(c.life, jitter(int(c.client.refused.Add(1))))
	c.end()
}

func (c *connection) subscribe(ctx context.Context, manager *autopaho.ConnectionManager) error {
	if len(c.client.cfg.Subscriptions) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	packet := &paho.Subscribe{}
	for _, s := range c.client.cfg.Subscriptions {
		options := paho.SubscribeOptions{Topic: s.Filter, QoS: s.QoS}
		if !s.Optional {
			packet.Subscriptions = append(packet.Subscriptions, options)
			continue
		}
		if _, err := manager.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{options}}); err != nil {
			c.client.cfg.Log.Info("the broker does not take this subscription", "filter", s.Filter, "error", err)
		}
	}
	if len(packet.Subscriptions) == 0 {
		return nil
	}
	_, err := manager.Subscribe(ctx, packet) // paho reports a refused filter as an error
	return err
}

// onDown leaves alone a newer connection that is already up.
func (c *connection) onDown() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.manager != nil {
		c.client.up.CompareAndSwap(c.manager, nil)
	}
	if c.down != nil {
		c.down()
	}
	c.client.calls.lost()
}

// onError counts failed attempts; a refusal, or too many failures, asks for a new credential.
func (c *connection) onError(err error) {
	c.client.cfg.Log.Warn("mqtt connect", "error", err)
	c.client.cfg.OnDown(err)
	c.cut.Store(unreachable(err))
	c.common.Store(!c.cut.Load())
	enough := attemptsPerCredential
	if c.cut.Load() {
		enough *= 4 // they come faster, and a new credential can hardly be had
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures++
	var refused *autopaho.ConnackError
	if errors.As(err, &refused) || c.failures >= enough {
		time.AfterFunc(jitter(c.failures+3), c.end)
	}
}

func (c *connection) onServerDisconnect(d *paho.Disconnect) {
	reason := ""
	if d.Properties != nil {
		reason = d.Properties.ReasonString
	}
	c.client.cfg.Log.Warn("mqtt broker closed the connection", "code", d.ReasonCode, "reason", reason)
	c.client.cfg.OnDown(&DisconnectError{Code: d.ReasonCode, Reason: reason})
	switch d.ReasonCode {
	case codeNotAuthorized:
		c.end()
	case codeTakenOver: // by a newer process of ours, or by a portal that revoked us: the next credential tells
		c.client.taken.Store(true)
		c.end()
	default:
		c.common.Store(true)
	}
}

// Reason codes of MQTT 5, 2.4.
const (
	codeNotAuthorized = 0x87
	codeTakenOver     = 0x8e
)

// DisconnectError is the broker's DISCONNECT (MQTT 5, 3.14).
type DisconnectError struct {
	Code   byte
	Reason string
}

// Error returns the broker's words.
func (e *DisconnectError) Error() string { return "mqtt: broker closed the connection: " + e.Reason }

func (c *connection) onPublish(received paho.PublishReceived) (bool, error) {
	p := received.Packet
	m := Message{Topic: p.Topic, Payload: p.Payload, QoS: p.QoS, Retain: p.Retain}
	if p.Properties != nil {
		m.ResponseTopic, m.Correlation, m.ContentType = p.Properties.ResponseTopic, p.Properties.CorrelationData, p.Properties.ContentType
	}
	if !c.client.calls.answer(m) {
		c.client.cfg.OnMessage(m)
	}
	return true, nil
}

func (c *connection) lastWords(ctx context.Context, manager *autopaho.ConnectionManager) {
	if c.client.cfg.LastWords == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, farewellTimeout)
	defer cancel()
	if err := publish(ctx, manager, c.client.cfg.LastWords()); err != nil && !errors.Is(err, ErrDown) {
		c.client.cfg.Log.Debug("mqtt last words", "error", err)
	}
}

// quiet returns when every OnUp of this connection has, so that nothing of it is published after the
// last words. One that is stuck in a write is not waited for.
func (c *connection) quiet() {
	c.mu.Lock()
	c.quieted = true
	c.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.ups.Wait()
	}()
	limit := time.NewTimer(farewellTimeout)
	defer limit.Stop()
	select {
	case <-ended:
	case <-limit.C:
	}
}

// wait returns when every OnUp of this connection has.
func (c *connection) wait() {
	c.onDown()
	c.ups.Wait()
}
