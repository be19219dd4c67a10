package main

import (
	"encoding/json"
	"fmt"
	"net"
	"testing"
	"time"

	"seccam/pkg/credential"
	"seccam/pkg/signaling"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// asker calls a camera's methods and hears its events.
type asker struct {
	t       *testing.T
	broker  *mqtt.Server
	camera  string
	replies chan packets.Packet
	events  chan signaling.Event
}

func newAsker(t *testing.T, broker *mqtt.Server, camera string) *asker {
	a := &asker{t: t, broker: broker, camera: camera, replies: make(chan packets.Packet, 8), events: make(chan signaling.Event, 64)}
	require.NoError(t, broker.Subscribe(signaling.ReplyTopic(camera, "tool-x"), 11, func(_ *mqtt.Client, _ packets.Subscription, p packets.Packet) {
		a.replies <- p
	}))
	require.NoError(t, broker.Subscribe(signaling.EventTopic(camera, "+"), 12, func(_ *mqtt.Client, _ packets.Subscription, p packets.Packet) {
		event, err := signaling.DecodeEvent(p.Payload)
		assert.NoError(t, err)
		assert.Equal(t, signaling.EventTopic(camera, event.Kind), p.TopicName)
		a.events <- event
	}))
	return a
}

// ask calls a method and reads the reply into reply.
func (a *asker) ask(method, payload string, reply any) {
	a.t.Helper()
	client, known := a.broker.Clients.Get("inline")
	require.True(a.t, known)
	pk := packets.Packet{
		ProtocolVersion: 5, FixedHeader: packets.FixedHeader{Type: packets.Publish}, TopicName: signaling.RPCTopic(a.camera, method), Payload: []byte(payload),
		Properties: packets.Properties{ResponseTopic: signaling.ReplyTopic(a.camera, "tool-x"), CorrelationData: []byte(method)},
	}
	require.NoError(a.t, a.broker.InjectPacket(client, pk))
	answer := next(a.t, "reply to "+method, a.replies)
	require.Equal(a.t, method, string(answer.Properties.CorrelationData))
	require.Equal(a.t, signaling.ContentJSON, answer.Properties.ContentType)
	require.NoError(a.t, json.Unmarshal(answer.Payload, reply), "%s", answer.Payload)
}

func (a *asker) awaitEvent(kind string) signaling.Event {
	a.t.Helper()
	for {
		if event := next(a.t, "event "+kind, a.events); event.Kind == kind {
			return event
		}
	}
}

// TestMethods asks a running camera everything, and has it restarted at the end.
func TestMethods(t *testing.T) {
	broker, address := startBroker(t)
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	portal := newFakePortal(t, "mqtt://:"+port)
	camera := credential.NewCode()
	statuses, _ := listen(t, broker, camera)
	a := newAsker(t, broker, camera)
	daemon := startProgram("run", "--config", portal.writeConfig(t, camera))
	defer daemon.stop()
	require.True(t, next(t, "status", statuses).Online)
	require.Contains(t, a.awaitEvent(signaling.EventStarted).Text, version())

	var ping signaling.PingReply
	a.ask(signaling.MethodPing, `{"v":1}`, &ping)
	require.WithinDuration(t, time.Now(), time.UnixMilli(ping.At), time.Minute)
	var info signaling.InfoReply
	a.ask(signaling.MethodInfo, `{"v":1}`, &info)
	require.Equal(t, camera, info.Camera)
	require.Equal(t, ping.Boot, info.Boot)
	require.Equal(t, portal.server.URL, info.Portal)
	require.Equal(t, "testpattern", info.Source)
	require.Equal(t, 16, info.MaxViewers)
	require.Equal(t, []string{"config", "info", "logs", "ping", "privacy", "restart", "selftest", "snapshot"}, info.Methods)

	var logs signaling.LogsReply
	a.ask(signaling.MethodLogs, `{"v":1}`, &logs)
	require.NotEmpty(t, logs.Lines)
	require.Contains(t, logs.Lines[0].Text, "camerad starts")
	require.Equal(t, signaling.LevelInfo, logs.Lines[0].Level)

	var test signaling.SelftestReply
	a.ask(signaling.MethodSelftest, `{"v":1}`, &test)
	found := map[string]signaling.Check{}
	for _, check := range test.Checks {
		found[check.Name] = check
	}
	for _, name := range []string{"portal", "clock", "tls", "key", "mqtt", "source", "files"} {
		require.Equal(t, signaling.CheckOK, found[name].Result, "%+v", found[name])
	}
	require.Equal(t, signaling.CheckWarn, found["turn"].Result, "this portal has no relay: %+v", found["turn"])

	var refusal signaling.ErrorReply
	stamp := time.Now().UnixMicro()
	for request, code := range map[string]signaling.Code{
		`{"v":1,"what":"daemon"}`: signaling.CodeReplayed, fmt.Sprintf(`{"v":1,"seq":%d,"what":"portal"}`, stamp): signaling.CodeBadMessage,
	} {
		a.ask(signaling.MethodRestart, request, &refusal)
		require.Equal(t, code, refusal.Error.Code, request)
	}
	var restarted signaling.RestartReply
	a.ask(signaling.MethodRestart, fmt.Sprintf(`{"v":1,"seq":%d,"what":"source"}`, stamp), &restarted)
	require.Equal(t, signaling.RestartSource, restarted.What)
	a.ask(signaling.MethodRestart, fmt.Sprintf(`{"v":1,"seq":%d,"what":"daemon"}`, stamp), &refusal)
	require.Equal(t, signaling.CodeReplayed, refusal.Error.Code, "once is enough")
	a.ask(signaling.MethodRestart, fmt.Sprintf(`{"v":1,"seq":%d,"what":"daemon"}`, stamp+1), &restarted)
	require.Contains(t, restarted.Text, "back within seconds")
	require.Contains(t, a.awaitEvent(signaling.EventRestart).Text, "asked")
	require.ErrorIs(t, next(t, "end", daemon.ended), errRestart)
	last := next(t, "last words", statuses)
	for last.Online {
		last = next(t, "last words", statuses)
	}
	require.Equal(t, signaling.OfflineRestart, last.Reason)
}

func TestEventsOfTheSource(t *testing.T) {
	var s sourceEvents
	for i, tc := range []struct {
		picture signaling.Picture
		kind    string
	}{
		{signaling.PictureStarting, ""}, {signaling.PictureLive, ""}, {signaling.PictureLost, signaling.EventSourceLost}, {signaling.PictureLost, ""},
		{signaling.PictureStarting, ""}, {signaling.PictureLive, signaling.EventSourceBack}, {signaling.PictureLive, ""},
		{signaling.PictureLost, signaling.EventSourceLost}, {signaling.PictureResting, ""}, {signaling.PictureLive, ""},
	} {
		kind, text := s.next(tc.picture, "unplugged")
		assert.Equal(t, tc.kind, kind, i)
		assert.Equal(t, tc.kind != "", text != "", i)
	}
}

func TestClockJump(t *testing.T) {
	assert.Zero(t, clockJump(10*time.Second, 10*time.Second))
	assert.Zero(t, clockJump(11*time.Second, 10*time.Second), "slewed")
	assert.Equal(t, time.Hour, clockJump(time.Hour+10*time.Second, 10*time.Second))
	assert.Equal(t, -5*time.Second, clockJump(5*time.Second, 10*time.Second))
}
