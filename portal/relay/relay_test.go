package relay

import (
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"testing"

	"github.com/pion/stun/v4"
	"github.com/stretchr/testify/require"
)

// toLoopback lets a test be the peer.
func toLoopback(cfg *Config) { cfg.AllowPeers = []string{"127.0.0.0/8", "::1/128"} }

// Both ends have only the same relay: what networks need that are symmetric on both sides.
func TestBothEndsOnTheSameRelay(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"the machine's own address": func(*Config) {},
		"a router's address":        func(cfg *Config) { cfg.PublicAddress = []string{"8.8.4.4"} },
		"IPv6": func(cfg *Config) {
			cfg.UDP, cfg.TCP, cfg.TLS, cfg.PublicAddress = "[::1]:0", "[::1]:0", "[::1]:0", []string{"::1"}
		},
		"a router's IPv6 address": func(cfg *Config) {
			cfg.UDP, cfg.TCP, cfg.TLS, cfg.PublicAddress = "[::1]:0", "[::1]:0", "[::1]:0", []string{"2a00:1450::1"}
		},
	} {
		s := start(t, options{change: change})
		for _, transport := range transports {
			t.Run(name+" "+transport, func(t *testing.T) {
				_, viewer := allocate(t, s, transport, "s1")
				_, camera := allocate(t, s, "udp", "s1")
				converse(t, viewer, camera)
			})
		}
	}
}

// converse sends both ways, first in indications and then, since clients bind channels by themselves, in
// those.
func converse(t testing.TB, a, b net.PacketConn) {
	t.Helper()
	for range 3 {
		_, err := b.WriteTo([]byte("opens"), a.LocalAddr())
		require.NoError(t, err)
		_, err = a.WriteTo([]byte("hello"), b.LocalAddr())
		require.NoError(t, err)
		text, from := receive(t, b)
		require.Equal(t, "hello", text)
		require.Equal(t, a.LocalAddr().String(), from.String())
		_, err = b.WriteTo([]byte("hello yourself"), a.LocalAddr())
		require.NoError(t, err)
		text, from = receive(t, a)
		for text == "opens" {
			text, from = receive(t, a)
		}
		require.Equal(t, "hello yourself", text)
		require.Equal(t, b.LocalAddr().String(), from.String())
	}
}

func TestBindingNeedsNoCredential(t *testing.T) {
	s := start(t, options{change: func(cfg *Config) { cfg.UDP, cfg.TCP, cfg.TLS = ":0", ":0", ":0" }})
	_, port, err := net.SplitHostPort(s.UDPAddr().String())
	require.NoError(t, err)
	for _, host := range []string{"127.0.0.1", "::1"} { // a wildcard takes both families
		conn, err := net.Dial("udp", net.JoinHostPort(host, port))
		require.NoError(t, err)
		a := &asker{t: t, conn: conn}
		var mapped stun.XORMappedAddress
		require.NoError(t, mapped.GetFrom(a.exchange(binding())))
		require.Equal(t, conn.LocalAddr().String(), mapped.String())
		require.NoError(t, conn.Close())
	}
	for _, transport := range transports {
		a := &asker{t: t, conn: dial(t, s, transport)}
		require.Zero(t, code(t, a.exchange(binding())), transport)
	}
}

func TestAddressFamilies(t *testing.T) {
	both := start(t, options{change: func(cfg *Config) { cfg.PublicAddress = []string{"127.0.0.1", "::1"} }})
	a := newAsker(t, both, "udp", "s1")
	require.True(t, a.allocate(family(true)).Addr().Is6(), "IPv6 by an IPv4 connection")

	only4 := start(t, options{change: func(cfg *Config) { cfg.UDP, cfg.Host = "[::1]:0", "::1" }})
	a = newAsker(t, only4, "udp", "s1")
	require.True(t, a.allocate().Addr().Is4(), "IPv4 by an IPv6 connection, if there is nothing else")
	a = newAsker(t, only4, "udp", "s1")
	answer := a.ask(stun.MethodAllocate, requested(protocolUDP), family(true))
	require.Equal(t, stun.CodeInsufficientCapacity, code(t, answer))
	require.EqualValues(t, 1, only4.counts.refused[refusedAddress].Load())
}

