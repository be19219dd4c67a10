package relay

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/stretchr/testify/require"
)

// briefly has connections that do nothing end soon.
func briefly(s *Server) { s.idle = time.Second }

// requireClosed waits until the server closes conn.
func requireClosed(t testing.TB, conn net.Conn) {
	t.Helper()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(patience)))
	_, err := io.Copy(io.Discard, conn)
	require.False(t, isTimeout(err), "still open")
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	s := start(t, options{prepare: func(s *Server) {
		briefly(s)
		s.gate.each = 1000
	}})
	var conns []net.Conn
	for range 200 {
		for _, addr := range []net.Addr{s.TCPAddr(), s.TLSAddr()} { // on TLS not even the handshake begins
			conn, err := net.Dial("tcp", addr.String())
			require.NoError(t, err)
			conns = append(conns, conn)
		}
	}
	for _, conn := range conns {
		requireClosed(t, conn)
		require.NoError(t, conn.Close())
	}
	require.Eventually(t, func() bool { return s.gate.len() == 0 }, patience, time.Millisecond)
	require.Empty(t, s.gate.places)
	require.Empty(t, s.streams)
}

// What a connection does without a credential does not keep it open.
func TestConnectionNeedsAnAllocation(t *testing.T) {
	s := start(t, options{prepare: briefly})
	for _, transport := range []string{"tcp", "tls"} {
		a := newAsker(t, s, transport, "s1")
		for {
			_ = a.conn.SetDeadline(time.Now().Add(patience))
			if _, err := a.conn.Write(binding().Raw); err != nil {
				require.False(t, isTimeout(err))
				break
			}
			if _, err := a.conn.Read(make([]byte, 100)); err != nil {
				require.False(t, isTimeout(err))
				break
			}
		}
		b := newAsker(t, s, transport, "s1")
		b.allocate()
		time.AfterFunc(2*s.idle, func() { s.End("s1") })
		began := time.Now()
		requireClosed(t, b.conn)
		require.GreaterOrEqual(t, time.Since(began), 2*s.idle, "an allocation keeps it open")
	}
}

func TestConnectionsPerAddress(t *testing.T) {
	s := start(t, options{prepare: func(s *Server) { s.gate.each = 2 }})
	first := newAsker(t, s, "tcp", "s1")
	first.allocate()
	second := dial(t, s, "tcp")
	_, err := second.Write(binding().Raw)
	require.NoError(t, err)
	_, err = second.Read(make([]byte, 100))
	require.NoError(t, err)
	third, err := net.Dial("tcp", s.TCPAddr().String())
	require.NoError(t, err)
	defer func() { _ = third.Close() }()
	requireClosed(t, third)
	require.Zero(t, code(t, first.ask(stun.MethodRefresh)))
}

func TestGate(t *testing.T) {
	at := func(addr string) net.Addr {
		return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(addr), 5000))
	}
	g := newGate(4)
	g.each = 2
	leave, ok := g.enter(at("2001:db8::1"))
	require.True(t, ok)
	_, ok = g.enter(at("2001:db8::ffff:0:0:2"))
	require.True(t, ok)
	_, ok = g.enter(at("2001:db8::3"))
	require.False(t, ok, "the same /64")
	_, ok = g.enter(at("2001:db8:0:1::3"))
	require.True(t, ok)
	_, ok = g.enter(at("::ffff:192.0.2.1"))
	require.True(t, ok)
	_, ok = g.enter(at("192.0.2.2"))
	require.False(t, ok, "full")
	leave()
	_, ok = g.enter(at("192.0.2.1"))
	require.True(t, ok, "IPv4 is IPv4")
	leave, ok = g.enter(at("192.0.2.1"))
	require.False(t, ok)
	require.Nil(t, leave)
}

// A handshake that is not finished holds up nobody.
func TestSlowHandshakes(t *testing.T) {
	s := start(t, options{})
	for range 20 {
		conn, err := net.Dial("tcp", s.TLSAddr().String())
		require.NoError(t, err)
		defer func() { _ = conn.Close() }()
		_, err = conn.Write([]byte{22, 3, 1}) // the beginning of a ClientHello
		require.NoError(t, err)
	}
	newAsker(t, s, "tls", "s1").allocate()
}

