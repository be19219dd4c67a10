package turn

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	pionturn "github.com/pion/turn/v5"
	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

// coturn runs Debian's relay with a shared secret on a free port of this machine, and returns its address.
func coturn(t *testing.T, secret string) string {
	t.Helper()
	program, err := exec.LookPath("turnserver")
	require.NoError(t, err, "coturn is not installed: run `.ci/deps test`, or apt-get install --no-install-recommends coturn")
	free, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.LocalAddr().String()
	require.NoError(t, free.Close())
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)

	dir := t.TempDir()
	config := filepath.Join(dir, "turnserver.conf")
	require.NoError(t, os.WriteFile(config, []byte(`listening-ip=127.0.0.1
relay-ip=127.0.0.1
allow-loopback-peers
listening-port=`+port+`
no-tcp
no-tls
no-dtls
no-cli
use-auth-secret
static-auth-secret=`+secret+`
realm=test
log-file=stdout
pidfile=`+dir+`/pid
userdb=`+dir+`/db
`), 0o600))
	cmd := exec.Command(program, "-c", config)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return address
}

// allocate asks the relay for an allocation with the credential of server. Until the relay has started, its
// port is closed and the client repeats its request.
func allocate(t *testing.T, server signaling.ICEServer) (net.PacketConn, error) {
	t.Helper()
	uri, err := parseURL(server.URLs[0])
	require.NoError(t, err)
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	client, err := pionturn.NewClient(&pionturn.ClientConfig{
		TURNServerAddr: net.JoinHostPort(uri.Host, strconv.Itoa(uri.Port)),
		Username:       server.Username, Password: server.Credential, Conn: conn,
	})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	require.NoError(t, client.Listen())
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	relayed, err := client.AllocateWithContext(ctx)
	if err == nil {
		t.Cleanup(func() { _ = relayed.Close() })
	}
	return relayed, err
}

// TestCoturn has the real relay accept what we mint, relay with it, and refuse anything else.
func TestCoturn(t *testing.T) {
	address := coturn(t, "north")
	mint := func(secret string, at time.Time) signaling.ICEServer {
		static, err := NewStatic([]Server{{URLs: []string{"turn:" + address}, SecretFile: "f"}},
			read(map[string]string{"f": secret}), func() time.Time { return at })
		require.NoError(t, err)
		return static.For("viewer")[0]
	}

	relayed, err := allocate(t, mint("north", time.Now()))
	require.NoError(t, err)
	peer, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = peer.Close() }()
	pass(t, relayed, peer, relayed.LocalAddr())
	pass(t, peer, relayed, peer.LocalAddr())

	for name, refused := range map[string]signaling.ICEServer{
		"another secret": mint("south", time.Now()),
		"expired":        mint("north", time.Now().Add(-CredentialTTL-time.Minute)),
	} {
		_, err := allocate(t, refused)
		var answer *stun.TurnError
		require.ErrorAs(t, err, &answer, name)
		require.Equal(t, stun.CodeUnauthorized, answer.ErrorCodeAttr.Code, name)
	}
}

// pass sends a packet from one end to the other, which must see it come from source.
func pass(t *testing.T, from, to net.PacketConn, source net.Addr) {
	t.Helper()
	_, err := from.WriteTo([]byte("picture"), to.LocalAddr())
	require.NoError(t, err)
	require.NoError(t, to.SetReadDeadline(time.Now().Add(10*time.Second)))
	packet := make([]byte, 100)
	n, addr, err := to.ReadFrom(packet)
	require.NoError(t, err)
	require.Equal(t, "picture", string(packet[:n]))
	require.Equal(t, source.String(), addr.String())
}
