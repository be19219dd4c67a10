package broker

import (
	"errors"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/pkg/signaling"
)

func TestRefusalsCarryTheRightReason(t *testing.T) {
	f := start(t, testConfig(), nil)
	a := camera(cameraA)
	good := loginOf(t, a)
	change := func(edit func(*login)) login { l := good; edit(&l); return l }
	foreign := credential.NewKeys("k1", credential.NewSecret())
	forged, _, err := foreign.Issue(a, rulesOf(a), 1, time.Now(), time.Hour)
	require.NoError(t, err)

	for name, test := range map[string]struct {
		login login
		want  byte
	}{
		"good":                 {good, 0},
		"good, second name":    {change(func(l *login) { l.client += ".2" }), 0},
		"no token":             {change(func(l *login) { l.password = "" }), 0x82}, // Mochi: flag without value
		"not a token":          {change(func(l *login) { l.password = "secret" }), 0x86},
		"forged signature":     {change(func(l *login) { l.password = forged }), 0x86},
		"another's user name":  {change(func(l *login) { l.user = camera(cameraB).Subject() }), 0x86},
		"no user name":         {change(func(l *login) { l.user = "" }), 0x86},
		"expired":              {loginFor(t, a, rulesOf(a), time.Now().Add(-2*time.Hour), time.Hour), 0x87},
		"another's client id":  {change(func(l *login) { l.client = camera(cameraB).Subject() }), 0x85},
		"client id with tail":  {change(func(l *login) { l.client += "x" }), 0x85},
		"empty client id":      {change(func(l *login) { l.client = "" }), 0x85},
		"Will elsewhere":       {good.withWill(signaling.StatusTopic(cameraB), "x", true), 0x87},
		"Will with wildcard":   {good.withWill(signaling.Root+cameraA+"/events/+", "x", false), 0x87},
		"Will retained, event": {good.withWill(signaling.Root+cameraA+"/events/motion", "x", true), 0x87},
		"Will to $SYS":         {good.withWill("$SYS/broker/version", "x", false), 0x87},
		"Will of its own":      {good.withWill(signaling.StatusTopic(cameraA), "x", true), 0},
	} {
		t.Run(name, func(t *testing.T) {
			w, ack := f.try(t, test.login)
			require.Equal(t, test.want, ack.ReasonCode, ack.Properties.ReasonString)
			if test.want != 0 {
				w.closed()
			}
		})
	}
	require.Equal(t, uint64(13), f.Stats().Refused)
}

func TestRefusalsOfMQTT3(t *testing.T) {
	f := start(t, testConfig(), nil)
	l := loginOf(t, camera(cameraA))
	l.version = 4
	_, ack := f.try(t, l)
	require.Zero(t, ack.ReasonCode)

	expired := loginFor(t, camera(cameraA), nil, time.Now().Add(-2*time.Hour), time.Hour)
	expired.version = 4
	_, ack = f.try(t, expired)
	require.Equal(t, byte(5), ack.ReasonCode) // not authorized (3.2.2.3)

	l.client = "another"
	_, ack = f.try(t, l)
	require.Equal(t, byte(2), ack.ReasonCode) // identifier rejected
}

func TestRevocationUnknownFailsClosed(t *testing.T) {
	f := start(t, testConfig(), revocationFunc(func(*credential.Claims) (bool, error) {
		return false, errors.New("database is down")
	}))
	_, ack := f.try(t, loginOf(t, camera(cameraA)))
	require.Equal(t, byte(0x88), ack.ReasonCode)
	f.sessionsAre(t, 0)
}

func TestAbuse26_RevokedKeyIsDropped(t *testing.T) {
	revoked := make(chan struct{})
	f := start(t, testConfig(), revocationFunc(func(c *credential.Claims) (bool, error) {
		select {
		case <-revoked:
			return c.Subject == camera(cameraA).Subject() && c.KeyVersion < 2, nil
		default:
			return false, nil
		}
	}))
	status := signaling.StatusTopic(cameraA)
	l := loginOf(t, camera(cameraA)).withWill(status, "offline", true)
	victim := f.connect(t, l)
	victim.publish(status, "online", 1, true)
	victim.expect(packets.Puback)
	other := f.connectAs(t, camera(cameraB))

	close(revoked)
	require.Equal(t, 1, f.Disconnect(camera(cameraA).Subject()))
	require.Equal(t, byte(0x87), victim.closed())
	f.retained(t, cameraA, "offline")

	_, ack := f.try(t, l)
	require.Equal(t, byte(0x87), ack.ReasonCode, "a revoked key came back")
	other.ping()
	require.Eventually(t, func() bool { // the refused connection may still be ending
		return f.Disconnect(camera(cameraA).Subject()) == 0
	}, patience, time.Millisecond)
}

func TestTokenEndEndsTheConnection(t *testing.T) {
	f := start(t, testConfig(), nil)
	status := signaling.StatusTopic(cameraA)
	l := loginFor(t, camera(cameraA), rulesOf(camera(cameraA)), f.clock.now(), time.Minute)
	w := f.connect(t, l.withWill(status, "offline", true))
	f.clock.advance(59 * time.Second)
	f.sweep()
	w.ping()
	f.clock.advance(2 * time.Second)
	f.sweep()
	require.Equal(t, byte(0x87), w.closed())
	f.retained(t, cameraA, "offline")
	require.Equal(t, uint64(1), f.Stats().Expired)
}

func TestConnackAnnouncesTheLimits(t *testing.T) {
	f := start(t, testConfig(), nil)
	l := loginOf(t, camera(cameraA))
	l.keepAlive, l.sessionExpiry, l.keepSession = 0, 3600, true
	_, ack := f.try(t, l)
	p := ack.Properties
	require.EqualValues(t, 64<<10, p.MaximumPacketSize)
	require.True(t, p.SessionExpiryIntervalFlag)
	require.Zero(t, p.SessionExpiryInterval)
	require.EqualValues(t, maxKeepAlive, p.ServerKeepAlive)
	require.True(t, p.MaximumQosFlag && p.MaximumQos == 1)
	require.True(t, p.SharedSubAvailableFlag && p.SharedSubAvailable == 0)
	require.Zero(t, p.TopicAliasMaximum)
	require.EqualValues(t, receiveMaximum, p.ReceiveMaximum)
}

// Mochi's session expiry leaks the subscriptions of one session to the next.
func TestSessionsEndWithTheirConnection(t *testing.T) {
	f := start(t, testConfig(), nil)
	l := loginOf(t, camera(cameraA))
	l.sessionExpiry, l.keepSession = 3600, true
	first := f.connect(t, l)
	first.subscribe(1, signaling.ToCameraFilter(cameraA))
	_ = first.Close()
	f.sessionsAre(t, 0)

	second, ack := f.try(t, l)
	require.False(t, ack.SessionPresent)
	p := f.connectAs(t, portal("p1"))
	p.publish(toCamera(cameraA, "p1"), "offer", 0, false)
	p.ping()
	second.ping()
	require.Empty(t, second.early, "a subscription of the last session")
}

func TestFailedAuthenticationsAreDelayed(t *testing.T) {
	cfg := testConfig()
	cfg.FailuresPerMinute = 1 // and a burst of one
	f := start(t, cfg, nil)
	bad := loginOf(t, camera(cameraA))
	bad.password = "guess"
	f.try(t, bad)
	w := dialTCP(t, f.TCPAddr())
	w.sendPacket(bad.packet()) // its answer waits
	f.connectAs(t, camera(cameraA)).ping()
	_ = w.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err := w.next()
	require.Error(t, err, "the second refusal came at once")
}
