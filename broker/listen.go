package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/coder/websocket"
)

// Waits of the accept loop after an error such as EMFILE, when every file is in use.
const (
	minAcceptWait = 5 * time.Millisecond
	maxAcceptWait = time.Second
)

// listener accepts what the gate admits. Its Accept fails only when it is closed.
type listener struct {
	net.Listener
	broker *Broker
}

// gated is a connection that holds a place in the gate until it has authenticated or is closed.
type gated struct {
	net.Conn
	ticket *ticket
}

func (g gated) Close() error {
	g.ticket.leave()
	return g.Conn.Close()
}

func (l listener) Accept() (net.Conn, error) {
	wait := minAcceptWait
	for {
		raw, err := l.Listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil, err
		case err != nil:
			l.broker.log.Error("broker: cannot accept connections; trying again", "error", err, "wait", wait)
			if !l.broker.sleep(wait) {
				return nil, net.ErrClosed
			}
			wait = min(2*wait, maxAcceptWait)
			continue
		}
		wait = minAcceptWait
		t, err := l.broker.gate.enter(raw.RemoteAddr(), time.Now())
		if err == nil {
			return gated{raw, t}, nil
		}
		_ = raw.Close()
		l.broker.stats.rejected.Add(1)
		l.broker.refusals.Do(func() {
			l.broker.log.Warn("broker: connection rejected", "remote", raw.RemoteAddr(), "reason", err)
		})
	}
}

// serveStream accepts MQTT over TCP, or over TLS if config is set.
func (b *Broker) serveStream(name string, l listener, config *tls.Config) {
	for {
		accepted, err := l.Accept()
		if err != nil {
			return
		}
		g := accepted.(gated)
		b.work.Go(func() { b.serve(name, stripped(g, config), g.ticket) })
	}
}

// stripped leaves the gated wrapper off: conn gives the place back itself.
func stripped(g gated, config *tls.Config) net.Conn {
	if config == nil {
		return g.Conn
	}
	return tls.Server(g.Conn, config)
}

type ticketKey struct{}

// httpServer upgrades to WebSockets that carry MQTT (MQTT 5, section 6).
func (b *Broker) httpServer() *http.Server {
	return &http.Server{
		Handler:           http.HandlerFunc(b.upgrade),
		ReadHeaderTimeout: b.cfg.ConnectTimeout, // covers the TLS handshake too
		IdleTimeout:       b.cfg.ConnectTimeout,
		MaxHeaderBytes:    8 << 10,
		TLSNextProto:      map[string]func(*http.Server, *tls.Conn, http.Handler){}, // no HTTP/2
		ErrorLog:          debugLog(b.log),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if t, ok := c.(*tls.Conn); ok {
				c = t.NetConn()
			}
			return context.WithValue(ctx, ticketKey{}, c.(gated).ticket)
		},
	}
}

// upgrade refuses browsers: a page has no business with the broker, and could be anyone's.
func (b *Broker) upgrade(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Origin") != "" {
		b.stats.refused.Add(1)
		http.Error(w, "MQTT is not for browsers", http.StatusForbidden)
		return
	}
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols:    []string{"mqtt"}, // [MQTT-6.0.0-3]
		CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil {
		return // Accept has answered
	}
	if ws.Subprotocol() != "mqtt" {
		_ = ws.Close(websocket.StatusPolicyViolation, "subprotocol mqtt required")
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	stream := &wsStream{Conn: websocket.NetConn(ctx, ws, websocket.MessageBinary), ws: ws, cancel: cancel}
	t := r.Context().Value(ticketKey{}).(*ticket)
	if !b.begin() {
		_ = stream.Close()
		return
	}
	defer b.work.Done()
	b.serve("websocket", stream, t)
}

// wsStream closes without the WebSocket's closing handshake, which could take seconds.
type wsStream struct {
	net.Conn
	ws     *websocket.Conn
	cancel context.CancelFunc
}

func (s *wsStream) Close() error {
	_ = s.SetDeadline(time.Time{}) // stops the timers of NetConn
	s.cancel()
	return s.ws.CloseNow()
}
