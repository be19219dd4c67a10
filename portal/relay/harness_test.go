package relay

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/pion/turn/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"seccam/pkg/credential"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait of a test.
const patience = 10 * time.Second

// clock is a clock that a test turns.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Unix(1_700_000_000, 0)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// config listens on loopback by UDP, TCP and TLS, and relays there.
func config(t testing.TB) Config {
	cfg := DefaultConfig()
	cfg.UDP, cfg.TCP, cfg.TLS, cfg.Host = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1"
	cfg.PublicAddress = []string{"127.0.0.1"}
	cfg.CertFile, cfg.KeyFile = writeCertificate(t, t.TempDir(), 1)
	return cfg
}

// options change a test's server before it runs.
type options struct {
	change     func(*Config)
	now        func() time.Time
	interfaces []netip.Addr
	prepare    func(*Server)
}

// start runs a server until the test ends.
func start(t testing.TB, o options) *Server {
	t.Helper()
	cfg := config(t)
	if o.change != nil {
		o.change(&cfg)
	}
	interfaces := o.interfaces
	if interfaces == nil {
		interfaces = []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")}
	}
	s, err := newServer(cfg, testSecret(t), o.now, quietLogger(), func() ([]netip.Addr, error) { return interfaces, nil })
	require.NoError(t, err)
	if o.prepare != nil {
		o.prepare(s)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	return s
}

func testSecret(t testing.TB) credential.Secret {
	secret, err := credential.ParseSecret("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
	require.NoError(t, err)
	return secret
}

func quietLogger() *slog.Logger { return slog.New(slog.DiscardHandler) }

// writeCertificate makes a certificate for 127.0.0.1 and localhost that signs itself.
func writeCertificate(t testing.TB, dir string, serial int64) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "relay"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	require.NoError(t, os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	return certFile, keyFile
}

// transports are the ways to a server.
var transports = []string{"udp", "tcp", "tls"}

// dial opens a way to the server for STUN.
func dial(t testing.TB, s *Server, transport string) net.Conn {
	t.Helper()
	var conn net.Conn
	var err error
	switch transport {
	case "udp":
		conn, err = net.Dial("udp", s.UDPAddr().String())
	case "tcp":
		conn, err = net.Dial("tcp", s.TCPAddr().String())
	case "tls":
		conn, err = tls.Dial("tcp", s.TLSAddr().String(), &tls.Config{InsecureSkipVerify: true})
	}
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// allocate has pion's own client allocate a relayed address by transport.
func allocate(t testing.TB, s *Server, transport, session string) (*turn.Client, net.PacketConn) {
	t.Helper()
	client := newClient(t, s, transport, session)
	relay, err := client.Allocate()
	require.NoError(t, err)
	t.Cleanup(func() { _ = relay.Close() })
	return client, relay
}

func newClient(t testing.TB, s *Server, transport, session string) *turn.Client {
	t.Helper()
	name, password := s.Mint(session, "account", EndViewer)
	return newClientWith(t, s, transport, name, password)
}

func newClientWith(t testing.TB, s *Server, transport, name, password string) *turn.Client {
	t.Helper()
	var conn net.PacketConn
	server := s.UDPAddr()
	if transport == "udp" {
		socket, err := net.ListenPacket("udp", netip.AddrPortFrom(server.(*net.UDPAddr).AddrPort().Addr(), 0).String())
		require.NoError(t, err)
		conn = socket
	} else {
		stream := dial(t, s, transport)
		conn, server = turn.NewSTUNConn(stream), stream.RemoteAddr()
	}
	client, err := turn.NewClient(&turn.ClientConfig{
		TURNServerAddr: server.String(), STUNServerAddr: server.String(), Conn: conn,
		Username: name, Password: password, LoggerFactory: quietLog{quietLogger()},
	})
	require.NoError(t, err)
	require.NoError(t, client.Listen())
	t.Cleanup(func() {
		client.Close()
		_ = conn.Close()
	})
	return client
}

// receive reads one packet.
func receive(t testing.TB, conn net.PacketConn) (string, net.Addr) {
	t.Helper()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(patience)))
	buf := make([]byte, 2048)
	n, from, err := conn.ReadFrom(buf)
	require.NoError(t, err)
	return string(buf[:n]), from
}
