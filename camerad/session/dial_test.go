package session

import (
	"net"
	"testing"
	"time"

	"seccam/pkg/signaling"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A viewer who leaves does not count any more, although a TURN server does not answer by TCP: pion would
// wait for the connection.
func TestSilentRelayDelaysNoEnd(t *testing.T) {
	r := newRig(t, smallVideo(), nil)
	v := r.newViewer(sessionID(1))
	offer, err := v.pc.CreateOffer(nil)
	require.NoError(t, err)
	began := time.Now()
	r.deliver(signaling.Message{Type: signaling.TypeOffer, Session: v.id, SDP: offer.SDP, ICEServers: []signaling.ICEServer{
		{URLs: []string{"turn:" + silentTCP(t) + "?transport=tcp"}, Username: "viewer", Credential: "secret"},
	}})
	require.NoError(t, v.pc.SetLocalDescription(offer))
	v.ready <- struct{}{}
	next(t, "an answer", v.answer)
	r.awaitViewers(1)
	v.bye()
	r.awaitViewers(0)
	require.Less(t, time.Since(began), relayTimeout)
}

// silentTCP is an address that answers no SYN: its queue of connections is full.
func silentTCP(t *testing.T) string {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = unix.Close(fd) })
	require.NoError(t, unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	require.NoError(t, unix.Listen(fd, 0))
	bound, err := unix.Getsockname(fd)
	require.NoError(t, err)
	address := net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: bound.(*unix.SockaddrInet4).Port}
	for {
		conn, err := net.DialTimeout("tcp", address.String(), 200*time.Millisecond)
		if err != nil {
			return address.String()
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
}
