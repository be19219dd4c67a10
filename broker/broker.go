package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"golang.org/x/time/rate"

	"seccam/pkg/certificate"
	"seccam/pkg/credential"
)

const (
	sweepInterval   = time.Second
	shutdownTimeout = 4 * time.Second
	refusalsLogged  = time.Second // at most one line per
)

// ErrClosed is returned by Dial when the broker has ended.
var ErrClosed = errors.New("broker: closed")

// Revocations tells whether a token that is otherwise valid no longer counts.
type Revocations interface {
	Revoked(ctx context.Context, claims *credential.Claims) (bool, error)
}

// Broker is an MQTT broker; see [New].
type Broker struct {
	cfg         Config
	keys        credential.Keys
	revocations Revocations
	log         *slog.Logger
	now         func() time.Time // for tokens and flapping; sockets use the real clock

	server   *mqtt.Server
	sessions *registry
	gate     *gate
	stats    counters
	refusals rate.Sometimes
	transit  transit // of messages of sessions, for traces

	tcp, tls, webSocket net.Listener // nil if disabled
	tlsConfig           *tls.Config  // nil without a certificate

	life     context.Context // ends when Run begins to
	end      context.CancelFunc
	running  chan struct{}
	started  atomic.Bool
	work     sync.WaitGroup // every goroutine of ours
	jobs     chan job       // to idle workers
	idle     atomic.Int64   // how many there are
	arrivals lane           // verifies credentials
	funerals lane           // cleans up after sessions; it needs nothing else to progress

	mu    sync.Mutex
	conns map[*conn]struct{} // nil once the broker has ended
}

// New checks the configuration and binds every listener. Nothing is accepted before [Broker.Run].
// revocations may be nil.
func New(cfg Config, keys credential.Keys, revocations Revocations, log *slog.Logger) (*Broker, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	b := &Broker{
		cfg: cfg, keys: keys, revocations: revocations, log: log, now: time.Now,
		server:   newServer(cfg),
		sessions: newRegistry(),
		gate:     newGate(cfg),
		refusals: rate.Sometimes{First: 20, Interval: refusalsLogged},
		running:  make(chan struct{}),
		jobs:     make(chan job),
		arrivals: newLane(),
		funerals: newLane(),
		conns:    map[*conn]struct{}{},
	}
	b.life, b.end = context.WithCancel(context.Background())
	if err := b.server.AddHook(&hook{broker: b}, nil); err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	if err := b.bind(); err != nil {
		b.closeListeners()
		return nil, err
	}
	return b, nil
}

func (b *Broker) bind() error {
	if b.cfg.CertFile != "" {
		files, err := certificate.Files(b.cfg.CertFile, b.cfg.KeyFile, nil)
		if err != nil {
			return fmt.Errorf("broker.cert_file, broker.key_file: %w", err)
		}
		b.cfg.Certificate = files
	}
	if b.cfg.Certificate != nil {
		b.tlsConfig = b.cfg.Certificate.Config()
	}
	for _, l := range []struct {
		key, address string
		bound        *net.Listener
	}{{"tcp", b.cfg.TCP, &b.tcp}, {"tls", b.cfg.TLS, &b.tls}, {"websocket", b.cfg.WebSocket, &b.webSocket}} {
		if l.address == "" {
			continue
		}
		bound, err := net.Listen("tcp", l.address)
		if err != nil {
			return fmt.Errorf("broker.%s: %w; is another broker running?", l.key, err)
		}
		*l.bound = bound
	}
	return nil
}

// TCPAddr, TLSAddr and WebSocketAddr are the bound addresses; nil if disabled.
func (b *Broker) TCPAddr() net.Addr { return address(b.tcp) }

// TLSAddr is the address of MQTT over TLS.
func (b *Broker) TLSAddr() net.Addr { return address(b.tls) }

// WebSocketAddr is the address of MQTT over WebSockets.
func (b *Broker) WebSocketAddr() net.Addr { return address(b.webSocket) }

func address(l net.Listener) net.Addr {
	if l == nil {
		return nil
	}
	return l.Addr()
}

// Run serves until ctx ends. It returns when every connection and goroutine has ended, or with an
// error if some have not within a few seconds.
func (b *Broker) Run(ctx context.Context) error {
	if !b.started.CompareAndSwap(false, true) {
		return errors.New("broker: Run was called twice")
	}
	web := b.httpServer()
	b.startListeners(web)
	b.work.Go(b.sweeper)
	close(b.running)
	<-ctx.Done()
	return b.shutdown(web)
}

func (b *Broker) startListeners(web *http.Server) {
	if b.tcp != nil {
		b.work.Go(func() { b.serveStream("tcp", listener{b.tcp, b}, nil) })
	}
	if b.tls != nil {
		b.work.Go(func() { b.serveStream("tls", listener{b.tls, b}, b.tlsConfig) })
	}
	if b.webSocket == nil {
		return
	}
	var l net.Listener = listener{b.webSocket, b}
	if b.cfg.CertFile != "" {
		config := b.tlsConfig.Clone()
		config.NextProtos = []string{"http/1.1"}
		l = tls.NewListener(l, config)
	}
	b.work.Go(func() { _ = web.Serve(l) }) // ends when l is closed
}

// Dial connects in process, through the same guard and checks as a network connection. It waits for
// Run.
func (b *Broker) Dial(ctx context.Context) (net.Conn, error) {
	select {
	case <-b.running:
	case <-b.life.Done():
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	client, server := newPipe()
	t, err := b.gate.enter(server.RemoteAddr(), time.Now())
	if err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	if !b.begin() {
		t.leave()
		return nil, ErrClosed
	}
	go func() {
		defer b.work.Done()
		b.serve("in-process", server, t)
	}()
	return client, nil
}

// begin counts a goroutine, unless the broker has ended: a WaitGroup that is waited for must not
// grow from zero.
func (b *Broker) begin() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.conns == nil {
		return false
	}
	b.work.Add(1)
	return true
}

// serve is a connection's life.
func (b *Broker) serve(name string, raw net.Conn, t *ticket) {
	c := newConn(raw, b, t)
	b.mu.Lock()
	open := b.conns != nil
	if open {
		b.conns[c] = struct{}{}
	}
	b.mu.Unlock()
	defer b.finish(c)
	if !open {
		return
	}
	if secure, ok := raw.(*tls.Conn); ok && !b.handshake(secure) {
		return
	}
	b.attach(name, c)
}

func (b *Broker) handshake(c *tls.Conn) bool {
	ctx, cancel := context.WithTimeout(b.life, b.cfg.ConnectTimeout)
	defer cancel()
	return c.HandshakeContext(ctx) == nil
}

// finish forgets a connection.
func (b *Broker) finish(c *conn) {
	_ = c.Close()
	b.mu.Lock()
	delete(b.conns, c)
	b.mu.Unlock()
}

// Disconnect cuts every connection of an identity, for instance because its key was revoked, and
// returns how many there were. Whoever calls it has made [Revocations] refuse the identity first.
func (b *Broker) Disconnect(subject string) int {
	cut := 0
	for _, s := range b.sessions.matching(func(s *session) bool { return s.subject == subject }) {
		if s.cut(codeRevoked) {
			cut++
		}
	}
	b.stats.revoked.Add(uint64(cut))
	return cut
}
