package relay

import (
	"runtime"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/stretchr/testify/require"
)

func TestBucket(t *testing.T) {
	b := bucket{rate: 1000}
	require.True(t, b.take(0, 1000), "a second's worth at once")
	require.False(t, b.take(0, 1))
	require.True(t, b.take(int64(100*time.Millisecond), 100))
	require.False(t, b.take(int64(100*time.Millisecond), 1))
	require.True(t, b.take(int64(time.Hour), 1000))
	require.False(t, b.take(int64(time.Hour), 1), "an hour of rest is a second's worth")
}

// The cap is each allocation's, each way; what is above it is lost and counted.
func TestCap(t *testing.T) {
	clock := newClock()
	s := start(t, options{now: clock.now, change: func(cfg *Config) {
		toLoopback(cfg)
		cfg.BytesPerSecond = 100_000
	}})
	peer := listen(t, "127.0.0.1")
	a := newAsker(t, s, "udp", "s1")
	relayed := a.allocate()
	require.Zero(t, code(t, a.ask(stun.MethodChannelBind, channel(0x4000), peerAt(peer.LocalAddr()))))
	packet := string(make([]byte, 1000))
	for round := range int64(2) {
		for i := range int64(105) { // each is awaited before the next is sent, so that none is lost for another reason
			a.data(0x4000, packet)
			_, err := peer.WriteToUDPAddrPort([]byte(packet), relayed)
			require.NoError(t, err)
			require.Zero(t, code(t, a.exchange(binding())))
			for s.counts.bytes[toClient].Load()/1000+s.counts.dropped[toClient].Load() <= round*105+i {
				runtime.Gosched()
			}
		}
		clock.advance(time.Second)
	}
	for to := range directions {
		require.EqualValues(t, 10, s.counts.dropped[to].Load(), towards[to])
		require.EqualValues(t, 200_000, s.counts.bytes[to].Load(), towards[to])
	}

	other := newAsker(t, s, "udp", "s1")
	other.allocate()
	require.Zero(t, code(t, other.ask(stun.MethodChannelBind, channel(0x4000), peerAt(peer.LocalAddr()))))
	other.data(0x4000, packet)
	require.Zero(t, code(t, other.exchange(binding())))
	require.EqualValues(t, 201_000, s.counts.bytes[toPeer].Load(), "another allocation's is its own")
}
