package mqttclient

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"github.com/eclipse/paho.golang/autopaho"
	"github.com/eclipse/paho.golang/packets"
	"github.com/gorilla/websocket"
	"golang.org/x/net/proxy"
)

// Bounds within which a network that is gone is found out, and one that is back.
const (
	// dialTimeout bounds TCP's handshake. The kernel repeats a lost SYN after 1 s, and then less and
	// less often (RFC 6298 section 5): a new attempt is sooner.
	dialTimeout = 2 * time.Second
	// userTimeout is how long sent data may go unacknowledged (RFC 5482) before the connection is given
	// up: without it, one that was interrupted is silent for up to twice as long as it was.
	userTimeout = 6 * time.Second
	// unreachableWait is between two attempts while the network, and not the broker, is what fails.
	unreachableWait = 500 * time.Millisecond
)

// NewDialer returns a dialer whose connections notice soon that the network is gone.
func NewDialer() *net.Dialer {
	return &net.Dialer{Timeout: dialTimeout, Control: limitSilence}
}

// dial makes the connection of a broker's URL.
func (c *Client) dial(ctx context.Context, _ autopaho.ClientConfig, server *url.URL) (net.Conn, error) {
	if c.cfg.Dial != nil {
		conn, err := c.cfg.Dial(ctx)
		if err != nil {
			return nil, err
		}
		// paho writes a packet in several pieces from any goroutine; only TCP keeps them together.
		return packets.NewThreadSafeConn(conn), nil
	}
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	if server.Scheme != "mqtt" && server.Scheme != "mqtts" {
		return nil, fmt.Errorf("the broker's address begins with %q; it must be mqtt, mqtts, ws or wss", server.Scheme)
	}
	conn, err := proxied(NewDialer()).DialContext(ctx, "tcp", server.Host)
	if err != nil || server.Scheme == "mqtt" {
		return conn, err
	}
	cfg := c.cfg.TLS.Clone()
	if cfg == nil {
		cfg = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if cfg.ServerName == "" {
		cfg.ServerName = server.Hostname()
	}
	secure := tls.Client(conn, cfg)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return packets.NewThreadSafeConn(secure), nil
}

// proxied goes by way of the proxy that the environment's ALL_PROXY names, if it does.
func proxied(d *net.Dialer) proxy.ContextDialer {
	if via, ok := proxy.FromEnvironmentUsing(d).(proxy.ContextDialer); ok {
		return via
	}
	return d
}

// webSocketDialer is for ws and wss, which autopaho dials.
func webSocketDialer(_ *url.URL, cfg *tls.Config) *websocket.Dialer {
	return &websocket.Dialer{
		NetDialContext: NewDialer().DialContext, Proxy: http.ProxyFromEnvironment, TLSClientConfig: cfg,
		Subprotocols: []string{"mqtt"}, HandshakeTimeout: operationTimeout,
	}
}

// unreachable tells whether err is of the network here, so that whoever tries again soon burdens nobody.
func unreachable(err error) bool {
	var network *net.OpError // not the wait for an answer: that is of a broker that has too much to do
	var name *net.DNSError
	if errors.As(err, &name) || errors.As(err, &network) && network.Timeout() {
		return true
	}
	for _, number := range []error{syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.ENETDOWN, syscall.EADDRNOTAVAIL} {
		if errors.Is(err, number) {
			return true
		}
	}
	return false
}
