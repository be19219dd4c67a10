package relay

import (
	"context"
	"crypto/x509"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

func TestDiscover(t *testing.T) {
	parse := func(list ...string) (addrs []netip.Addr) {
		for _, text := range list {
			addrs = append(addrs, netip.MustParseAddr(text))
		}
		return addrs
	}
	machine := []string{"127.0.0.1", "::1", "fe80::1", "10.0.0.5", "fd00::5"}
	for _, tc := range []struct {
		name                   string
		configured, interfaces []string
		want                   []string
	}{
		{"public ones before private", nil, append(machine, "9.9.9.9", "2620:fe::fe", "8.8.8.8"), []string{"9.9.9.9", "2620:fe::fe"}},
		{"no private one beside a public one", nil, append(machine, "2620:fe::fe"), []string{"2620:fe::fe"}},
		{"private ones before loopback", nil, machine, []string{"10.0.0.5", "fd00::5"}},
		{"loopback", nil, []string{"::1", "127.0.0.1", "fe80::1"}, []string{"127.0.0.1", "::1"}},
		{"configured", []string{"8.8.4.4"}, append(machine, "9.9.9.9", "2620:fe::fe"), []string{"8.8.4.4"}},
		{"none", nil, []string{"fe80::1"}, nil},
	} {
		a := discover(parse(tc.configured...), parse(tc.interfaces...))
		require.Equal(t, parse(tc.want...), append([]netip.Addr(nil), a.advertised()...), tc.name)
	}
	a := discover(parse("8.8.4.4"), parse("9.9.9.9", "127.0.0.1"))
	_, bind := a.of("udp4")
	require.True(t, bind.IsUnspecified(), "a router's address cannot be bound")
	a = discover(nil, parse("9.9.9.9", "127.0.0.1"))
	_, bind = a.of("udp4")
	require.Equal(t, "9.9.9.9", bind.String())
	_, err := interfaceAddresses()
	require.NoError(t, err)
}

// about returns the findings, by what they are about.
func about(findings []Finding) map[string]string {
	found := map[string]string{}
	for _, f := range findings {
		found[f.About] += f.Text
	}
	return found
}

func TestCheck(t *testing.T) {
	trust := func(s *Server) {
		pem, err := os.ReadFile(s.cfg.CertFile)
		require.NoError(t, err)
		s.roots = x509.NewCertPool()
		s.roots.AppendCertsFromPEM(pem)
	}
	public := []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("9.9.9.9")}
	s := start(t, options{interfaces: public, prepare: trust, change: func(cfg *Config) { cfg.PublicAddress = nil }})
	require.Empty(t, s.Check(context.Background()))

	s = start(t, options{})
	found := about(s.Check(context.Background()))
	require.Len(t, found, 2)
	require.Contains(t, found["turn.public_address"], "127.0.0.1 is not a public address; relays only work inside this network")
	_, port, _ := net.SplitHostPort(s.TLSAddr().String())
	require.Contains(t, found[port+"/tls"], "browsers will refuse turn.cert_file for 127.0.0.1")

	s = start(t, options{interfaces: []netip.Addr{netip.MustParseAddr("10.0.0.5")}, prepare: trust, change: func(cfg *Config) {
		cfg.PublicAddress = nil
	}})
	require.Contains(t, about(s.Check(context.Background()))["turn.public_address"], "no public address, only 10.0.0.5; relays only work")

	s = start(t, options{change: func(cfg *Config) { cfg.Host, cfg.MaxAllocations = "no.such.host.invalid", 100_000 }})
	found = about(s.Check(context.Background()))
	require.Contains(t, found["turn.host"], "no.such.host.invalid does not resolve")
	require.Contains(t, found["turn.max_allocations"], "raise the limit")
}

