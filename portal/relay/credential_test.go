package relay

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/pkg/signaling"
)

func TestMint(t *testing.T) {
	s := start(t, options{now: newClock().now})
	name, password := s.Mint("s1", "account", EndViewer)
	// The account is printf 'turn account account' | openssl dgst -sha256 -mac HMAC -macopt hexkey:SECRET, its
	// first 16 digits; the password is printf NAME | openssl dgst -sha1 -hmac SECRET -binary | base64.
	require.Equal(t, "1700014400:s1.2090ab5c75233871.viewer", name)
	require.Equal(t, "0x2C8t2q62eI46mesJHERfN/9+o=", password)
	u, err := parseUsername(name)
	require.NoError(t, err)
	require.Equal(t, username{holder{"s1", "2090ab5c75233871", EndViewer}, 1_700_014_400}, u)
	camera, _ := s.Mint("s1", "account", EndCamera)
	require.Equal(t, strings.Replace(name, "viewer", "camera", 1), camera)
}

func TestServers(t *testing.T) {
	clock := newClock()
	for host, bracketed := range map[string]string{"cameras.example.org": "cameras.example.org", "::1": "[::1]"} {
		s := start(t, options{now: clock.now, change: func(cfg *Config) { cfg.Host = host }})
		port := func(addr net.Addr) string {
			_, port, err := net.SplitHostPort(addr.String())
			require.NoError(t, err)
			return bracketed + ":" + port
		}
		name, password := s.Mint("s1", "account", EndCamera)
		require.Equal(t, []signaling.ICEServer{
			{URLs: []string{"stun:" + port(s.UDPAddr())}},
			{URLs: []string{
				"turn:" + port(s.UDPAddr()) + "?transport=udp",
				"turn:" + port(s.TCPAddr()) + "?transport=tcp",
				"turns:" + port(s.TLSAddr()) + "?transport=tcp",
			}, Username: name, Credential: password},
		}, s.Servers("s1", "account", EndCamera))
	}
	s := start(t, options{change: func(cfg *Config) { cfg.UDP, cfg.TLS = "", "" }})
	servers := s.Servers("s1", "account", EndViewer)
	require.Len(t, servers, 1)
	require.Equal(t, []string{"turn:" + s.TCPAddr().String() + "?transport=tcp"}, servers[0].URLs)
}

func TestMalformedNames(t *testing.T) {
	for _, name := range []string{
		"", ":", "1", "1:", "1:.", "1:..", "1:s.a", "1:s.a.", "1:s.a.owner", "1:.a.viewer", "1:s..viewer",
		"x:s.a.viewer", ":s.a.viewer", "+1:s.a.viewer", "01:s.a.viewer", " 1:s.a.viewer", "1:s.a.viewer ",
		"99999999999999999999:s.a.viewer", "1:" + strings.Repeat("s", maxUsername) + ".a.viewer",
	} {
		_, err := parseUsername(name)
		require.Error(t, err, "%q", name)
	}
	u, err := parseUsername("-1:a.b:c.d.camera")
	require.NoError(t, err)
	require.Equal(t, username{holder{"a.b:c", "d", EndCamera}, -1}, u)
}

func FuzzUsername(f *testing.F) {
	f.Add("1700014400:0123456789abcdefghijklmnopqrstuv-1.0123456789abcdef.viewer")
	f.Add("1:a.b:c.d.camera")
	f.Add("admin")
	f.Fuzz(func(t *testing.T, text string) {
		u, err := parseUsername(text)
		if err != nil {
			return
		}
		require.Equal(t, text, u.String())
		require.NotEmpty(t, u.session)
		require.NotEmpty(t, u.account)
		require.NotContains(t, u.account, ".")
	})
}

func TestSecretIsShared(t *testing.T) {
	one, other := start(t, options{}), start(t, options{})
	a := newAsker(t, one, "udp", "s1")
	a.name, a.password = other.Mint("s1", "account", EndViewer)
	a.allocate()

	stranger, err := New(config(t), credential.NewSecret(), nil, quietLogger())
	require.NoError(t, err)
	defer stranger.Close()
	b := newAsker(t, one, "udp", "s1")
	b.name, b.password = stranger.Mint("s1", "account", EndViewer)
	require.Equal(t, stun.CodeUnauthorized, code(t, b.ask(stun.MethodAllocate, requested(protocolUDP))))
}

// A view that outlives its credential goes on with the next one.
func TestNextCredential(t *testing.T) {
	clock := newClock()
	s := start(t, options{now: clock.now, change: func(cfg *Config) { cfg.Lifetime = time.Hour }})
	first := newAsker(t, s, "tcp", "s1")
	first.allocate()
	clock.advance(59 * time.Minute)
	second := newAsker(t, s, "tcp", "s1")
	second.allocate()
	clock.advance(time.Minute)
	require.Equal(t, stun.CodeUnauthorized, code(t, first.ask(stun.MethodRefresh)))
	require.Zero(t, code(t, second.ask(stun.MethodRefresh)))
}

func TestQuotas(t *testing.T) {
	s := start(t, options{change: func(cfg *Config) {
		cfg.MaxAllocations, cfg.MaxAllocationsPerAccount, cfg.MaxAllocationsPerSession = 4, 3, 2
	}})
	try := func(session, account string) stun.ErrorCode {
		a := newAsker(t, s, "udp", session)
		a.name, a.password = s.Mint(session, account, EndCamera)
		return code(t, a.ask(stun.MethodAllocate, requested(protocolUDP)))
	}
	require.Zero(t, try("s1", "one"))
	require.Zero(t, try("s1", "one"))
	require.Equal(t, stun.CodeAllocQuotaReached, try("s1", "one"), "session")
	require.Zero(t, try("s2", "one"))
	require.Equal(t, stun.CodeAllocQuotaReached, try("s3", "one"), "account")
	require.Zero(t, try("s4", "two"))
	require.Equal(t, stun.CodeAllocQuotaReached, try("s5", "three"), "server")
	for reason, want := range map[refusal]int64{refusedSession: 1, refusedAccount: 1, refusedServer: 1} {
		require.Equal(t, want, s.counts.refused[reason].Load(), reasons[reason])
	}
	s.End("s1")
	require.Zero(t, try("s5", "three"), "there is room again")
	require.Zero(t, try("s3", "one"))
}
