package session

import (
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"
)

// Both ends' routers let nobody in who was not sent something. So the camera sends something to where a
// viewer says that it is, until there is a direct path.
func TestPunch(t *testing.T) {
	local := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}
	here, err := net.ListenUDP("udp4", local)
	require.NoError(t, err)
	defer func() { _ = here.Close() }()
	require.NoError(t, here.SetReadDeadline(time.Now().Add(deadline)))
	machine, err := newDialNet(t.Context())
	require.NoError(t, err)
	camera, err := machine.ListenUDP("udp4", local)
	require.NoError(t, err)
	p := newPuncher()
	defer p.ticker.Stop()
	p.net = machine
	p.begin()
	for _, useless := range []string{
		"", "candidate:1 1 udp 2122260223 6c8ef9e2-e8b1-4b8e-9ac1-0f0c2d3c9f51.local 5000 typ host",
		"candidate:1 1 udp 41885439 127.0.0.1 9 typ relay raddr 127.0.0.1 rport 9",
		"candidate:1 1 tcp 1518280447 127.0.0.1 9 typ host tcptype active",
	} {
		p.add(useless)
	}
	require.Empty(t, p.targets)
	for range 2 * maxTargets {
		p.add("candidate:1 1 udp 2122260223 127.0.0.1 " + port(here) + " typ host")
	}
	require.Len(t, p.targets, maxTargets)

	connection, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	require.NoError(t, err)
	defer func() { _ = connection.GracefulClose() }()
	p.round(connection)
	_, from, err := here.ReadFromUDP(make([]byte, 100))
	require.NoError(t, err)
	require.Equal(t, port(camera), strconv.Itoa(from.Port))

	require.NoError(t, camera.Close())
	p.round(connection)
	require.Empty(t, machine.sockets, "a closed one is forgotten")
}

func port(socket interface{ LocalAddr() net.Addr }) string {
	return strconv.Itoa(socket.LocalAddr().(*net.UDPAddr).Port)
}
