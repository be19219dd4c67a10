package relay

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// Both ends have only the same relay: what networks need that are symmetric on both sides.
func TestBothEndsOnTheSameRelay(t *testing.T) {
	s := start(t, options{})
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			_, viewer := allocate(t, s, transport, "s1")
			_, camera := allocate(t, s, "udp", "s1")
			converse(t, viewer, camera)
		})
	}
}

// converse sends both ways, first in indications and then, since clients bind channels by themselves, in
// those.
func converse(t testing.TB, a, b net.PacketConn) {
	t.Helper()
	for range 3 {
		_, err := b.WriteTo([]byte("opens"), a.LocalAddr())
		require.NoError(t, err)
		_, err = a.WriteTo([]byte("hello"), b.LocalAddr())
		require.NoError(t, err)
		text, from := receive(t, b)
		require.Equal(t, "hello", text)
		require.Equal(t, a.LocalAddr().String(), from.String())
		_, err = b.WriteTo([]byte("hello yourself"), a.LocalAddr())
		require.NoError(t, err)
		text, from = receive(t, a)
		for text == "opens" {
			text, from = receive(t, a)
		}
		require.Equal(t, "hello yourself", text)
		require.Equal(t, b.LocalAddr().String(), from.String())
	}
}
