package broker

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/pkg/signaling"
)

func TestAbuse20_ForbiddenFilters(t *testing.T) {
	f := start(t, testConfig(), nil)
	a := f.connectAs(t, camera(cameraA))
	filters := []string{
		"#", "+", "+/#", "/#", "seccam/#", "seccam/v1/cameras/+/status", signaling.Root + cameraA + "/#",
		"$share/g/" + signaling.StatusTopic(cameraA), "$share/g/#", "$SYS/#", "$SYS/broker/version",
		signaling.StatusTopic(cameraB), signaling.ToCameraFilter(cameraB), toViewer(cameraA, "p1"),
		signaling.StatusTopic(cameraA) + strings.Repeat("/x", maxTopic),
	}
	for i, reason := range a.subscribe(1, filters...) {
		require.Equal(t, byte(0x87), reason, filters[i])
	}
	require.Equal(t, []byte{0x87, 1}, a.subscribe(1, "#", signaling.ToCameraFilter(cameraA)), "one by one")

	b := f.connectAs(t, camera(cameraB))
	b.publish(signaling.StatusTopic(cameraB), "secret", 1, true)
	b.publish(toViewer(cameraB, "p1"), "secret", 0, false)
	b.ping()
	a.ping()
	require.Empty(t, a.early)
}

func TestAbuse20_BareMochiDelivers(t *testing.T) {
	server := bareServer(t)
	spy, _ := bareConn(t, server)
	spy.sendPacket(login{client: "spy", user: "u", password: "p", version: 5, keepAlive: 30}.packet())
	spy.expect(packets.Connack)
	require.Equal(t, []byte{1, 1}, spy.subscribe(1, "#", "$share/g/#"))
}

func TestPublishOutsideTheACL(t *testing.T) {
	f := start(t, testConfig(), nil)
	p := f.connectAs(t, portal("p1"))
	require.Equal(t, []byte{0, 0}, p.subscribe(0, signaling.AllStatusFilter(), signaling.ToViewerFilter("p1")))
	a := f.connectAs(t, camera(cameraA))
	for _, topic := range []string{
		signaling.StatusTopic(cameraB), toCamera(cameraA, "p1"), toViewer(cameraB, "p1"), "x",
		signaling.Root + cameraA + "/rpc/ping", signaling.Root + cameraA,
	} {
		a.publish(topic, "forged", 1, false)
		require.Equal(t, byte(0x87), a.expect(packets.Puback).ReasonCode, topic)
		a.publish(topic, "forged", 0, false)
	}
	a.publish(toViewer(cameraA, "p1"), "answer", 0, false)
	require.Equal(t, "answer", string(p.expect(packets.Publish).Payload), "and nothing before it")
	require.Equal(t, uint64(12), f.Stats().Denied)
}

func TestRetainedOnlyOwnStatus(t *testing.T) {
	f := start(t, testConfig(), nil)
	a := f.connectAs(t, camera(cameraA))
	for _, topic := range []string{toViewer(cameraA, "p1"), signaling.TelemetryTopic(cameraA), signaling.Root + cameraA + "/events/motion"} {
		a.publish(topic, "kept", 1, true)
		require.Equal(t, byte(0x87), a.expect(packets.Puback).ReasonCode, topic)
		a.publish(topic, "kept", 0, true)
	}
	p := f.connectAs(t, portal("p1"))
	p.publish(toCamera(cameraA, "p1"), "kept", 0, true)
	p.ping()
	a.publish(signaling.StatusTopic(cameraA), "online", 1, true)
	require.Zero(t, a.expect(packets.Puback).ReasonCode)
	require.Equal(t, 1, f.server.Topics.Retained.Len())
}

