package relay

import (
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/stretchr/testify/require"
)

// BenchmarkRelay sends pictures of 32 packets from a camera through a relayed address to a client, each when
// the last has arrived.
func BenchmarkRelay(b *testing.B) {
	for _, transport := range transports {
		b.Run(transport, func(b *testing.B) {
			to, from := newBenchmark(b, transport)
			picture := newTrain()
			defer picture.free()
			for range 32 {
				picture.add(make([]byte, 1200))
			}
			b.SetBytes(int64(len(picture.data)))
			b.ReportAllocs()
			for b.Loop() {
				from(picture)
				to(len(picture.data))
			}
		})
	}
}

// newBenchmark returns what sends a picture to a client, and what reads so many bytes of pictures there.
func newBenchmark(b *testing.B, transport string) (read func(int), send func(*train)) {
	s := start(b, options{change: func(cfg *Config) {
		toLoopback(cfg)
		cfg.BytesPerSecond = 1 << 30
	}})
	camera, err := listenUDP("udp", "127.0.0.1:0", &quietUDP)
	require.NoError(b, err)
	b.Cleanup(func() { _ = camera.Close() })
	a := newAsker(b, s, transport, "s1")
	relayed := a.allocate()
	require.Zero(b, code(b, a.ask(stun.MethodChannelBind, channel(0x4000), peerAt(camera.LocalAddr()))))
	require.NoError(b, a.conn.SetDeadline(time.Time{}))
	buf := make([]byte, 1<<16)
	read = func(n int) {
		for n += n / 1200 * channelHeader; n > 0; {
			got, err := a.conn.Read(buf)
			require.NoError(b, err)
			n -= got
		}
	}
	return read, func(t *train) { camera.sendTrain(t, relayed) }
}

// What is relayed leaves nothing for the collector.
func TestRelayingDoesNotAllocate(t *testing.T) {
	s := start(t, options{change: toLoopback})
	peer := listen(t, "127.0.0.1")
	a := newAsker(t, s, "udp", "s1")
	relayed := a.allocate()
	packet, buf := make([]byte, 1000), make([]byte, 2000)
	toClient := func() {
		_, _ = peer.WriteToUDPAddrPort(packet, relayed)
		_, _ = a.conn.Read(buf)
	}
	require.Zero(t, code(t, a.ask(stun.MethodCreatePermission, peerAt(peer.LocalAddr()))))
	require.NoError(t, a.conn.SetDeadline(time.Time{}))
	require.Less(t, testing.AllocsPerRun(1000, toClient), 1.0, "in an indication")

	require.Zero(t, code(t, a.ask(stun.MethodChannelBind, channel(0x4000), peerAt(peer.LocalAddr()))))
	require.NoError(t, a.conn.SetDeadline(time.Time{}))
	frame := append([]byte{0x40, 0, 0x03, 0xe8}, packet...)
	require.Less(t, testing.AllocsPerRun(1000, func() {
		toClient()
		_, _ = a.conn.Write(frame)
		_, _ = peer.Read(buf)
	}), 1.0, "in a channel")
}