// Nothing listens at the advertised address.
func TestCheckOfClosedPorts(t *testing.T) {
	s := start(t, options{change: func(cfg *Config) { cfg.Host = "127.0.0.2" }})
	found := about(s.Check(context.Background()))
	for kind, addr := range map[string]net.Addr{"udp": s.UDPAddr(), "tcp": s.TCPAddr(), "tls": s.TLSAddr()} {
		_, port, _ := net.SplitHostPort(addr.String())
		require.Contains(t, found[port+"/"+kind], "of 127.0.0.2 did not answer")
		require.Contains(t, found[port+"/"+kind], "open it in the firewall")
	}
}

// Something else listens there, or what hears does not answer.
func TestCheckIsBounded(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*probeInterval)
	defer cancel()
	mute := listen(t, "127.0.0.1")
	require.ErrorIs(t, probeUDP(ctx, mute.LocalAddr().String()), context.DeadlineExceeded)
	web, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = web.Close() }()
	go func() {
		if conn, err := web.Accept(); err == nil {
			_, _ = conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			_ = conn.Close()
		}
	}()
	ctx, cancel = context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.ErrorContains(t, probeStream(ctx, web.Addr().String()), "another program")
}

func TestMetrics(t *testing.T) {
	s := start(t, options{change: toLoopback})
	far := listen(t, "127.0.0.1")
	a := newAsker(t, s, "tcp", "s1")
	a.allocate()
	b := newAsker(t, s, "udp", "s1")
	b.password = "wrong"
	b.ask(stun.MethodRefresh)
	require.Zero(t, code(t, a.ask(stun.MethodChannelBind, channel(0x4000), peerAt(far.LocalAddr()))))
	require.Equal(t, stun.CodeForbidden, code(t, a.ask(stun.MethodCreatePermission, peer("10.0.0.1"))))
	a.data(0x4000, "data")
	text, from := receive(t, far)
	require.Equal(t, "data", text)
	_, err := far.WriteTo([]byte("more data"), from)
	require.NoError(t, err)
	a.frame()
	require.Equal(t, map[string]float64{
		"seccam_relay_allocations":                     1,
		"seccam_relay_allocations_total":               1,
		"seccam_relay_auth_failures_total":             1,
		"seccam_relay_bytes_total to_client":           9,
		"seccam_relay_bytes_total to_peer":             4,
		"seccam_relay_connections":                     1,
		"seccam_relay_dropped_packets_total to_client": 0,
		"seccam_relay_dropped_packets_total to_peer":   0,
		"seccam_relay_refused_total account_quota":     0,
		"seccam_relay_refused_total no_address":        0,
		"seccam_relay_refused_total no_port":           0,
		"seccam_relay_refused_total peer":              1,
		"seccam_relay_refused_total server_quota":      0,
		"seccam_relay_refused_total session_ended":     0,
		"seccam_relay_refused_total session_quota":     0,
		"seccam_relay_refused_total tcp":               0,
	}, gather(t, s))
}

// gather returns the metrics by name and label values, after a check of their form.
func gather(t *testing.T, s *Server) map[string]float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, registry.Register(s))
	families, err := registry.Gather()
	require.NoError(t, err)
	values := map[string]float64{}
	for _, family := range families {
		require.NotEmpty(t, family.GetHelp())
		for _, metric := range family.GetMetric() {
			name := family.GetName()
			for _, label := range metric.GetLabel() {
				name += " " + label.GetValue()
			}
			values[name] = metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
		}
	}
	return values
}

// A machine whose provider gives it another address goes on with that.
func TestAddressIsLookedAtAgain(t *testing.T) {
	clock := newClock()
	address := "127.0.0.1"
	s := start(t, options{
		now: clock.now, change: func(cfg *Config) { cfg.PublicAddress = nil },
		prepare: func(s *Server) {
			s.interfaces = func() ([]netip.Addr, error) { return []netip.Addr{netip.MustParseAddr(address)}, nil }
		},
	})
	require.Equal(t, "127.0.0.1", newAsker(t, s, "udp", "s1").allocate(family(false)).Addr().String())
	address = "127.0.0.2"
	clock.advance(addressCheck + time.Second)
	a := newAsker(t, s, "udp", "s1")
	a.bare(stun.MethodAllocate)
	require.Equal(t, "127.0.0.2", a.allocate(family(false)).Addr().String())
}
