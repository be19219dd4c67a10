package relay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/pion/turn/v5"
)

// Run serves until ctx ends or [Server.Close] is called. It returns when every connection, relayed address
// and goroutine of the server has ended. The error says why it could not begin.
func (s *Server) Run(ctx context.Context) error {
	if !s.started.CompareAndSwap(false, true) {
		return errors.New("relay: Run was called twice, or after Close")
	}
	defer close(s.done)
	defer s.shutdown()
	if s.udp != nil {
		s.work.Add(1) // until ReadFrom has told pion that it is closed
	}
	if _, err := turn.NewServer(s.pion()); err != nil {
		if s.udp != nil {
			s.work.Done()
		}
		return fmt.Errorf("relay: %w", err)
	}
	for _, l := range s.listeners() {
		s.work.Go(l.serve)
	}
	s.log.Info("relay ready", "udp", s.UDPAddr(), "tcp", s.TCPAddr(), "tls", s.TLSAddr(), "public", s.addresses.Load().advertised())
	select {
	case <-ctx.Done():
	case <-s.life.Done():
	}
	return nil
}

// Close ends Run and waits until it has returned, or frees the sockets of a server that was never run.
func (s *Server) Close() {
	s.end()
	if s.started.CompareAndSwap(false, true) {
		s.shutdown()
		close(s.done)
	}
	<-s.done
}

// shutdown closes clients before relayed addresses, so that no client is left that could allocate.
func (s *Server) shutdown() {
	s.end()
	relays := s.table.close()
	s.closeSockets()
	s.mu.Lock()
	s.ended = true
	for _, c := range s.streams {
		_ = c.raw.Close() // pion closes c when it finds out
	}
	s.mu.Unlock()
	for _, r := range relays {
		_ = r.Close()
	}
	s.work.Wait()
}

func (s *Server) closeSockets() {
	if s.udp != nil {
		_ = s.udp.Close()
	}
	for _, l := range s.listeners() {
		_ = l.Close()
	}
}

func (s *Server) listeners() []*listener {
	var listeners []*listener
	for _, l := range []*listener{s.tcp, s.tls} {
		if l != nil {
			listeners = append(listeners, l)
		}
	}
	return listeners
}

// pion is the configuration of the protocol's implementation.
func (s *Server) pion() turn.ServerConfig {
	config := turn.ServerConfig{
		Realm: realm, LoggerFactory: quietLog{s.log},
		AuthHandler: s.authenticate, QuotaHandler: s.quota, EventHandler: s.events(),
		// A client over IPv6 that asks for no family gets IPv4 if that is all there is (RFC 8656, section 7.2).
		StrictAddressFamily: s.addresses.Load().v4.IsValid(),
	}
	if s.udp != nil {
		config.PacketConnConfigs = []turn.PacketConnConfig{
			{PacketConn: s.udp, RelayAddressGenerator: allocator{s}, PermissionHandler: s.mayPermit},
		}
	}
	for _, l := range s.listeners() {
		config.ListenerConfigs = append(config.ListenerConfigs, turn.ListenerConfig{
			Listener: l, RelayAddressGenerator: allocator{s}, PermissionHandler: s.mayPermit,
		})
	}
	return config
}

// events keeps what forwarding needs to know beside pion. A relayed address is found by the pointer that
// pion was given for it: its port may already be another's.
func (s *Server) events() turn.EventHandler {
	with := func(relay net.Addr, do func(*relayed)) {
		if r := s.table.get(relay); r != nil {
			do(r)
		}
	}
	return turn.EventHandler{
		OnAuth: func(src, _ net.Addr, _, name, _, method string, verdict bool) {
			if !verdict {
				s.counts.unauthorized.Add(1)
				return
			}
			s.mismatched(src, name, method)
		},
		OnAllocationCreated: func(src, _ net.Addr, _, _, _ string, relay net.Addr, _ int) {
			s.counts.allocated.Add(1)
			with(relay, func(r *relayed) { r.attach(s.client(src)) })
		},
		OnAllocationDeleted: func(_, _ net.Addr, _, _, _ string) { s.work.Done() },
		OnPermissionCreated: func(_, _ net.Addr, _, _, _ string, relay net.Addr, peer net.IP) {
			with(relay, func(r *relayed) { r.permit(toAddr(peer)) })
		},
		OnPermissionDeleted: func(_, _ net.Addr, _, _, _ string, relay net.Addr, peer net.IP) {
			with(relay, func(r *relayed) { r.forbid(toAddr(peer)) })
		},
		OnChannelCreated: func(_, _ net.Addr, _, _, _ string, relay, peer net.Addr, number uint16) {
			with(relay, func(r *relayed) { r.bind(number, toAddrPort(peer)) })
		},
		OnChannelDeleted: func(_, _ net.Addr, _, _, _ string, relay, peer net.Addr, number uint16) {
			with(relay, func(r *relayed) { r.unbind(number, toAddrPort(peer)) })
		},
	}
}

func toAddr(ip net.IP) netip.Addr {
	addr, _ := netip.AddrFromSlice(ip) // pion has decoded it
	return addr.Unmap()
}

func toAddrPort(addr net.Addr) netip.AddrPort {
	udp, _ := addr.(*net.UDPAddr) // pion makes no other
	return unmapped(udp.AddrPort())
}

// client is the way to who sends from src.
func (s *Server) client(src net.Addr) client {
	if addr, ok := src.(*net.UDPAddr); ok {
		return udpClient{s.udp, unmapped(addr.AddrPort())}
	}
	return s.stream(src)
}

// End makes every credential of a session that was minted until now useless, and closes its allocations. A
// credential that is minted later works. It knows nothing of what other portals relay for the session.
func (s *Server) End(session string) {
	now := s.now()
	for _, r := range s.table.end(session, now.Add(s.cfg.Lifetime).Unix(), now.Unix()) {
		_ = r.Close()
	}
}

// begin counts a goroutine, unless the server has ended: a WaitGroup that is waited for must not grow from
// zero.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return false
	}
	s.work.Add(1)
	return true
}

// remember makes a stream findable, unless the server has ended.
func (s *Server) remember(c *stream) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return false
	}
	s.streams[c.remote] = c
	return true
}

func (s *Server) forget(c *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.streams, c.remote)
}

// stream finds the connection by the pointer to its remote address; pion has no other for it.
func (s *Server) stream(remote net.Addr) *stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.streams[remote]
}
