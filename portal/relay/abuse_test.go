package relay

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/stretchr/testify/require"

	"seccam/portal/internet/internettest"
)

// specialPeers are addresses at both edges of every special range.
func specialPeers() (v4, v6 []string) {
	for _, e := range internettest.Edges {
		for _, addr := range []string{e.First, e.Last} {
			if netip.MustParseAddr(addr).Is4() {
				v4 = append(v4, addr)
				continue
			}
			v6 = append(v6, addr)
		}
	}
	return v4, v6
}

func TestAbuse30_PeersInSpecialRanges(t *testing.T) {
	s := start(t, options{change: func(cfg *Config) {
		cfg.PublicAddress = []string{"8.8.4.4", "2a00:1450::1"}
	}})
	v4, v6 := specialPeers()
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			a := newAsker(t, s, transport, "s1")
			a.allocate(family(false))
			b := newAsker(t, s, transport, "s1")
			b.allocate(family(true))
			for _, text := range v4 {
				addr := netip.MustParseAddr(text)
				refuses(t, a, stun.CodeForbidden, public4, addr)
				for kind, embed := range internettest.Embedding {
					if kind == "mapped" { // is IPv4, whatever it looks like
						refuses(t, a, stun.CodeForbidden, public4, embed(addr.As4()))
						refuses(t, b, stun.CodePeerAddrFamilyMismatch, public6, embed(addr.As4()))
						continue
					}
					refuses(t, b, stun.CodeForbidden, public6, embed(addr.As4()))
				}
			}
			for _, text := range v6 {
				refuses(t, b, stun.CodeForbidden, public6, netip.MustParseAddr(text))
			}
			require.Zero(t, code(t, a.ask(stun.MethodCreatePermission, peer(public4), peer("8.8.4.4"))))
			require.Zero(t, code(t, b.ask(stun.MethodCreatePermission, peer(public6), peer("2a00:1450::1"))))
		})
	}
}

// Addresses on the Internet.
const (
	public4 = "9.9.9.9"
	public6 = "2620:fe::fe"
)

// refuses checks that neither a permission nor a channel is given for a peer, also beside a public one, and
// that Connect finds none either.
func refuses(t *testing.T, a *asker, want stun.ErrorCode, public string, addr netip.Addr) {
	t.Helper()
	p := peerAddress{netip.AddrPortFrom(addr, 4000)}
	for _, answer := range []*stun.Message{
		a.ask(stun.MethodCreatePermission, p),
		a.ask(stun.MethodCreatePermission, peer(public), p),
		a.ask(stun.MethodChannelBind, channel(0x4000), p),
	} {
		require.Equal(t, want, code(t, answer), "%s to %s", answer.Type, addr)
		require.NoError(t, stun.NewLongTermIntegrity(a.name, realm, a.password).Check(answer), "%s", answer.Type)
	}
	require.NotZero(t, code(t, a.ask(stun.MethodConnect, p)), "Connect to %s", addr)
}

// A Send indication and channel data to a peer without a permission do not leave the server.
func TestAbuse30_DataWithoutPermission(t *testing.T) {
	s := start(t, options{change: func(cfg *Config) { cfg.PublicAddress = []string{"8.8.4.4"} }})
	victim := listen(t, "127.0.0.1")
	for _, transport := range transports {
		a := newAsker(t, s, transport, "s1")
		a.allocate()
		indication := stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodSend, stun.ClassIndication),
			peerAt(victim.LocalAddr()), stun.RawAttribute{Type: stun.AttrData, Value: []byte("attack")})
		_, err := a.conn.Write(indication.Raw)
		require.NoError(t, err)
		require.Equal(t, stun.CodeForbidden, code(t, a.ask(stun.MethodChannelBind, channel(0x4000), peerAt(victim.LocalAddr()))))
		a.data(0x4000, "attack")
		require.Zero(t, code(t, a.ask(stun.MethodRefresh)), "the server has seen all of it")
		requireNothing(t, victim)
	}
}

// The machine's own public address is open to relayed addresses, not to what else runs there.
func TestAbuse30_OwnServices(t *testing.T) {
	s := start(t, options{})
	service := listen(t, "127.0.0.1")
	a := newAsker(t, s, "udp", "s1")
	a.allocate()
	require.Zero(t, code(t, a.ask(stun.MethodChannelBind, channel(0x4000), peerAt(service.LocalAddr()))))
	a.data(0x4000, "attack")
	require.Zero(t, code(t, a.ask(stun.MethodChannelBind, channel(0x4001), peerAt(s.UDPAddr()))))
	a.data(0x4001, string(binding().Raw))
	require.Zero(t, code(t, a.ask(stun.MethodRefresh)))
	requireNothing(t, service)
	require.EqualValues(t, 2, s.counts.refused[refusedPeer].Load())
}

// listen opens a socket that a test is the peer with.
func listen(t testing.TB, addr string) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(addr), 0)))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// requireNothing checks that no packet waits at conn: the first to come is the test's own.
func requireNothing(t testing.TB, conn *net.UDPConn) {
	t.Helper()
	_, err := conn.WriteTo([]byte("marker"), conn.LocalAddr())
	require.NoError(t, err)
	text, _ := receive(t, conn)
	require.Equal(t, "marker", text)
}

func TestAbuse31_Credentials(t *testing.T) {
	clock := newClock()
	s := start(t, options{now: clock.now, change: func(cfg *Config) {
		cfg.Lifetime, cfg.MaxAllocationsPerSession = time.Hour, 1
	}})
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			session := "session of " + transport
			good := newAsker(t, s, transport, session)
			require.Equal(t, stun.CodeUnauthorized, code(t, good.bare(stun.MethodAllocate)), "no credential")
			for name, spoil := range map[string]func(*asker){
				"wrong password":      func(a *asker) { a.password = "wrong" },
				"another's name":      func(a *asker) { a.name, _ = s.Mint("another", "account", EndViewer) },
				"later expiry":        func(a *asker) { a.name = "9" + a.name },
				"another end":         func(a *asker) { a.name, _ = s.Mint(session, "account", EndCamera) },
				"malformed name":      func(a *asker) { a.name = "admin" },
				"malformed, its HMAC": func(a *asker) { a.name = "9999999999:admin"; a.password = s.password(a.name) },
			} {
				bad := newAsker(t, s, transport, session)
				spoil(bad)
				require.Equal(t, stun.CodeUnauthorized, code(t, bad.ask(stun.MethodAllocate, requested(protocolUDP))), name)
			}
			good.allocate()
			second := newAsker(t, s, transport, session)
			require.Equal(t, stun.CodeAllocQuotaReached, code(t, second.ask(stun.MethodAllocate, requested(protocolUDP))), "over quota")
			s.End(session)
			for _, method := range []stun.Method{stun.MethodAllocate, stun.MethodRefresh, stun.MethodCreatePermission, stun.MethodChannelBind} {
				require.Equal(t, stun.CodeUnauthorized, code(t, good.ask(method, requested(protocolUDP))), "%s, session ended", method)
			}
		})
	}
	late := newAsker(t, s, "udp", "late")
	late.allocate()
	clock.advance(time.Hour)
	require.Equal(t, stun.CodeUnauthorized, code(t, late.ask(stun.MethodRefresh)), "expired while it was used")
	again := newAsker(t, s, "udp", "late")
	again.name, again.password = late.name, late.password
	require.Equal(t, stun.CodeUnauthorized, code(t, again.ask(stun.MethodAllocate, requested(protocolUDP))), "expired")
}
