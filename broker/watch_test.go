package broker

import (
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/pkg/signaling"
)

// A tool may subscribe to all of a camera's topics, and gets of it what it may read and no more: neither
// signalling, which carries TURN credentials, nor replies to others.
func TestToolWatchesAllOfACamera(t *testing.T) {
	f := start(t, testConfig(), nil)
	a, b := f.connectAs(t, camera(cameraA)), f.connectAs(t, camera(cameraB))
	p := f.connectAs(t, portal("p1"))
	publish := func(w *wire, topic string, retain bool) {
		t.Helper()
		w.publish(topic, topic, 1, retain)
		require.Equal(t, byte(0), w.expect(packets.Puback).ReasonCode, topic)
		w.ping() // Mochi acknowledges before it delivers
	}
	publish(a, signaling.StatusTopic(cameraA), true)
	publish(b, signaling.StatusTopic(cameraB), true)

	w := f.connectAs(t, tool("x"))
	require.Equal(t, []byte{0}, w.subscribe(0, signaling.Root+cameraA+"/#"))
	require.Equal(t, signaling.StatusTopic(cameraA), w.expect(packets.Publish).TopicName, "the retained one")
	denied := f.Stats().Denied
	publish(a, toViewer(cameraA, "p1"), false)
	publish(a, signaling.ReplyTopic(cameraA, "portal-p1"), false)
	publish(p, toCamera(cameraA, "p1"), false)
	publish(p, signaling.RPCTopic(cameraA, signaling.MethodSnapshot), false)
	publish(b, signaling.EventTopic(cameraB, signaling.EventStarted), false)
	publish(a, signaling.EventTopic(cameraA, signaling.EventStarted), false)
	publish(a, signaling.TelemetryTopic(cameraA), false)
	require.Equal(t, signaling.EventTopic(cameraA, signaling.EventStarted), w.expect(packets.Publish).TopicName)
	require.Equal(t, signaling.TelemetryTopic(cameraA), w.expect(packets.Publish).TopicName)
	require.Equal(t, denied, f.Stats().Denied, "what is left out was no attempt at anything")

	for _, filter := range []string{"#", "seccam/#", signaling.Root + cameraA + "/sessions/#", signaling.Root + cameraA + "/replies/#"} {
		require.Equal(t, []byte{0x87}, w.subscribe(0, filter), filter)
	}
	require.Equal(t, []byte{0x87}, a.subscribe(0, signaling.Root+cameraA+"/#"), "a camera is no tool")
	require.Equal(t, []byte{0x87}, p.subscribe(0, signaling.Root+cameraA+"/#"), "nor is a portal")
}

// What is retained besides the status: how a camera is set by the camera itself, and how it is to be by who
// may say so.
func TestRetainedConfiguration(t *testing.T) {
	f := start(t, testConfig(), nil)
	a, p := f.connectAs(t, camera(cameraA)), f.connectAs(t, portal("p1"))
	setter := f.connect(t, loginFor(t, tool("s"), credential.ToolRules(cameraA, "tool-s", credential.ToolRights{Config: true}), time.Now(), time.Hour))
	reader := f.connect(t, loginFor(t, tool("r"), credential.ToolRules(cameraA, "tool-r", credential.ToolRights{RPC: true, Restart: true}), time.Now(), time.Hour))
	const ok, refused = 0, 0x87
	for _, tc := range []struct {
		who   string
		wire  *wire
		topic string
		want  byte
	}{
		{"the camera reports", a, signaling.ConfigReportedTopic(cameraA), ok},
		{"the camera on itself", a, signaling.ConfigDesiredTopic(cameraA), refused},
		{"the camera on another", a, signaling.ConfigReportedTopic(cameraB), refused},
		{"the camera's telemetry", a, signaling.TelemetryTopic(cameraA), refused},
		{"a portal", p, signaling.ConfigDesiredTopic(cameraA), ok},
		{"a portal reports", p, signaling.ConfigReportedTopic(cameraA), refused},
		{"a portal's session message", p, toCamera(cameraA, "p1"), refused},
		{"a tool with --configure", setter, signaling.ConfigDesiredTopic(cameraA), ok},
		{"the same elsewhere", setter, signaling.ConfigDesiredTopic(cameraB), refused},
		{"the same, a request", setter, signaling.RPCTopic(cameraA, signaling.MethodConfig), refused},
		{"a tool without", reader, signaling.ConfigDesiredTopic(cameraA), refused},
	} {
		tc.wire.publish(tc.topic, "{}", 1, true)
		require.Equal(t, tc.want, tc.wire.expect(packets.Puback).ReasonCode, tc.who)
	}
	require.Equal(t, []byte{1}, reader.subscribe(1, signaling.ConfigDesiredTopic(cameraA)))
	require.Equal(t, signaling.ConfigDesiredTopic(cameraA), reader.expect(packets.Publish).TopicName)
}