func TestPortRange(t *testing.T) {
	free := listen(t, "127.0.0.1")
	port := int(free.LocalAddr().(*net.UDPAddr).AddrPort().Port())
	require.NoError(t, free.Close())
	s := start(t, options{change: func(cfg *Config) { cfg.Ports = Ports{port, port} }})
	a := newAsker(t, s, "udp", "s1")
	require.EqualValues(t, port, a.allocate().Port())
	b := newAsker(t, s, "udp", "s1")
	require.Equal(t, stun.CodeInsufficientCapacity, code(t, b.ask(stun.MethodAllocate, requested(protocolUDP))))
	require.Zero(t, code(t, a.ask(stun.MethodRefresh, lifetime(0))))
	require.EqualValues(t, port, b.allocate().Port(), "free again")
}

// lifetime is a LIFETIME attribute in seconds.
func lifetime(seconds byte) stun.RawAttribute {
	return stun.RawAttribute{Type: stun.AttrLifetime, Value: []byte{0, 0, 0, seconds}}
}

// What WebRTC does not use is refused, and takes no place in the quota.
func TestRefusedKinds(t *testing.T) {
	s := start(t, options{})
	a := newAsker(t, s, "tcp", "s1")
	for name, attributes := range map[string][]stun.Setter{
		"relayed TCP": {requested(protocolTCP)},
		"even port":   {requested(protocolUDP), stun.RawAttribute{Type: stun.AttrEvenPort, Value: []byte{0x80}}},
		"reservation": {requested(protocolUDP), stun.RawAttribute{Type: stun.AttrReservationToken, Value: make([]byte, 8)}},
	} {
		require.Equal(t, stun.CodeInsufficientCapacity, code(t, a.ask(stun.MethodAllocate, attributes...)), name)
		require.Zero(t, s.table.len(), name)
	}
	a.allocate()
	require.Equal(t, stun.CodeConnTimeoutOrFailure, code(t, a.ask(stun.MethodConnect, peer("9.9.9.9"))))
	require.EqualValues(t, 2, s.counts.refused[refusedTCP].Load())
}

// Who asks about an allocation that is gone is told so, instead of nothing.
func TestMissingAllocation(t *testing.T) {
	s := start(t, options{})
	for _, transport := range transports {
		a := newAsker(t, s, transport, "s1")
		about := map[stun.Method][]stun.Setter{
			stun.MethodRefresh:          nil,
			stun.MethodCreatePermission: {peer("9.9.9.9")},
			stun.MethodChannelBind:      {peer("9.9.9.9"), channel(0x4000)},
		}
		for method, attributes := range about {
			answer := a.ask(method, attributes...)
			require.Equal(t, stun.CodeAllocMismatch, code(t, answer), "%s %s", transport, method)
			require.NoError(t, stun.NewLongTermIntegrity(a.name, realm, a.password).Check(answer))
		}
		a.allocate()
		a.name, a.password = s.Mint("s2", "account", EndViewer)
		for method, attributes := range about {
			require.Equal(t, stun.CodeWrongCredentials, code(t, a.ask(method, attributes...)), "%s %s", transport, method)
		}
	}
}

// A key frame arrives as one piece and leaves as one; its packets stay what they were.
func TestTrains(t *testing.T) {
	s := start(t, options{change: toLoopback})
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			camera, err := listenUDP("udp", "127.0.0.1:0", &net.ListenConfig{})
			require.NoError(t, err)
			defer func() { _ = camera.Close() }()
			a := newAsker(t, s, transport, "s1")
			relayed := a.allocate()
			frame := newTrain()
			defer frame.free()
			var packets []string
			for i := range 80 { // more than the kernel takes at a time
				packets = append(packets, fmt.Sprintf("%0800d", i))
				frame.add([]byte(packets[i]))
			}
			packets = append(packets, "the rest")
			frame.add([]byte("the rest"))

			require.Zero(t, code(t, a.ask(stun.MethodCreatePermission, peerAt(camera.LocalAddr()))))
			camera.sendTrain(frame, relayed)
			for _, want := range packets {
				data, err := a.message().Get(stun.AttrData)
				require.NoError(t, err)
				require.Equal(t, want, string(data), "in an indication")
			}
			require.Zero(t, code(t, a.ask(stun.MethodChannelBind, channel(0x4000), peerAt(camera.LocalAddr()))))
			camera.sendTrain(frame, relayed)
			for _, want := range packets {
				got := a.frame()
				require.Equal(t, want, string(got[channelHeader:][:len(want)]), "in a channel")
			}
			for _, want := range packets[:20] {
				a.data(0x4000, want)
				text, from := receive(t, camera)
				require.Equal(t, want, text)
				require.Equal(t, relayed.String(), from.String())
			}
		})
	}
}

