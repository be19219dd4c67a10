// Package mqttclient is an MQTT v5 client that stays connected: it obtains a credential, connects,
// subscribes, reconnects with backoff and jitter, and replaces the credential before it ends.
//
// Nothing is queued while the connection is down: a signalling message that waits is worthless, and
// state (the status) is published anew by OnUp.
package mqttclient

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/eclipse/paho.golang/autopaho"
	"github.com/eclipse/paho.golang/paho"
)

// Limits of a connection.
const (
	operationTimeout = 5 * time.Second
	verifyTimeout    = time.Second
	farewellTimeout  = time.Second // the broker may be ending, too
	keepAlive        = 10          // seconds; the broker sends the Will after one and a half of these
	receiveMaximum   = 64          // paho allocates for the default of 65,535
	maxPacketSize    = 64 << 10
	// attemptsPerCredential is after how many failures a new credential is obtained, since the
	// broker's address comes with it and may have changed.
	attemptsPerCredential = 5
)

// ErrDown is returned by Publish while there is no connection.
var ErrDown = errors.New("mqtt: not connected")

// Credential is how to connect: where to, and as whom.
type Credential struct {
	URLs     []string // mqtt://, mqtts://, ws:// or wss://; each attempt takes the first that answers
	Username string
	Password string // the token
	ClientID string
	// RenewAfter is how long after it was obtained the credential is replaced; 0 is never.
	RenewAfter time.Duration
	// ReconnectWithin is over how long all clients of the broker spread when it has lost them; 0 if they are few.
	ReconnectWithin time.Duration
}

// Message is one publication, to send or received.
type Message struct {
	Topic   string
	Payload []byte
	QoS     byte
	Retain  bool
	Expiry  time.Duration // whole seconds; 0 is none
	// Of requests and their replies (MQTT 5, 4.10): where the reply goes, what it must repeat, and what
	// the payload is, as a media type.
	ResponseTopic string
	Correlation   []byte
	ContentType   string
}

// Subscription is a filter and its maximum QoS. One that is optional may be refused, as by a broker that is
// older than what it is for.
type Subscription struct {
	Filter   string
	QoS      byte
	Optional bool
}

// Config describes a client. Credentials and Log are required.
type Config struct {
	// Credentials obtains a credential; it is called again, with backoff, until it succeeds.
	Credentials func(ctx context.Context) (Credential, error)
	// Will, if set, is called before each connection for the message that the broker publishes when
	// that connection is lost.
	Will func() Message
	// LastWords, if set, is published before Run disconnects for good, since a clean DISCONNECT
	// discards the Will.
	LastWords func() Message
	// Subscriptions are made on each connection before OnUp.
	Subscriptions []Subscription
	// OnUp is called in a goroutine of its own when a connection is ready, with a context that ends
	// with the connection.
	OnUp func(ctx context.Context)
	// OnDown is called when the connection or an attempt to connect was lost. It must not block.
	OnDown func(err error)
	// OnMessage is called for each message, one at a time in order. It must not block.
	OnMessage func(Message)
	// Dial, if set, makes the connection instead of dialling the credential's URL.
	Dial func(ctx context.Context) (net.Conn, error)
	TLS  *tls.Config
	Log  *slog.Logger
}

// Client is a reconnecting MQTT client. Its zero value is not usable; see [New].
type Client struct {
	cfg Config
	up  atomic.Pointer[autopaho.ConnectionManager] // nil while not connected and subscribed
	// refused counts subscriptions that failed, one after another.
	refused atomic.Int32
	end     atomic.Pointer[context.CancelFunc] // ends the use of the current credential
	again   atomic.Bool                        // it is to be used once more
	taken   atomic.Bool                        // another client has taken our name
	calls   calls
}

// New returns a client that does nothing until [Client.Run].
func New(cfg Config) (*Client, error) {
	if cfg.Credentials == nil || cfg.Log == nil {
		return nil, errors.New("mqttclient: Credentials and Log are required")
	}
	if cfg.OnUp == nil {
		cfg.OnUp = func(context.Context) {}
	}
	if cfg.OnDown == nil {
		cfg.OnDown = func(error) {}
	}
	if cfg.OnMessage == nil {
		cfg.OnMessage = func(Message) {}
	}
	return &Client{cfg: cfg}, nil
}

// Run stays connected until ctx ends, then disconnects cleanly (no Will) and returns nil. Each
// round of its loop is the life of one credential.
func (c *Client) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		cred, err := c.obtain(ctx)
		if err != nil {
			continue // ctx ended, or there is reason to try at once
		}
		renew := time.Now().Add(cred.RenewAfter)
		for again := true; again && ctx.Err() == nil; {
			c.again.Store(false)
			if err := c.serve(ctx, cred, renew); err != nil {
				return err
			}
			again = c.again.Load() && (cred.RenewAfter == 0 || time.Now().Before(renew))
		}
	}
	return nil
}

