package broker

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

func TestAbuse27_OversizedPacket(t *testing.T) {
	f := start(t, testConfig(), nil)
	huge := []byte{0xff, 0xff, 0xff, 0x7f} // 256 MiB
	for name, data := range map[string][]byte{
		"CONNECT announced":    append([]byte{0x10}, huge...),
		"CONNECT of 17 KiB":    {0x10, 0x80, 0x88, 0x01},
		"PUBLISH first":        append([]byte{0x30}, huge...),
		"length of five bytes": {0x10, 0xff, 0xff, 0xff, 0xff, 0x01},
	} {
		t.Run(name, func(t *testing.T) {
			w := dialTCP(t, f.TCPAddr())
			w.send(data...)
			require.Zero(t, w.closed())
		})
	}
	w := f.connectAs(t, camera(cameraA))
	w.send(append([]byte{0x30}, huge...)...)
	require.Equal(t, byte(0x95), w.closed())
	require.EqualValues(t, 5, f.Stats().Malformed)

	largest := f.connectAs(t, camera(cameraA))
	topic := signaling.TelemetryTopic(cameraA)
	largest.publish(topic, strings.Repeat("x", 64<<10-len(topic)-7), 0, false)
	largest.ping()
}

func TestAbuse28_SilentConnection(t *testing.T) {
	cfg := testConfig()
	cfg.ConnectTimeout = 50 * time.Millisecond
	f := start(t, cfg, nil)
	silent := dialTCP(t, f.TCPAddr())
	slow := dialTCP(t, f.TCPAddr())
	slow.send(0x10, 0x20, 0x00) // a CONNECT that goes no further
	silent.closed()
	slow.closed()
	require.LessOrEqual(t, DefaultConfig().ConnectTimeout, 10*time.Second)
}

func TestAbuse28_SilentConnectionDoesNotBlockTheEnd(t *testing.T) {
	f := start(t, testConfig(), nil)
	for range 10 {
		dialTCP(t, f.TCPAddr())
	}
	require.Eventually(t, func() bool { return f.Stats().Connections == 10 }, patience, time.Millisecond)
	require.NoError(t, f.stop())
}

func TestAbuse28_BareMochiWaitsForEver(t *testing.T) {
	w, ended := bareConn(t, bareServer(t))
	_ = w.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	_, err := w.next()
	timeout, ok := err.(net.Error)
	require.True(t, ok && timeout.Timeout())
	select {
	case <-ended:
		t.Fatal("bare Mochi has a deadline now")
	default:
	}
}

// seven is issue 501 of Mochi: a v5 SUBSCRIBE whose filter has no options.
var seven = []byte{0x82, 0x06, 0x00, 0x01, 0x00, 0x00, 0x01, 'a'}

func TestAbuse37_SevenBytesOfSubscribe(t *testing.T) {
	f := start(t, testConfig(), nil)
	other := f.connectAs(t, camera(cameraB))
	status := signaling.StatusTopic(cameraA)
	l := loginOf(t, camera(cameraA)).withWill(status, "offline", true)
	w := f.connect(t, l)
	w.subscribe(1, signaling.ToCameraFilter(cameraA))
	w.publish(status, "online", 1, true)
	w.expect(packets.Puback)
	w.send(seven...)
	w.closed()
	f.sessionsAre(t, 1)
	require.EqualValues(t, 1, f.Stats().Panics)
	f.retained(t, cameraA, "offline")
	require.Empty(t, f.server.Topics.Subscribers(toCamera(cameraA, "p1")).Subscriptions)
	require.Equal(t, 1, f.server.Clients.Len())
	other.ping()
	f.connect(t, l).ping()
}

func TestAbuse37_BareMochiPanics(t *testing.T) {
	server := bareServer(t)
	client, side := newPipe()
	defer client.Close()
	fault := make(chan any)
	go func() {
		defer func() { fault <- recover() }()
		_ = server.EstablishConnection("bare", side)
	}()
	w := newWire(t, client)
	w.sendPacket(login{client: "x", user: "u", password: "p", version: 5, keepAlive: 30}.packet())
	w.expect(packets.Connack)
	w.send(seven...)
	require.NotNil(t, <-fault, "bare Mochi no longer panics")
}

func TestAbuse37_MalformedPackets(t *testing.T) {
	f := start(t, testConfig(), nil)
	other := f.connectAs(t, camera(cameraB))
	for _, data := range [][]byte{
		{0x00, 0x00}, {0xf0, 0x00}, {0x20, 0x00}, {0x36, 0x02, 0, 0}, {0x30, 0x01, 0xff}, {0x82, 0x00}, {0x82, 0x02, 0, 1},
		{0x82, 0x03, 0, 1, 0xff}, {0xa2, 0x02, 0, 1}, {0x10, 0x00}, {0x40, 0x00}, {0x62, 0x01, 0}, {0xe0, 0x02, 0, 0xff},
		{0x30, 0x05, 0, 1, 'a', 0x7f, 0x01}, {0x82, 0x09, 0, 1, 2, 11, 0, 0, 1, 'a', 0xff},
	} {
		w := f.connectAs(t, camera(cameraA))
		w.send(data...)
		w.send(0xe0, 0x00) // where the packet was ignored, end orderly
		w.closed()
	}
	other.ping()
}
