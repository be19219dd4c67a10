package broker

import (
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
	"pgregory.net/rapid"

	"seccam/pkg/credential"
	"seccam/pkg/signaling"
)

func TestDefaultsAreValid(t *testing.T) { require.NoError(t, DefaultConfig().Validate()) }

func TestValidateNamesEveryKey(t *testing.T) {
	err := Config{TCP: "1883", TLS: ":8883", KeyFile: "key.pem"}.Validate()
	for _, key := range []string{
		"broker.tcp", "broker.tls", "broker.cert_file", "broker.max_clients", "broker.max_unauthenticated",
		"broker.max_packet_bytes", "broker.messages_per_second", "broker.bytes_per_second", "broker.connect_timeout",
		"broker.write_timeout", "broker.connections_per_second_per_address", "broker.failures_per_minute_per_address",
	} {
		require.ErrorContains(t, err, key)
	}
}

func TestNewReportsABusyPort(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer busy.Close()
	cfg := testConfig()
	cfg.WebSocket = busy.Addr().String()
	_, err = New(cfg, testKeys, nil, nil)
	require.ErrorContains(t, err, "broker.websocket")
	cfg = testConfig()
	cfg.CertFile, cfg.KeyFile = "missing.pem", "missing.key"
	_, err = New(cfg, testKeys, nil, nil)
	require.ErrorContains(t, err, "broker.cert_file")
}

// However a stream is cut into reads, the framer finds the same packets.
func TestFramerFindsPackets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stream := []byte{typeConnect, 2, 0, 0}
		want := 1
		for _, size := range rapid.SliceOfN(rapid.IntRange(0, 5000), 0, 5).Draw(t, "sizes") {
			stream = append(stream, 0x30)
			for rest := size; ; {
				b := byte(rest & 0x7f)
				if rest >>= 7; rest == 0 {
					stream = append(stream, b)
					break
				}
				stream = append(stream, b|0x80)
			}
			stream = append(stream, make([]byte, size)...)
			want++
		}
		f, found := framer{limit: 64 << 10}, 0
		for len(stream) > 0 {
			n := rapid.IntRange(1, len(stream)).Draw(t, "read")
			begun, err := f.scan(stream[:n])
			require.NoError(t, err)
			found += begun
			stream = stream[n:]
		}
		require.Equal(t, want, found)
	})
}

func TestPipe(t *testing.T) {
	a, b := newPipe()
	_, err := a.Write([]byte("hello"))
	require.NoError(t, err, "a write does not wait for the reader")
	buf := make([]byte, 3)
	n, err := b.Read(buf)
	require.NoError(t, err)
	require.Equal(t, "hel", string(buf[:n]))

	require.NoError(t, b.SetReadDeadline(time.Now().Add(time.Millisecond)))
	_, err = io.ReadAll(b)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NoError(t, a.SetWriteDeadline(time.Now().Add(100*time.Millisecond)))
	_, err = a.Write(make([]byte, 2*pipeBuffer))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded, "nobody reads")

	require.NoError(t, a.Close())
	require.NoError(t, b.SetDeadline(time.Time{}))
	left, err := io.ReadAll(b)
	require.NoError(t, err)
	require.Len(t, left, pipeBuffer, "what was written before the end arrives")
	_, err = b.Write([]byte("x"))
	require.ErrorIs(t, err, io.ErrClosedPipe)
}

func TestGateForgetsQuietAddresses(t *testing.T) {
	g, now := newGate(DefaultConfig()), time.Now()
	addr := func(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 1} }
	a, err := g.enter(addr("2001:db8::1"), now)
	require.NoError(t, err)
	b, err := g.enter(addr("2001:db8::2"), now)
	require.NoError(t, err)
	require.Same(t, a.peer, b.peer, "one /64 is one address")
	c, err := g.enter(addr("192.0.2.1"), now)
	require.NoError(t, err)
	require.NotSame(t, a.peer, c.peer)
	for _, x := range []*ticket{a, b, c, c} {
		x.leave()
	}
	require.Zero(t, g.unauthenticated)
	g.sweep(now.Add(peerIdle))
	require.Len(t, g.peers, 2)
	g.sweep(now.Add(peerIdle + time.Second))
	require.Empty(t, g.peers)
}

// A hundred thousand cameras keep their rules once, and each has its own topics all the same.
func TestCamerasShareTheirRules(t *testing.T) {
	sessionOf := func(id string) *session {
		_, claims, err := testKeys.Issue(camera(id), rulesOf(camera(id)), 1, time.Now(), time.Hour)
		require.NoError(t, err)
		s, err := newSession(claims, claims.Subject)
		require.NoError(t, err)
		return s
	}
	a, b := sessionOf(cameraA), sessionOf(cameraB)
	require.Same(t, &a.rules[0], &b.rules[0])
	require.Nil(t, a.claim)
	for _, topic := range []string{signaling.StatusTopic(cameraA), toCamera(cameraA, "p1")} {
		require.True(t, a.allowed(credential.Subscribe, topic))
		require.False(t, b.allowed(credential.Subscribe, topic))
	}
	require.False(t, a.allowed(credential.Subscribe, signaling.StatusTopic("+")))
}

func TestDeliveryCheckAllocatesNothing(t *testing.T) {
	_, claims, err := testKeys.Issue(camera(cameraA), rulesOf(camera(cameraA)), 1, time.Now(), time.Hour)
	require.NoError(t, err)
	claims.ACL = claims.ACL[:len(claims.ACL)-1] // differs from the rules, so both are looked at
	s, err := newSession(claims, claims.Subject)
	require.NoError(t, err)
	topic := toCamera(cameraA, "p1")
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if !s.allowed("subscribe", topic) {
			t.Fatal("denied")
		}
	}))
}

func TestConfigAsYAML(t *testing.T) {
	cfg := DefaultConfig()
	require.NoError(t, yaml.Unmarshal([]byte("tcp: \"\"\nwrite_timeout: 3s\nmax_clients: 7\n"), &cfg))
	require.Empty(t, cfg.TCP)
	require.Equal(t, 3*time.Second, cfg.WriteTimeout)
	require.Equal(t, 7, cfg.MaxClients)
}