// obtain asks for a credential until it gets one, ctx ends, or [Client.Reconnect] is called.
func (c *Client) obtain(ctx context.Context) (Credential, error) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	c.end.Store(&end)
	if c.taken.Swap(false) {
		c.stepBack(ctx)
	}
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = minBackoff, maxBackoff
	try := func() (Credential, error) {
		cred, err := c.cfg.Credentials(ctx)
		if unreachable(err) && ctx.Err() == nil {
			wait.InitialInterval = unreachableWait
			wait.Reset() // it costs nobody anything to look often for a network that is gone
		}
		return cred, err
	}
	report := func(err error, next time.Duration) {
		c.cfg.Log.Warn("no MQTT credential yet", "error", err, "retry_in", next.Round(time.Millisecond))
		c.cfg.OnDown(err)
	}
	return backoff.Retry(ctx, try, backoff.WithBackOff(wait), backoff.WithNotify(report), backoff.WithMaxElapsedTime(0))
}

func parseURLs(urls []string) (servers []*url.URL, err error) {
	for _, text := range urls {
		server, err := url.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("broker URL: %w", err)
		}
		servers = append(servers, server)
	}
	if len(servers) == 0 {
		return nil, errors.New("broker URL: there is none")
	}
	return servers, nil
}

// serve keeps a connection with one credential until it must be replaced or ctx ends.
func (c *Client) serve(ctx context.Context, cred Credential, renew time.Time) error {
	servers, err := parseURLs(cred.URLs)
	if err != nil {
		return err
	}
	life, end := context.WithCancel(ctx)
	defer end()
	c.end.Store(&end)
	if cred.RenewAfter > 0 {
		timer := time.AfterFunc(time.Until(renew), end)
		defer timer.Stop()
	}
	conn := &connection{client: c, cred: cred, end: end, life: life}
	// The manager outlives life so that Disconnect below says goodbye properly.
	manager, err := autopaho.NewConnection(context.WithoutCancel(ctx), conn.config(servers))
	if err != nil {
		return fmt.Errorf("mqtt: %w", err)
	}
	<-life.Done()
	c.up.Store(nil)
	conn.quiet()
	if ctx.Err() != nil {
		conn.lastWords(context.WithoutCancel(ctx), manager)
	}
	farewell, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewellTimeout)
	defer cancel()
	if err := manager.Disconnect(farewell); err != nil {
		c.cfg.Log.Debug("mqtt disconnect", "error", err)
	}
	conn.wait()
	return nil
}

// Renew replaces the credential now, by a clean reconnect: for whoever learns that what came with it
// has changed.
func (c *Client) Renew() {
	if end := c.end.Load(); end != nil {
		(*end)()
	}
}

// Reconnect makes a new connection now, with the same credential: for whoever learns that the network
// is another one, over which the present connection may be dead without anyone having noticed.
func (c *Client) Reconnect() {
	c.again.Store(true)
	c.Renew()
}

// Connected reports whether messages can be published now.
func (c *Client) Connected() bool { return c.up.Load() != nil }

// Publish sends a message, waiting for its acknowledgement if its QoS is above 0. While the
// connection is down it returns [ErrDown] at once.
func (c *Client) Publish(ctx context.Context, m Message) error {
	manager := c.up.Load()
	if manager == nil {
		return ErrDown
	}
	return publish(ctx, manager, m)
}

// Verify publishes a message that is to be acknowledged, and makes a new connection if it is not soon: for
// whoever has a reason to think that the connection may be dead.
func (c *Client) Verify(ctx context.Context, m Message) error {
	ctx, cancel := context.WithTimeout(ctx, verifyTimeout)
	defer cancel()
	err := c.Publish(ctx, m)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		c.Reconnect()
	}
	return err
}

func publish(ctx context.Context, manager *autopaho.ConnectionManager, m Message) error {
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	_, err := manager.Publish(ctx, &paho.Publish{
		Topic: m.Topic, Payload: m.Payload, QoS: m.QoS, Retain: m.Retain, Properties: properties(m),
	})
	if errors.Is(err, autopaho.ConnectionDownError) {
		return ErrDown
	}
	if err != nil {
		return fmt.Errorf("mqtt publish to %s: %w", m.Topic, err)
	}
	return nil
}

func properties(m Message) *paho.PublishProperties {
	p := &paho.PublishProperties{ResponseTopic: m.ResponseTopic, CorrelationData: m.Correlation, ContentType: m.ContentType}
	if m.Expiry > 0 {
		seconds := uint32(m.Expiry / time.Second)
		p.MessageExpiry = &seconds
	}
	return p
}
