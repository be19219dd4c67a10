package relay

import (
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	// maxPacket is what is relayed at most, in bytes: more than any network between browsers carries.
	maxPacket = 1500
	// channelHeader is number and length (RFC 8656, section 12.4).
	channelHeader = 4
	// maxBindings bounds the permissions, and the channels, of one allocation.
	maxBindings = 128
	// burst is how much of its rate an allocation can have at once: a key frame is many packets.
	burst = time.Second
)

// client is the way to the one who made an allocation: an address, or a connection.
type client interface {
	// hold makes r the client's allocation, and release undoes that unless it has another by now.
	hold(r *relayed)
	release(r *relayed)
	// deliver sends messages. It does not block.
	deliver(t *train)
}

// relayed is the socket at one relayed address. Pion sees it as a net.PacketConn that receives nothing: what
// comes goes to the client without it.
type relayed struct {
	*socket
	server *Server
	user   username
	addr   *net.UDPAddr   // public as pion has it
	public netip.AddrPort // what the client was told
	local  netip.AddrPort // where this machine reaches it

	mu      sync.RWMutex
	client  client // nil until pion has made the allocation
	closed  bool
	peers   map[netip.Addr]struct{} // permitted
	numbers map[uint16]netip.AddrPort
	bound   map[netip.AddrPort]uint16

	toPeer, toClient bucket // each is used by one goroutine only
}

func newRelayed(s *Server, u username, conn *socket, public, local netip.AddrPort) *relayed {
	rate := int64(s.cfg.BytesPerSecond)
	r := &relayed{
		socket: conn, server: s, user: u, addr: net.UDPAddrFromAddrPort(public), public: public, local: local,
		peers: map[netip.Addr]struct{}{}, numbers: map[uint16]netip.AddrPort{}, bound: map[netip.AddrPort]uint16{},
		toPeer: bucket{rate: rate}, toClient: bucket{rate: rate},
	}
	r.take = r.receive
	return r
}

// ReadFrom hands over what peers send until the socket is closed, which is all that pion has to know.
func (r *relayed) ReadFrom([]byte) (int, net.Addr, error) {
	_, err := r.await()
	return 0, nil, err
}

// receive hands over what comes from a peer that is bound or has a permission (RFC 8656, section 12.7, 11.3).
func (r *relayed) receive(a *arrival) (forPion bool) {
	from := r.server.apparent(a.from)
	client, number, ok := r.route(from)
	if ok && a.car <= maxPacket && r.pass(toClient, &r.toClient, len(a.rest), a.car) {
		t := newTrain()
		if number != 0 {
			t.addFrames(number, a.rest, a.car)
		} else {
			t.addIndications(from, a.rest, a.car)
		}
		client.deliver(t)
		t.free()
	}
	a.rest = nil
	return false
}

// route says whether from may send, and on which channel if any.
func (r *relayed) route(from netip.AddrPort) (c client, number uint16, ok bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if number := r.bound[from]; number != 0 {
		return r.client, number, true
	}
	_, ok = r.peers[from.Addr()]
	return r.client, 0, ok
}

// pass counts n bytes in packets of car, unless they are above the rate.
func (r *relayed) pass(to direction, b *bucket, n, car int) bool {
	if !b.take(r.server.elapsed(), n) {
		r.server.counts.dropped[to].Add(count(n, car))
		return false
	}
	r.server.counts.bytes[to].Add(int64(n))
	return true
}

// count is how many packets of car bytes, of which the last may be smaller, n bytes are.
func count(n, car int) int64 { return int64((n + car - 1) / car) }

// WriteTo sends what a Send indication holds; pion has checked the permission.
func (r *relayed) WriteTo(p []byte, to net.Addr) (int, error) {
	if len(p) > 0 {
		t := newTrain()
		defer t.free()
		t.add(p)
		r.dispatch(t, toAddrPort(to))
	}
	return len(p), nil
}

// forward sends what ChannelData messages of one size hold to their peers.
func (r *relayed) forward(frames []byte, car int) {
	t := newTrain()
	defer t.free()
	var peer netip.AddrPort
	for rest := (arrival{rest: frames, car: car}); len(rest.rest) > 0; {
		to, data := r.unwrap(rest.next())
		if len(data) == 0 {
			continue
		}
		if to != peer || !t.fits(len(data)) {
			r.dispatch(t, peer)
			peer = to
		}
		t.add(data)
	}
	r.dispatch(t, peer)
}

// unwrap returns what a ChannelData message holds, nothing if it is malformed or its channel is not bound.
func (r *relayed) unwrap(frame []byte) (peer netip.AddrPort, data []byte) {
	if len(frame) < channelHeader {
		return netip.AddrPort{}, nil
	}
	length := channelHeader + int(binary.BigEndian.Uint16(frame[2:]))
	r.mu.RLock()
	defer r.mu.RUnlock()
	peer, bound := r.numbers[binary.BigEndian.Uint16(frame)]
	if !bound || length > len(frame) {
		return netip.AddrPort{}, nil
	}
	return peer, frame[channelHeader:length]
}

// dispatch sends t to a peer, and empties it.
func (r *relayed) dispatch(t *train, peer netip.AddrPort) {
	if len(t.data) == 0 {
		return
	}
	if to, ok := r.server.reach(peer); !ok {
		r.server.counts.refused[refusedPeer].Add(1)
	} else if r.pass(toPeer, &r.toPeer, len(t.data), t.car) {
		r.sendTrain(t, to)
	}
	t.data = t.data[:0]
}

// attach makes the allocation c's, unless it has been closed meanwhile.
func (r *relayed) attach(c client) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.client = c
		c.hold(r)
	}
}

// Close frees the address and its place in the quotas; the allocation ends when pion reads from it. It
// never fails: pion would leave open those allocations that it closes after this one.
func (r *relayed) Close() error {
	r.mu.Lock()
	first, c := !r.closed, r.client
	r.closed = true
	r.mu.Unlock()
	if !first {
		return nil
	}
	if c != nil {
		c.release(r)
	}
	r.server.table.remove(r) // before the port is free: the next one to get it must not be removed
	_ = r.socket.Close()
	return nil
}

// hasRoom reports whether there is room for another permission or channel, or for this one again.
func (r *relayed) hasRoom(peer netip.Addr) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	_, known := r.peers[peer]
	return (known || len(r.peers) < maxBindings) && len(r.numbers) < maxBindings
}

func (r *relayed) permit(peer netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.peers[peer] = struct{}{}
}

func (r *relayed) forbid(peer netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.peers, peer)
}

func (r *relayed) bind(number uint16, peer netip.AddrPort) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.numbers[number], r.bound[peer] = peer, number
}

func (r *relayed) unbind(number uint16, peer netip.AddrPort) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.numbers, number)
	delete(r.bound, peer)
}

// bucket is a leaky bucket in one number: when it will be empty, in nanoseconds of [Server.elapsed].
type bucket struct {
	rate  int64 // bytes per second
	empty int64
}

// take reports whether n bytes fit in at now.
func (b *bucket) take(now int64, n int) bool {
	empty := max(b.empty, now) + int64(n)*int64(time.Second)/b.rate
	if empty-now > int64(burst) {
		return false
	}
	b.empty = empty
	return true
}

// unmapped is addr with an IPv4 address in IPv6 clothes as IPv4.
func unmapped(addr netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
}
