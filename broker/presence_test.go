package broker

import (
	"fmt"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"seccam/pkg/signaling"
)

// online connects camera A and publishes that it is, as its n-th connection.
func (f *fixture) online(t testing.TB, n int) *wire {
	t.Helper()
	l := loginOf(t, camera(cameraA)).withWill(signaling.StatusTopic(cameraA), fmt.Sprint("offline ", n), true)
	l.willDelay = 60 // which the broker takes away
	w := f.connect(t, l)
	w.publish(signaling.StatusTopic(cameraA), fmt.Sprint("online ", n), 1, true)
	require.Zero(t, w.expect(packets.Puback).ReasonCode)
	return w
}

func TestAbuse39_OldConnectionClosesAfterTheNewOne(t *testing.T) {
	ends := map[string]func(old *wire){
		"evicted":        func(old *wire) { old.closed() },
		"cut":            func(old *wire) { _ = old.Close() },
		"error":          func(old *wire) { _, _ = old.Write([]byte{0x00, 0x00}) },
		"goodbye":        func(old *wire) { _, _ = old.Write([]byte{0xe0, 0x00}) },
		"goodbye + Will": func(old *wire) { _, _ = old.Write([]byte{0xe0, 0x02, 0x04, 0x00}) },
	}
	for name, end := range ends {
		t.Run("new first, old "+name, func(t *testing.T) {
			f := start(t, testConfig(), nil)
			old := f.online(t, 1)
			f.online(t, 2).ping()
			end(old)
			f.sessionsAre(t, 1)
			require.Equal(t, "online 2", f.status(cameraA))
			require.Zero(t, f.Stats().Wills)
		})
		t.Run("both at once, old "+name, func(t *testing.T) {
			f := start(t, testConfig(), nil)
			old := f.online(t, 1)
			go end(old)
			f.online(t, 2).ping()
			f.sessionsAre(t, 1)
			require.Equal(t, "online 2", f.status(cameraA))
		})
	}
}

// Another client sees only what is true: never offline after the new connection's online.
func TestAbuse39_WatcherNeverSeesOffline(t *testing.T) {
	f := start(t, testConfig(), nil)
	p := f.connectAs(t, portal("p1"))
	p.subscribe(1, signaling.AllStatusFilter())
	for n := range 20 {
		f.online(t, n)
	}
	for seen := ""; seen != "online 19"; { // one may come twice: live, and retained with the SUBACK
		seen = string(p.expect(packets.Publish).Payload)
		require.Contains(t, seen, "online ")
	}
}

func TestAbuse39_BareMochiSaysOffline(t *testing.T) {
	server := bareServer(t)
	l := login{client: "camera", user: "u", password: "p", version: 5, keepAlive: 30}.withWill("status", "offline", true)
	saysOffline := func() bool { // not always: Mochi's two goroutines race for it
		old, oldEnded := bareConn(t, server)
		old.sendPacket(l.packet())
		old.expect(packets.Connack)
		next, _ := bareConn(t, server)
		next.sendPacket(l.packet())
		next.expect(packets.Connack)
		<-oldEnded
		pk, _ := server.Topics.Retained.Get("status")
		return string(pk.Payload) == "offline"
	}
	require.Eventually(t, saysOffline, patience, time.Millisecond, "bare Mochi no longer sends the Will of a replaced connection")
}

func TestTheWillOfALiveConnectionIsPublished(t *testing.T) {
	ends := map[string]func(f *fixture, w *wire){
		"socket cut":      func(_ *fixture, w *wire) { _ = w.Close() },
		"protocol error":  func(_ *fixture, w *wire) { w.send(0x00, 0x00) },
		"panic":           func(_ *fixture, w *wire) { w.send(seven...) },
		"second CONNECT":  func(f *fixture, w *wire) { w.sendPacket(loginOf(w.t, camera(cameraA)).packet()) },
		"goodbye + Will":  func(_ *fixture, w *wire) { w.send(0xe0, 0x02, 0x04, 0x00) },
		"oversize":        func(_ *fixture, w *wire) { w.send(0x30, 0xff, 0xff, 0xff, 0x7f) },
		"revocation":      func(f *fixture, _ *wire) { f.Disconnect(camera(cameraA).Subject()) },
		"expiry":          func(f *fixture, _ *wire) { f.clock.advance(2 * time.Hour); f.sweep() },
		"revoked mid-run": func(f *fixture, w *wire) { w.send(0xc0, 0, 0xc0, 0); f.Disconnect(camera(cameraA).Subject()) },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			f := start(t, testConfig(), nil)
			w := f.online(t, 1)
			end(f, w)
			f.sessionsAre(t, 0)
			require.Equal(t, "offline 1", f.status(cameraA))
			require.EqualValues(t, 1, f.Stats().Wills)
			require.Zero(t, f.server.Clients.Len())
		})
	}
}

