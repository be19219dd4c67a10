package doctor

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"
	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

// startRelay is a real TURN server on this machine, by UDP, TCP and TLS.
func startRelay(t *testing.T) (server signaling.ICEServer, stun string, trust *tls.Config) {
	t.Helper()
	const user, password, realm = "someone", "right", "test"
	allocations := func() turn.RelayAddressGenerator {
		return &turn.RelayAddressGeneratorStatic{RelayAddress: net.IPv4(127, 0, 0, 1), Address: "127.0.0.1"}
	}
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	tcp, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	certified := httptest.NewUnstartedServer(nil)
	certified.StartTLS()
	defer certified.Close()
	secure, err := tls.Listen("tcp4", "127.0.0.1:0", &tls.Config{Certificates: certified.TLS.Certificates})
	require.NoError(t, err)
	s, err := turn.NewServer(turn.ServerConfig{
		Realm: realm, LoggerFactory: &logging.DefaultLoggerFactory{Writer: io.Discard},
		AuthHandler: func(a *turn.RequestAttributes) (string, []byte, bool) {
			return user, turn.GenerateAuthKey(user, realm, password), a.Username == user
		},
		PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: udp, RelayAddressGenerator: allocations()}},
		ListenerConfigs:   []turn.ListenerConfig{{Listener: tcp, RelayAddressGenerator: allocations()}, {Listener: secure, RelayAddressGenerator: allocations()}},
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	roots := x509.NewCertPool()
	roots.AddCert(certified.Certificate())
	return signaling.ICEServer{Username: user, Credential: password, URLs: []string{
		fmt.Sprintf("turn:%s?transport=udp", udp.LocalAddr()), fmt.Sprintf("turn:%s?transport=tcp", tcp.Addr()),
		fmt.Sprintf("turns:%s?transport=tcp", secure.Addr()),
	}}, fmt.Sprintf("stun:%s", udp.LocalAddr()), &tls.Config{RootCAs: roots}
}

func tryOne(t *testing.T, trust *tls.Config, servers ...signaling.ICEServer) signaling.Check {
	t.Helper()
	var found signaling.Check
	Run(t.Context(), []Check{
		{Name: "key", Timeout: time.Minute, Look: finds(OK("accepted"))},
		Relays("key", trust, func() []signaling.ICEServer { return servers }),
	}, func(c signaling.Check) { found = c })
	return found
}

func TestRelayThatWorks(t *testing.T) {
	relay, stun, trust := startRelay(t)
	found := tryOne(t, trust, signaling.ICEServer{URLs: []string{stun}}, relay)
	require1(t, found, signaling.CheckOK, `allocated at .* by UDP, .* by TCP, .* by TLS`)
	require1(t, tryOne(t, trust, signaling.ICEServer{URLs: []string{stun}}), signaling.CheckWarn, "STUN works .* no relay")
	require1(t, tryOne(t, trust), signaling.CheckWarn, "neither STUN nor TURN")
}

func TestRelayThatDoesNotWork(t *testing.T) {
	relay, _, trust := startRelay(t)
	wrong := relay
	wrong.Credential = "wrong"
	require1(t, tryOne(t, trust, wrong), signaling.CheckFail, "no relay works: .*(?i)(unauthorized|401|integrity)")

	found := tryOne(t, &tls.Config{}, relay)
	require1(t, found, signaling.CheckWarn, "a relay works .*; not so .* by TLS: .*certificate")

	closed, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	gone := signaling.ICEServer{Username: "u", Credential: "p", URLs: []string{fmt.Sprintf("turn:%s?transport=tcp", closed.Addr())}}
	require1(t, tryOne(t, trust, gone), signaling.CheckFail, "no relay works: .*refused")
	require1(t, tryOne(t, trust, signaling.ICEServer{URLs: []string{"http://x"}}), signaling.CheckFail, "cannot be used")
}

func TestRelayThatIsSilent(t *testing.T) {
	silent, err := net.ListenPacket("udp4", "127.0.0.1:0") // hears, and says nothing
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	check := Relays("", &tls.Config{}, func() []signaling.ICEServer {
		return []signaling.ICEServer{{URLs: []string{fmt.Sprintf("stun:%s", silent.LocalAddr())}}}
	})
	check.Needs, check.Timeout = nil, 50*time.Millisecond
	all, _ := Run(t.Context(), []Check{check}, func(signaling.Check) {})
	require1(t, all[0], signaling.CheckFail, "no STUN server answers")
}