// A client that sends single bytes is served as any other.
func TestDribble(t *testing.T) {
	s := start(t, options{})
	a := &asker{t: t, conn: dial(t, s, "tcp")}
	request := stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewSoftware(string(make([]byte, 700))))
	for _, b := range request.Raw[:len(request.Raw)-1] {
		_, err := a.conn.Write([]byte{b})
		require.NoError(t, err)
	}
	request.Raw = request.Raw[len(request.Raw)-1:]
	require.Zero(t, code(t, a.exchange(request)))
}

func TestMalformedStreams(t *testing.T) {
	s := start(t, options{})
	good := binding().Raw
	for name, bytes := range map[string][]byte{
		"HTTP":              []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		"TLS":               append([]byte{22, 3, 1, 0, 4, 1, 0, 0, 0}, make([]byte, 20)...),
		"neither":           make([]byte, 20),
		"too large STUN":    append([]byte{0, 1, 0xff, 0xfc}, good[4:]...),
		"too large channel": {0x40, 0, 0xff, 0xff},
		"wrong cookie":      append([]byte{0, 1, 0, 0, 1, 2, 3, 4}, make([]byte, 12)...),
		"after a good one":  append(append([]byte{}, good...), make([]byte, 20)...),
	} {
		conn := dial(t, s, "tcp")
		_, err := conn.Write(bytes)
		require.NoError(t, err, name)
		requireClosed(t, conn)
	}
	a := newAsker(t, s, "tcp", "s1")
	a.data(0x4000, "nothing is bound")
	_, err := a.conn.Write([]byte{0x40, 0, 0, 0})
	require.NoError(t, err)
	a.allocate()
	_, err = a.conn.Write(bytes.Repeat([]byte{0x40, 0, 0, 0}, 100))
	require.NoError(t, err)
	require.Zero(t, code(t, a.ask(stun.MethodRefresh)))
}

func TestMalformedPackets(t *testing.T) {
	s := start(t, options{})
	a := newAsker(t, s, "udp", "s1")
	a.allocate()
	for _, packet := range [][]byte{
		{}, {0}, {0x40}, {0x40, 0}, {0x40, 0, 0}, {0x40, 0, 0, 1}, {0x40, 0, 0xff, 0xff}, {0x80, 0, 0, 0},
		binding().Raw[:19], append(binding().Raw[:4:4], make([]byte, 16)...), make([]byte, 2000),
		append(binding().Raw, make([]byte, 1600)...), {0, 1, 0xff, 0xff, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
	} {
		_, err := a.conn.Write(packet)
		require.NoError(t, err)
	}
	require.Zero(t, code(t, a.ask(stun.MethodRefresh)))
}

// A client that does not read loses packets, and holds up neither others nor the end of its session.
func TestStalledClient(t *testing.T) {
	s := start(t, options{change: func(cfg *Config) {
		toLoopback(cfg)
		cfg.BytesPerSecond = 1 << 30
	}})
	peer := listen(t, "127.0.0.1")
	a := newAsker(t, s, "tcp", "s1")
	relayed := a.allocate()
	require.Zero(t, code(t, a.ask(stun.MethodChannelBind, channel(0x4000), peerAt(peer.LocalAddr()))))
	for s.counts.dropped[toClient].Load() == 0 {
		_, err := peer.WriteToUDPAddrPort(make([]byte, 1400), relayed)
		require.NoError(t, err)
	}
	other := newAsker(t, s, "tcp", "s2")
	other.allocate()
	s.End("s1")
	require.Equal(t, 1, s.table.len())
}

func TestBrokenCertificate(t *testing.T) {
	cfg := config(t)
	breakFile(t, cfg.KeyFile)
	_, err := New(cfg, testSecret(t), nil, quietLogger())
	require.ErrorContains(t, err, "turn.cert_file, turn.key_file")
}
