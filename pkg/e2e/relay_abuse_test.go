package e2e

import (
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/pion/turn/v5"
	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

// relayClosed is a portal with a relay as it is shipped: nothing that is not public may be reached.
const relayClosed = `
turn:
  udp: 127.0.0.1:0
  public_address: [127.0.0.1]
`

// relayClient is a TURN client with a credential, which may be empty.
func relayClient(t *testing.T, server signaling.ICEServer) *turn.Client {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	at := slices.IndexFunc(server.URLs, func(url string) bool { return strings.HasSuffix(url, "?transport=udp") })
	require.GreaterOrEqual(t, at, 0, "%v", server.URLs)
	address := strings.TrimSuffix(strings.TrimPrefix(server.URLs[at], "turn:"), "?transport=udp")
	client, err := turn.NewClient(&turn.ClientConfig{
		STUNServerAddr: address, TURNServerAddr: address, Conn: conn, Username: server.Username, Password: server.Credential,
	})
	require.NoError(t, err)
	require.NoError(t, client.Listen())
	t.Cleanup(func() { client.Close(); _ = conn.Close() })
	return client
}

// turnServer is the portal's own relay in what a page was told.
func turnServer(t *testing.T, servers []signaling.ICEServer) signaling.ICEServer {
	t.Helper()
	at := slices.IndexFunc(servers, func(s signaling.ICEServer) bool { return s.Credential != "" })
	require.GreaterOrEqual(t, at, 0, "%v", servers)
	return servers[at]
}

func TestAbuse30_RelayToSpecialAddresses(t *testing.T) {
	l := newLabWith(t, "127.0.0.1", relayClosed)
	c := l.provision()
	l.startCamera(c)
	page := l.signUp("owner", c).dial("")
	client := relayClient(t, turnServer(t, page.ice))
	relayed, err := client.Allocate()
	require.NoError(t, err)
	defer func() { _ = relayed.Close() }()
	for _, address := range []string{
		"127.0.0.2", "10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
	} {
		err := client.CreatePermission(&net.UDPAddr{IP: net.ParseIP(address), Port: 80})
		require.ErrorContains(t, err, "403", address)
	}
	require.NoError(t, client.CreatePermission(&net.UDPAddr{IP: net.IPv4(9, 9, 9, 9), Port: 9}), "no packet is sent to it")
}

func TestAbuse31_RelayCredentialDiesWithThePage(t *testing.T) {
	l := newLabWith(t, "127.0.0.1", relayClosed)
	c := l.provision()
	l.startCamera(c)
	page := l.signUp("owner", c).dial("")
	server := turnServer(t, page.ice)
	for name, bad := range map[string]signaling.ICEServer{
		"none":          {URLs: server.URLs},
		"wrong":         {URLs: server.URLs, Username: server.Username, Credential: "x"},
		"another's end": {URLs: server.URLs, Username: strings.Replace(server.Username, ".viewer", ".camera", 1), Credential: server.Credential},
		"made to last":  {URLs: server.URLs, Username: "9" + server.Username, Credential: server.Credential},
	} {
		_, err := relayClient(t, bad).Allocate()
		require.Error(t, err, name)
	}
	_, err := relayClient(t, server).Allocate()
	require.NoError(t, err)
	require.NoError(t, page.conn.Close(websocket.StatusNormalClosure, "")) // the page is left
	require.Eventually(t, func() bool {
		_, err := relayClient(t, server).Allocate()
		return err != nil && strings.Contains(err.Error(), "401")
	}, patience, 50*time.Millisecond)
}
