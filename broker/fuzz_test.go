package broker

import (
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/stretchr/testify/require"
)

// FuzzConnectionGuard sends anything on a live connection, before and after its CONNECT: the broker
// must end that connection at worst, leave nothing of it behind, and go on for everyone else.
func FuzzConnectionGuard(f *testing.F) {
	for _, seed := range [][]byte{
		seven, {0xc0, 0}, {0xe0, 0}, {0x30, 0xff, 0xff, 0xff, 0x7f}, {0x10, 0}, {0x82, 5, 0, 1, 0, 0, 0},
		{0x32, 8, 0, 1, 'a', 0, 1, 0, 'x', 'y'}, {0xa2, 6, 0, 1, 0, 0, 1, 'a'}, {0xf0, 2, 0x18, 0}, {0x62, 2, 0, 1},
	} {
		f.Add(true, seed)
		f.Add(false, seed)
	}
	broker := start(f, testConfig(), nil)
	other := broker.connectAs(f, camera(cameraB))
	connect := encode(f, loginOf(f, camera(cameraA)).packet())
	f.Fuzz(func(t *testing.T, authenticated bool, data []byte) {
		w := dialTCP(t, broker.TCPAddr())
		if authenticated {
			w.send(connect...)
			require.Zero(t, w.expect(packets.Connack).ReasonCode)
		}
		_, _ = w.Write(data)
		_ = w.Close()
		witness := wire{Conn: other.Conn, t: t, version: 5}
		_ = witness.SetDeadline(time.Now().Add(patience))
		witness.ping()
		broker.sessionsAre(t, 1)
		require.Equal(t, 1, broker.server.Clients.Len())
	})
}
