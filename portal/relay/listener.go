package relay

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// perAddress is how many connections one address may hold, and one /64 of IPv6: that can be a company.
const perAddress = 64

// listener accepts TCP or TLS connections for pion. A handshake holds up nobody else.
type listener struct {
	net.Listener
	server *Server
	tls    *tls.Config // nil for TCP
	ready  chan *stream
}

// serve accepts until the listener is closed.
func (l *listener) serve() {
	for {
		conn, err := l.Listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // too many open files, for example
			l.server.log.Warn("relay cannot accept connections", "error", err)
			l.server.pause()
			continue
		}
		if leave, ok := l.server.gate.enter(conn.RemoteAddr()); !ok || !l.server.begin() {
			if ok {
				leave()
			}
			_ = conn.Close()
		} else {
			go l.admit(conn, leave)
		}
	}
}

// admit hands a connection to pion, after the handshake if there is one. Its deadline is lifted when it has
// an allocation.
func (l *listener) admit(raw net.Conn, leave func()) {
	if tcp, ok := raw.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(streamBuffer)
	}
	_ = raw.SetDeadline(time.Now().Add(l.server.idle))
	conn := raw
	handshake := func() error { return nil }
	if l.tls != nil {
		secure := tls.Server(raw, l.tls)
		conn, handshake = secure, secure.Handshake
	}
	c := newStream(l.server, conn, raw, leave)
	if !l.server.remember(c) || handshake() != nil {
		_ = c.Close()
		return
	}
	select {
	case l.ready <- c:
	case <-l.server.life.Done():
		_ = c.Close()
	}
}

// Accept implements net.Listener for pion.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.ready:
		return c, nil
	case <-l.server.life.Done():
		return nil, net.ErrClosed
	}
}

// gate counts client connections.
type gate struct {
	total, each int

	mu     sync.Mutex
	open   int
	places map[netip.Addr]int
}

func newGate(total int) *gate {
	return &gate{total: total, each: perAddress, places: map[netip.Addr]int{}}
}

// enter reports whether there is room for another connection of from's; leave gives it back.
func (g *gate) enter(from net.Addr) (leave func(), ok bool) {
	tcp, _ := from.(*net.TCPAddr)
	place := neighbourhood(tcp.AddrPort().Addr().Unmap())
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open >= g.total || g.places[place] >= g.each {
		return nil, false
	}
	g.open++
	g.places[place]++
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.open--
		if g.places[place]--; g.places[place] == 0 {
			delete(g.places, place)
		}
	}, true
}

func (g *gate) len() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open
}

// neighbourhood is the address, or its /64: who has one IPv6 address has them all.
func neighbourhood(addr netip.Addr) netip.Addr {
	if addr.Is4() {
		return addr
	}
	prefix, _ := addr.WithZone("").Prefix(64) // 64 fits
	return prefix.Addr()
}