func TestRetainedStatusDoesNotExpire(t *testing.T) {
	f := start(t, testConfig(), nil)
	a := f.connectAs(t, camera(cameraA))
	a.sendPacket(packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Publish, Retain: true},
		TopicName:   signaling.StatusTopic(cameraA), Payload: []byte("online"),
		Properties: packets.Properties{MessageExpiryInterval: 1},
	})
	a.ping()
	pk, ok := f.server.Topics.Retained.Get(signaling.StatusTopic(cameraA))
	require.True(t, ok)
	require.Zero(t, pk.Expiry)
}

func TestTopicAliasAndQoS2AreRefused(t *testing.T) {
	f := start(t, testConfig(), nil)
	publish := packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Publish}, TopicName: signaling.TelemetryTopic(cameraA),
	}
	alias := publish
	alias.Properties = packets.Properties{TopicAlias: 1, TopicAliasFlag: true}
	only := alias
	only.TopicName = ""
	twice := publish
	twice.FixedHeader.Qos, twice.PacketID = 2, 3
	for want, pk := range map[byte]packets.Packet{0x94: alias, 0x9b: twice} {
		w := f.connectAs(t, camera(cameraA))
		w.sendPacket(pk)
		require.Equal(t, want, w.closed())
	}
	w := f.connectAs(t, camera(cameraA))
	w.sendPacket(only)
	require.Equal(t, byte(0x94), w.closed())
}

func TestTooManySubscriptions(t *testing.T) {
	f := start(t, testConfig(), nil)
	w := f.connectAs(t, camera(cameraA))
	pk := packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Subscribe, Qos: 1}, PacketID: 9}
	for i := range maxSubscriptions + 1 {
		pk.Filters = append(pk.Filters, packets.Subscription{Filter: fmt.Sprintf("%s%s/rpc/m%d", signaling.Root, cameraA, i)})
	}
	w.sendPacket(pk)
	require.Equal(t, byte(0x97), w.closed())
}

func TestAbuse21_ForgedWill(t *testing.T) {
	f := start(t, testConfig(), nil)
	forged := func(l login) login { return l.withWill(signaling.StatusTopic(cameraB), "offline", true) }
	w, ack := f.try(t, forged(loginOf(t, camera(cameraA))))
	require.Equal(t, byte(0x87), ack.ReasonCode)
	w.closed()
	f.sessionsAre(t, 0)
	require.Zero(t, f.server.Topics.Retained.Len())

	server := bareServer(t)
	attacker, ended := bareConn(t, server)
	attacker.sendPacket(forged(login{client: "x", user: "u", password: "p", version: 5, keepAlive: 30}).packet())
	require.Zero(t, attacker.expect(packets.Connack).ReasonCode)
	_ = attacker.Close()
	<-ended
	_, let := server.Topics.Retained.Get(signaling.StatusTopic(cameraB))
	require.True(t, let, "bare Mochi no longer lets it through")
}

func TestAbuse22_AnothersClientID(t *testing.T) {
	f := start(t, testConfig(), nil)
	victim := f.connectAs(t, camera(cameraA))
	l := loginOf(t, camera(cameraB))
	l.client = camera(cameraA).Subject()
	_, ack := f.try(t, l)
	require.Equal(t, byte(0x85), ack.ReasonCode)
	victim.ping()

	server := bareServer(t)
	l = login{client: "victim", user: "u", password: "p", version: 5, keepAlive: 30}
	victim, _ = bareConn(t, server)
	victim.sendPacket(l.packet())
	victim.expect(packets.Connack)
	attacker, _ := bareConn(t, server)
	attacker.sendPacket(l.packet())
	require.Equal(t, byte(0x8e), victim.closed(), "bare Mochi no longer evicts the victim")
}

