package transport

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
)

// listenFunc opens a UDP socket. Port 0 is any that is free.
type listenFunc func(netip.AddrPort) (*net.UDPConn, error)

// mux implements ice.UDPMux with an endpoint for each of the machine's addresses, for which it looks
// whenever an agent gathers candidates.
//
// One socket on all addresses would not do. The kernel would answer checks from an address of its own
// choice, which ICE discards (RFC 8445 section 7.2.5.2.1). And pion would give what arrives to any of
// the agent's candidates and take it for theirs: with two, connecting takes 200 ms more, and with ten
// it can take seconds.
type mux struct {
	owner     *Transport
	addresses func() ([]netip.Addr, error) // the machine's, without zones
	listen    listenFunc

	mu        sync.Mutex // guards all below, and users of the endpoints
	closed    bool
	port      uint16 // wanted for all; 0 before the first has got one
	endpoints map[netip.Addr]*endpoint
}

// endpoint is a socket on one address, with pion's mux over it.
type endpoint struct {
	socket *socket
	mux    *ice.UDPMuxDefault
	users  int // connections that agents have not closed
}

// errClosed is what an agent gets after the end of the transport.
var errClosed = fmt.Errorf("the camera's UDP transport is closed: %w", net.ErrClosed)

// GetConn implements ice.UDPMux. local is one of GetListenAddresses.
func (m *mux) GetConn(ufrag string, local net.Addr) (net.PacketConn, error) {
	address, ok := local.(*net.UDPAddr)
	if !ok {
		return nil, fmt.Errorf("ICE asks for the local address %v, which is not of UDP", local)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, errClosed
	}
	e := m.endpoints[address.AddrPort().Addr().Unmap()]
	if e == nil {
		return nil, fmt.Errorf("ICE asks for the local address %v, which has no socket; the viewer has to try again", local)
	}
	conn, err := e.mux.GetConn(ufrag, local)
	if err != nil {
		return nil, err
	}
	e.users++
	m.owner.gather.connecting(m.owner.clock())
	return newAgentConn(conn, func() { m.leave(e) }), nil
}

func (m *mux) leave(e *endpoint) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e.users--
}

// RemoveConnByUfrag implements ice.UDPMux.
func (m *mux) RemoveConnByUfrag(ufrag string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.endpoints {
		e.mux.RemoveConnByUfrag(ufrag)
	}
}

// GetListenAddresses implements ice.UDPMux with the machine's addresses of this moment.
func (m *mux) GetListenAddresses() []net.Addr {
	addresses, err := m.update()
	if err != nil {
		m.owner.log.Warn("not all network addresses can be used for viewers", "error", err)
	}
	return addresses
}

// Close implements ice.UDPMux: it closes the transport.
func (m *mux) Close() error { return m.owner.Close() }

// update opens a socket for each new address, closes those of addresses that are gone and not used,
// and returns what can be listened on, also if there is an error.
func (m *mux) update() ([]net.Addr, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, errClosed
	}
	current, err := m.addresses()
	if err != nil {
		return nil, fmt.Errorf("the network interfaces cannot be read: %w", err)
	}
	for address, e := range m.endpoints {
		if e.users == 0 && !slices.Contains(current, address) {
			e.socket.stop()
			<-e.socket.closed
			delete(m.endpoints, address)
		}
	}
	var list []net.Addr
	var failed []error
	if len(current) == 0 {
		failed = append(failed, errors.New("the machine has no address"))
	}
	for _, address := range current {
		e := m.endpoints[address]
		if e == nil {
			if e, err = m.open(address); err != nil {
				failed = append(failed, fmt.Errorf("listen on %v: %w", address, err))
				continue
			}
			m.endpoints[address] = e
		}
		list = append(list, e.socket.LocalAddr())
	}
	return list, errors.Join(failed...)
}

// open listens on the port that all have, or on any if another program has that.
func (m *mux) open(address netip.Addr) (*endpoint, error) {
	udp, err := m.listen(netip.AddrPortFrom(address, m.port))
	if m.port != 0 && errors.Is(err, syscall.EADDRINUSE) {
		m.owner.log.Warn("UDP port is taken; viewers are offered another", "address", address, "port", m.port)
		udp, err = m.listen(netip.AddrPortFrom(address, 0))
	}
	if err != nil {
		return nil, err
	}
	s, err := newSocket(m.owner, udp)
	if err != nil {
		return nil, err
	}
	if m.port == 0 {
		m.port = s.port()
	}
	silent := logging.NewDefaultLeveledLoggerForScope("ice", logging.LogLevelDisabled, io.Discard)
	return &endpoint{socket: s, mux: ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: s, Logger: silent})}, nil
}

// has tells whether a socket has the port.
func (m *mux) has(port uint16) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.endpoints {
		if e.socket.port() == port {
			return true
		}
	}
	return false
}

// close returns when nothing reads or writes the sockets any more.
func (m *mux) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	for _, e := range m.endpoints {
		e.socket.stop()
	}
	for _, e := range m.endpoints {
		<-e.socket.closed
	}
}

// agentConn is an agent's connection, which says when it is closed.
type agentConn struct {
	muxedConn
	close func() error
}

// muxedConn is what pion's mux returns over a [socket].
type muxedConn interface {
	net.PacketConn
	ice.AddrPortReaderWriter
}

// newAgentConn calls leave when conn is first closed.
func newAgentConn(conn net.PacketConn, leave func()) *agentConn {
	return &agentConn{muxedConn: conn.(muxedConn), close: sync.OnceValue(func() error {
		leave()
		return conn.Close()
	})}
}

// Close implements net.PacketConn.
func (c *agentConn) Close() error { return c.close() }