// A client may send a frame in one piece, too, and the kernel may hand over pieces of several channels.
func TestTrainsOfClient(t *testing.T) {
	s := start(t, options{change: toLoopback})
	client, err := listenUDP("udp", "127.0.0.1:0", &net.ListenConfig{})
	require.NoError(t, err)
	name, password := s.Mint("s1", "account", EndCamera)
	conn := &connected{client, s.UDPAddr()}
	t.Cleanup(func() { _ = conn.Close() })
	a := &asker{t: t, conn: conn, name: name, password: password}
	a.allocate()
	var peers []*net.UDPConn
	for i := range 2 {
		peers = append(peers, listen(t, "127.0.0.1"))
		require.Zero(t, code(t, a.ask(stun.MethodChannelBind, channel(0x4000+uint16(i)), peerAt(peers[i].LocalAddr()))))
	}
	frame := newTrain()
	defer frame.free()
	for i := range 6 {
		frame.addFrames(0x4000+uint16(i/2%2), []byte(fmt.Sprintf("packet %d", i)), 8)
	}
	frame.addFrames(0x4002, []byte("unbound!"), 8)
	frame.addFrames(0x4001, []byte("short"), 8)
	client.sendTrain(frame, s.UDPAddr().(*net.UDPAddr).AddrPort())
	for i, want := range [][]string{{"packet 0", "packet 1", "packet 4", "packet 5"}, {"packet 2", "packet 3", "short"}} {
		for _, text := range want {
			got, _ := receive(t, peers[i])
			require.Equal(t, text, got)
		}
	}
}

// connected makes a net.Conn of a UDP socket.
type connected struct {
	*socket
	to net.Addr
}

func (c *connected) Write(p []byte) (int, error) { return c.WriteTo(p, c.to) }

func TestUnloading(t *testing.T) {
	a := arrival{rest: []byte{0x40, 1, 0x40, 2, 0x00, 3, 0x41}, car: 2}
	require.Equal(t, []byte{0x40, 1, 0x40, 2}, a.channelData())
	require.Empty(t, a.channelData())
	require.Equal(t, []byte{0x00, 3}, a.peek())
	require.Equal(t, []byte{0x00, 3}, a.next())
	require.Equal(t, []byte{0x41}, a.channelData())
	require.Empty(t, a.rest)
}

// A client cannot make the server keep more than some permissions and channels.
func TestBindingsAreBounded(t *testing.T) {
	s := start(t, options{})
	a := newAsker(t, s, "udp", "s1")
	a.allocate()
	at := func(i int) peerAddress {
		return peerAddress{netip.AddrPortFrom(netip.AddrFrom4([4]byte{9, 9, 9, byte(i)}), 4000)}
	}
	for i := range maxBindings {
		require.Zero(t, code(t, a.ask(stun.MethodCreatePermission, at(i))))
	}
	require.Equal(t, stun.CodeForbidden, code(t, a.ask(stun.MethodCreatePermission, at(maxBindings))))
	require.Zero(t, code(t, a.ask(stun.MethodCreatePermission, at(0))), "again")
	for i := range maxBindings {
		require.Zero(t, code(t, a.ask(stun.MethodChannelBind, channel(0x4000+uint16(i)), at(i))))
	}
	require.Equal(t, stun.CodeForbidden, code(t, a.ask(stun.MethodChannelBind, channel(0x4fff), at(0))))
}

// The kernel hands over in one piece what was sent in one: what relaying a key frame costs depends on it.
func TestTrainsTravelWhole(t *testing.T) {
	from, err := listenUDP("udp", "127.0.0.1:0", &quietUDP)
	require.NoError(t, err)
	defer func() { _ = from.Close() }()
	to, err := listenUDP("udp", "127.0.0.1:0", &quietUDP)
	require.NoError(t, err)
	defer func() { _ = to.Close() }()
	to.take = func(*arrival) bool { return true }
	sent := newTrain()
	defer sent.free()
	for range 40 {
		sent.add(make([]byte, 1000))
	}
	sent.add(make([]byte, 1))
	from.sendTrain(sent, to.LocalAddr().(*net.UDPAddr).AddrPort())
	a, err := to.await()
	require.NoError(t, err)
	require.Equal(t, 1000, a.car)
	require.Len(t, a.rest, 40_001)
	require.Equal(t, from.LocalAddr().String(), a.from.String())
}

// A relayed address cannot send to a whole network.
func TestNoBroadcast(t *testing.T) {
	s, err := listenUDP("udp4", "0.0.0.0:0", &quietUDP)
	require.NoError(t, err)
	defer func() { _ = s.Close() }()
	_, err = s.WriteToUDPAddrPort([]byte("all"), netip.MustParseAddrPort("127.255.255.255:4000"))
	require.ErrorIs(t, err, syscall.EACCES)
}