func TestKeepAliveTimeoutPublishesTheWill(t *testing.T) {
	f := start(t, testConfig(), nil)
	l := loginOf(t, camera(cameraA)).withWill(signaling.StatusTopic(cameraA), "offline", true)
	l.keepAlive = 1 // and a half, by [MQTT-3.1.2-22]
	f.connect(t, l)
	f.retained(t, cameraA, "offline")
}

func TestGoodbyeDiscardsTheWill(t *testing.T) {
	f := start(t, testConfig(), nil)
	w := f.online(t, 1)
	w.send(0xe0, 0x00)
	w.closed()
	f.sessionsAre(t, 0)
	require.Equal(t, "online 1", f.status(cameraA))
}

func TestTheEndOfTheBrokerPublishesNoWills(t *testing.T) {
	f := start(t, testConfig(), nil)
	w := f.online(t, 1)
	go func() { _ = f.stop() }()
	require.Equal(t, byte(0x8b), w.closed())
	require.NoError(t, f.stop())
	require.Zero(t, f.Stats().Wills)
}

// A camera that dies before its CONNACK reaches it has already replaced its old connection, whose
// Will is void: its own must speak.
func TestDeathBeforeTheConnackPublishesTheWill(t *testing.T) {
	f := start(t, testConfig(), nil)
	old := f.online(t, 1)
	l := loginOf(t, camera(cameraA)).withWill(signaling.StatusTopic(cameraA), "offline 2", true)
	w := dialTCP(t, f.TCPAddr())
	w.sendPacket(l.packet())
	_ = w.Close()
	old.closed()
	f.sessionsAre(t, 0)
	require.Equal(t, "offline 2", f.status(cameraA))
}

// In every history of connections, cuts, goodbyes and takeovers the retained status is the last
// word of the newest connection, the newest connection receives, and nothing is left of the others.
func TestTakeoverHistories(t *testing.T) {
	f := start(t, testConfig(), nil)
	p := f.connectAs(t, portal("p1"))
	rapid.Check(t, func(rt *rapid.T) {
		var newest *wire
		want := f.status(cameraA)
		for n := range rapid.IntRange(1, 6).Draw(rt, "connections") {
			old := newest
			before := rapid.SampledFrom([]string{"nothing", "cut", "goodbye", "panic"}).Draw(rt, "before")
			if old != nil {
				disturb(old, before)
			}
			newest = f.online(t, n)
			newest.subscribe(1, signaling.ToCameraFilter(cameraA))
			want = fmt.Sprint("online ", n)
			if old != nil {
				disturb(old, rapid.SampledFrom([]string{"nothing", "cut", "goodbye"}).Draw(rt, "after"))
			}
		}
		f.sessionsAre(t, 2)
		require.Equal(t, want, f.status(cameraA))
		p.publish(toCamera(cameraA, "p1"), "offer", 0, false)
		require.Equal(t, "offer", string(newest.expect(packets.Publish).Payload))
		_ = newest.Close()
		f.sessionsAre(t, 1)
		require.Regexp(t, "^offline", f.status(cameraA))
		require.Equal(t, 1, f.server.Clients.Len())
	})
}

func disturb(w *wire, how string) {
	switch how {
	case "cut":
		_ = w.Close()
	case "goodbye":
		_, _ = w.Write([]byte{0xe0, 0x00})
	case "panic":
		_, _ = w.Write(seven)
	}
}
