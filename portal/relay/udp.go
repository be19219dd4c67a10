package relay

import (
	"errors"
	"net"
	"net/netip"
	"sync"

	"github.com/pion/stun/v4"
)

// udpFront is the UDP socket that clients talk to. Pion reads from it what is not in a channel.
type udpFront struct {
	*socket
	server *Server
	last   transaction // of the request that pion is at

	mu     sync.RWMutex
	relays map[netip.AddrPort]*relayed // by the client's address
}

func newUDPFront(s *Server, conn *socket) *udpFront {
	f := &udpFront{socket: conn, server: s, relays: map[netip.AddrPort]*relayed{}}
	f.take = f.receive
	return f
}

// ReadFrom returns a STUN message. The only error is that the socket was closed: pion would stop reading at
// any.
func (f *udpFront) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		a, err := f.await()
		switch {
		case err == nil:
			message := a.next()
			f.last.copy(message)
			return copy(p, message), net.UDPAddrFromAddrPort(a.from), nil
		case errors.Is(err, net.ErrClosed):
			f.server.work.Done()
			return 0, nil, err
		}
		f.server.log.Warn("relay cannot read from its UDP socket", "error", err)
		f.server.pause()
	}
}

// receive forwards channel data and leaves STUN messages to pion. What is neither costs nothing more.
func (f *udpFront) receive(a *arrival) (forPion bool) {
	for len(a.rest) > 0 {
		if frames := a.channelData(); len(frames) > 0 {
			if r := f.relay(a.from); r != nil {
				r.forward(frames, a.car)
			}
		} else if message := a.peek(); stun.IsMessage(message) && len(message) <= maxFrame {
			return true
		} else {
			a.next()
		}
	}
	return false
}

// WriteTo sends pion's answer to a client.
func (f *udpFront) WriteTo(p []byte, to net.Addr) (int, error) {
	addr, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, errors.ErrUnsupported
	}
	client := unmapped(addr.AddrPort())
	if isDenial(p) {
		p = f.server.corrected(p, f.relay(client))
	}
	return f.WriteToUDPAddrPort(p, client)
}

func (f *udpFront) relay(client netip.AddrPort) *relayed {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.relays[client]
}

// udpClient is a client by its address.
type udpClient struct {
	front *udpFront
	addr  netip.AddrPort
}

func (c udpClient) hold(r *relayed) {
	c.front.mu.Lock()
	defer c.front.mu.Unlock()
	c.front.relays[c.addr] = r
}

func (c udpClient) release(r *relayed) {
	c.front.mu.Lock()
	defer c.front.mu.Unlock()
	if c.front.relays[c.addr] == r {
		delete(c.front.relays, c.addr)
	}
}

func (c udpClient) deliver(t *train) { c.front.sendTrain(t, c.addr) }

// isChannelData tells a ChannelData message from STUN by its first two bits (RFC 8656, section 12).
func isChannelData(p []byte) bool { return p[0]>>6 == 1 }
