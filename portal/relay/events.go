package relay

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"syscall"

	"github.com/pion/turn/v5"
	"golang.org/x/sys/unix"

	"seccam/portal/internet"
)

// portTries is how many ports of a range are tried before the range counts as full.
const portTries = 64

var (
	errTCPRelay = errors.New("relay: only UDP is relayed")
	errEvenPort = errors.New("relay: no port can be chosen or reserved")
	errNoPort   = errors.New("relay: no free port in turn.ports")
)

// authenticate implements turn.AuthHandler: who has this user name, and with which key must the request
// be signed? The user id is the whole user name, so that another credential does not get at an allocation.
func (s *Server) authenticate(ra *turn.RequestAttributes) (userID string, key []byte, ok bool) {
	u, err := parseUsername(ra.Username)
	if err != nil || ra.Realm != realm || u.expires <= s.now().Unix() || u.expires <= s.table.endedUntil(u.session) {
		s.counts.unauthorized.Add(1)
		return "", nil, false
	}
	return ra.Username, s.key(ra.Username), true
}

// quota implements turn.QuotaHandler.
func (s *Server) quota(userID, _ string, _ net.Addr) bool {
	u, err := parseUsername(userID)
	if err != nil {
		return false
	}
	why := s.table.room(u.holder)
	if why != granted {
		s.counts.refused[why].Add(1)
	}
	return why == granted
}

// mayPermit implements turn.PermissionHandler, which pion asks before CreatePermission, ChannelBind and
// Connect; a Send indication needs a permission.
func (s *Server) mayPermit(src net.Addr, ip net.IP) bool {
	addr, ok := netip.AddrFromSlice(ip)
	addr = addr.Unmap()
	allowed := ok && (s.addresses.Load().advertises(addr) || internet.Inside(s.allow, addr) || !internet.Special(addr))
	if r, _, _ := s.exchange(src); !allowed || r == nil || !r.hasRoom(addr) {
		s.counts.refused[refusedPeer].Add(1)
		return false
	}
	return true
}

// reach returns where to send a packet for a peer. Of the relay's own machine nothing but relayed addresses
// can be reached, however open it may be to itself; they are reached directly, since not every router
// returns what is sent to its own public address.
func (s *Server) reach(peer netip.AddrPort) (to netip.AddrPort, ok bool) {
	if !s.addresses.Load().isOwn(peer.Addr()) {
		return peer, true
	}
	if r := s.table.atPublic(peer); r != nil {
		return r.local, true
	}
	return peer, internet.Inside(s.allow, peer.Addr())
}

// apparent is the inverse of reach: the public address of what comes from another relayed address here.
func (s *Server) apparent(from netip.AddrPort) netip.AddrPort {
	if from.Addr().IsLoopback() {
		if r := s.table.atLocal(from); r != nil {
			return r.public
		}
	}
	return from
}

// allocator implements turn.RelayAddressGenerator.
type allocator struct{ *Server }

// Validate implements turn.RelayAddressGenerator.
func (allocator) Validate() error { return nil }

// AllocateListener refuses relayed TCP (RFC 6062): WebRTC has no use for it.
func (a allocator) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	a.counts.refused[refusedTCP].Add(1)
	return nil, nil, errTCPRelay
}

// AllocateConn refuses Connect (RFC 6062), which pion also takes for a UDP allocation.
func (a allocator) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) {
	a.counts.refused[refusedTCP].Add(1)
	return nil, errTCPRelay
}

// AllocatePacketConn opens a relayed address. Pion asks without a user for EVEN-PORT, which WebRTC does not
// use, up to 128 times for one request.
func (a allocator) AllocatePacketConn(c turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	u, err := parseUsername(c.UserID)
	if err != nil || c.RequestedPort != 0 {
		return nil, nil, errEvenPort
	}
	addr, bind := a.currentAddresses().of(c.Network)
	if !addr.IsValid() {
		a.counts.refused[refusedAddress].Add(1)
		return nil, nil, fmt.Errorf("relay: no public address for %s", c.Network)
	}
	conn, err := a.listen(c.Network, bind)
	if err != nil {
		a.counts.refused[refusedPort].Add(1)
		a.log.Warn("relayed address refused", "error", err)
		return nil, nil, err
	}
	local := conn.LocalAddr().(*net.UDPAddr).AddrPort() // of a UDP socket
	public := netip.AddrPortFrom(addr, local.Port())
	if local.Addr().IsUnspecified() {
		local = netip.AddrPortFrom(loopback(addr), local.Port())
	}
	r := newRelayed(a.Server, u, conn, public, local)
	if why := a.table.add(r); why != granted {
		_ = conn.Close()
		a.counts.refused[why].Add(1)
		return nil, nil, fmt.Errorf("relay: refused: %s", reasons[why])
	}
	return r, r.addr, nil
}

func loopback(family netip.Addr) netip.Addr {
	if family.Is4() {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.IPv6Loopback()
}

// listen binds a port of the configured range.
func (s *Server) listen(network string, addr netip.Addr) (*socket, error) {
	if s.cfg.Ports == (Ports{}) {
		return listenUDP(network, netip.AddrPortFrom(addr, 0).String(), &quietUDP)
	}
	size := s.cfg.Ports.Max - s.cfg.Ports.Min + 1
	start := rand.IntN(size)
	for i := range min(size, portTries) {
		port := uint16(s.cfg.Ports.Min + (start+i)%size)
		conn, err := listenUDP(network, netip.AddrPortFrom(addr, port).String(), &quietUDP)
		if !errors.Is(err, syscall.EADDRINUSE) {
			return conn, err
		}
	}
	return nil, errNoPort
}

func listenUDP(network, address string, config *net.ListenConfig) (*socket, error) {
	conn, err := config.ListenPacket(context.Background(), network, address)
	if err != nil {
		return nil, err
	}
	s, err := newSocket(conn.(*net.UDPConn)) // of a udp network
	if err != nil {
		_ = conn.Close()
	}
	return s, err
}

// quietUDP takes back what Go allows every UDP socket, so that no public network of the machine can be
// flooded by its broadcast address.
var quietUDP = net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
	var inner error
	err := raw.Control(func(fd uintptr) {
		inner = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST, 0)
	})
	return errors.Join(err, inner)
}}