func TestAbuse23_NewestWinsAndFlappingIsReported(t *testing.T) {
	f := start(t, testConfig(), nil)
	l := loginOf(t, camera(cameraA))
	last := f.connect(t, l)
	for range 3 * flapLimit {
		next := f.connect(t, l)
		require.Equal(t, byte(0x8e), last.closed())
		last = next
	}
	last.ping()
	require.EqualValues(t, 3*flapLimit, f.Stats().Takeovers)
	require.EqualValues(t, 1, f.Stats().Flapping)
	require.Equal(t, 1, strings.Count(f.log.String(), "flapping"))

	f.clock.advance(flapWindow)
	for range flapLimit + 1 {
		last = f.connect(t, l)
	}
	require.EqualValues(t, 2, f.Stats().Flapping, "once per minute")
	l.client += ".again" // the same camera by another name
	f.connect(t, l).ping()
	require.Equal(t, byte(0x8e), last.closed())
}

func TestPortalsAndToolsMayConnectSeveralTimes(t *testing.T) {
	f := start(t, testConfig(), nil)
	for _, who := range []credential.Identity{portal("p1"), tool("reader")} {
		l := loginOf(t, who)
		first := f.connect(t, l)
		l.client += ".2"
		f.connect(t, l).ping()
		first.ping()
	}
	f.sessionsAre(t, 4)
}

func TestAbuse24_RetainedReadByAStranger(t *testing.T) {
	f := start(t, testConfig(), nil)
	a := f.connectAs(t, camera(cameraA))
	a.publish(signaling.StatusTopic(cameraA), "online", 1, true)
	a.expect(packets.Puback)

	b := f.connectAs(t, camera(cameraB))
	require.Equal(t, []byte{0x87, 0x87}, b.subscribe(1, signaling.StatusTopic(cameraA), signaling.AllStatusFilter()))
	onlyB := credential.ToolRules(cameraB, "tool-other", credential.ToolRights{})
	other := f.connect(t, loginFor(t, tool("other"), onlyB, time.Now(), time.Hour))
	require.Equal(t, []byte{0x87, 0x87, 1},
		other.subscribe(1, signaling.StatusTopic(cameraA), signaling.AllStatusFilter(), signaling.StatusTopic(cameraB)))
	b.ping()
	other.ping()
	require.Empty(t, append(b.early, other.early...))
}

func TestToolClaimCannotReachSignalling(t *testing.T) {
	f := start(t, testConfig(), nil)
	everything := []credential.Rule{{Permission: "allow", Action: credential.All, Topic: "#"}}
	w := f.connect(t, loginFor(t, tool("guesser"), everything, time.Now(), time.Hour))
	require.Equal(t, []byte{0x87, 0x87, 0x87, 0x87, 1, 1},
		w.subscribe(1, "#", signaling.ToCameraFilter(cameraA), signaling.ToViewerFilter("p1"),
			signaling.Root+"+/replies/tool-other", signaling.AllStatusFilter(), signaling.Root+"+/replies/tool-guesser"))
	w.publish(signaling.Root+cameraA+"/rpc/ping", "", 1, false)
	require.Zero(t, w.expect(packets.Puback).ReasonCode)
	w.publish(toCamera(cameraA, "p1"), "", 1, false)
	require.Equal(t, byte(0x87), w.expect(packets.Puback).ReasonCode)
}

func TestClaimLimitsTheIdentity(t *testing.T) {
	f := start(t, testConfig(), nil)
	topic := signaling.TelemetryTopic(cameraA)
	less := []credential.Rule{{Permission: "allow", Action: credential.Publish, Topic: topic}}
	w := f.connect(t, loginFor(t, camera(cameraA), less, time.Now(), time.Hour))
	w.publish(topic, "", 1, false)
	require.Zero(t, w.expect(packets.Puback).ReasonCode)
	w.publish(signaling.StatusTopic(cameraA), "", 1, false)
	require.Equal(t, byte(0x87), w.expect(packets.Puback).ReasonCode)
	none := f.connect(t, loginFor(t, camera(cameraB), nil, time.Now(), time.Hour))
	none.publish(signaling.StatusTopic(cameraB), "", 1, false)
	require.Equal(t, byte(0x87), none.expect(packets.Puback).ReasonCode, "a token without a claim")
}
