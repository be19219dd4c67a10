package broker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/pkg/signaling"
)

func TestAbuse32_FloodDoesNotDelayOthers(t *testing.T) {
	cfg := testConfig()
	cfg.MessagesPerSecond = 50
	f := start(t, cfg, nil)
	flooder := f.connectAs(t, camera(cameraA))
	stop := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		pk := encode(t, packets.Packet{
			FixedHeader: packets.FixedHeader{Type: packets.Publish}, TopicName: signaling.TelemetryTopic(cameraA),
			Payload: []byte(strings.Repeat("x", 100)),
		})
		for {
			if _, err := flooder.Write(pk); err != nil {
				return
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	require.Eventually(t, func() bool { return f.Stats().Throttled > 0 }, patience, time.Millisecond)

	p, b := f.connectAs(t, portal("p1")), f.connectAs(t, camera(cameraB))
	p.subscribe(0, signaling.ToViewerFilter("p1"))
	b.subscribe(0, signaling.ToCameraFilter(cameraB))
	for n := range 200 {
		want := fmt.Sprint("offer ", n)
		p.publish(toCamera(cameraB, "p1"), want, 0, false)
		b.publish(toViewer(cameraB, "p1"), string(b.expect(packets.Publish).Payload), 0, false)
		require.Equal(t, want, string(p.expect(packets.Publish).Payload))
	}
	close(stop)
	_ = flooder.Close()
	group.Wait()
}

// A subscriber of QoS 1 that does not read is cut, so that it holds up publishers once at most.
func TestSlowConsumerIsCut(t *testing.T) {
	cfg := testConfig()
	cfg.WriteTimeout = 50 * time.Millisecond
	cfg.BytesPerSecond = 1 << 30
	cfg.MessagesPerSecond = 1_000_000
	f := start(t, cfg, nil)
	slow := f.connectAs(t, portal("slow"))
	slow.subscribe(1, signaling.Root+"+/telemetry")
	fast := f.connectAs(t, portal("fast"))
	fast.subscribe(0, signaling.Root+"+/telemetry")
	a := f.connectAs(t, camera(cameraA))
	payload := strings.Repeat("x", 60<<10)
	go func() { _, _ = io.Copy(io.Discard, fast) }()
	require.Eventually(t, func() bool {
		a.publish(signaling.TelemetryTopic(cameraA), payload, 1, false)
		a.expect(packets.Puback)
		return f.Stats().Slow > 0
	}, patience, time.Microsecond)
	f.sessionsAre(t, 2)
	a.ping()
}

func TestPortalGetsEveryRetainedStatus(t *testing.T) {
	const cameras = 2000 // many times what a client's queue holds
	f := start(t, testConfig(), nil)
	for n := range cameras {
		topic := signaling.StatusTopic(fmt.Sprint("camera", n))
		f.server.Topics.RetainMessage(packets.Packet{
			FixedHeader: packets.FixedHeader{Type: packets.Publish, Retain: true, Qos: 1},
			TopicName:   topic, Payload: []byte(topic),
		})
	}
	p := f.connectAs(t, portal("p1"))
	p.subscribe(1, signaling.AllStatusFilter())
	seen := map[string]bool{}
	for range cameras {
		pk := p.expect(packets.Publish)
		require.True(t, pk.FixedHeader.Retain)
		require.Equal(t, pk.TopicName, string(pk.Payload))
		seen[pk.TopicName] = true
	}
	require.Len(t, seen, cameras)

	p.sendPacket(packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Subscribe, Qos: 1}, PacketID: 5,
		Filters: packets.Subscriptions{{Filter: signaling.AllStatusFilter(), RetainHandling: 1}},
	})
	p.ping()
	require.Empty(t, p.early, "not again for a subscription that existed [MQTT-3.3.1-10]")
}

func TestOwnStatusKeepsItsQoS(t *testing.T) {
	f := start(t, testConfig(), nil)
	a := f.online(t, 1)
	require.Equal(t, []byte{1}, a.subscribe(1, signaling.StatusTopic(cameraA)))
	pk := a.expect(packets.Publish)
	require.True(t, pk.FixedHeader.Retain)
	require.EqualValues(t, 1, pk.FixedHeader.Qos)
}

func TestUserPropertiesAreNotEchoed(t *testing.T) {
	f := start(t, testConfig(), nil)
	a := f.connectAs(t, camera(cameraA))
	a.sendPacket(packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: 1}, PacketID: 3,
		TopicName: signaling.TelemetryTopic(cameraA), Properties: packets.Properties{User: []packets.UserProperty{{Key: "k", Val: "v"}}},
	})
	require.Empty(t, a.expect(packets.Puback).Properties.User)
}

func TestPasswordsAreNotLogged(t *testing.T) {
	f := start(t, testConfig(), nil)
	l := loginOf(t, camera(cameraA))
	w := f.connect(t, l)
	w.sendPacket(l.packet()) // a second CONNECT: bare Mochi prints it
	w.closed()
	f.sessionsAre(t, 0)
	require.NotContains(t, f.log.String(), l.password)
}

func TestDialInProcess(t *testing.T) {
	f := start(t, testConfig(), nil)
	c, err := f.Dial(context.Background())
	require.NoError(t, err)
	w := newWire(t, c)
	w.sendPacket(loginOf(t, portal("p1")).packet())
	require.Zero(t, w.expect(packets.Connack).ReasonCode)
	w.ping()
	_, err = f.Dial(canceled())
	if err != nil {
		require.ErrorIs(t, err, context.Canceled)
	}
	require.NoError(t, f.stop())
	_, err = f.Dial(context.Background())
	require.Error(t, err)
}

func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func TestRunEndsWithEveryKindOfClient(t *testing.T) {
	f := start(t, testConfig(), nil)
	f.online(t, 1)
	dialTCP(t, f.TCPAddr())
	half := dialTCP(t, f.TCPAddr())
	half.send(0x10)
	stuck := f.connectAs(t, portal("stuck"))
	stuck.subscribe(1, signaling.Root+"+/telemetry")
	a := f.connectAs(t, camera(cameraB))
	payload := strings.Repeat("x", 60<<10)
	go func() { // fill the stuck one's window and be in the middle of it when the broker ends
		for {
			pk := packets.Packet{
				FixedHeader: packets.FixedHeader{Type: packets.Publish}, ProtocolVersion: 5,
				TopicName: signaling.TelemetryTopic(cameraB), Payload: []byte(payload),
			}
			if _, err := a.Write(encode(t, pk)); err != nil {
				return
			}
		}
	}()
	began := time.Now()
	require.NoError(t, f.stop())
	require.Less(t, time.Since(began), shutdownTimeout+time.Second)
	require.Error(t, f.Run(context.Background()), "twice")
}

func TestUnauthenticatedConnectionsAreCapped(t *testing.T) {
	cfg := testConfig()
	cfg.MaxUnauthenticated = 8
	f := start(t, cfg, nil)
	first := f.connectAs(t, camera(cameraA)) // holds no place any more
	dialTCP(t, f.TCPAddr())
	dialTCP(t, f.TCPAddr())
	require.Eventually(t, func() bool { return f.Stats().Connections == 3 }, patience, time.Millisecond)
	dialTCP(t, f.TCPAddr()).closed()
	require.Eventually(t, func() bool { return f.Stats().Rejected == 1 }, patience, time.Millisecond)
	first.ping()
	p, err := f.Dial(context.Background())
	require.NoError(t, err, "in process nobody is kept out")
	_ = p.Close()
}

func TestNewConnectionsPerAddressAreCapped(t *testing.T) {
	cfg := testConfig()
	cfg.ConnectionsPerSecond = 1 // and a burst of two
	f := start(t, cfg, nil)
	f.connectAs(t, camera(cameraA)).ping()
	f.connectAs(t, camera(cameraB)).ping()
	dialTCP(t, f.TCPAddr()).closed()
}

func TestMaxClients(t *testing.T) {
	cfg := testConfig()
	cfg.MaxClients = 1
	f := start(t, cfg, nil)
	f.connectAs(t, camera(cameraA))
	_, ack := f.try(t, loginOf(t, camera(cameraB)))
	require.Equal(t, byte(0x89), ack.ReasonCode)
}

// flaky fails like a process without free files, then hands out one connection, then closes.
type flaky struct {
	net.Listener
	fails int
	one   net.Conn
}

func (l *flaky) Accept() (net.Conn, error) {
	if l.fails > 0 {
		l.fails--
		return nil, errors.New("accept4: too many open files")
	}
	if l.one != nil {
		c := l.one
		l.one = nil
		return c, nil
	}
	return nil, net.ErrClosed
}

func TestAcceptGoesOnAfterErrors(t *testing.T) {
	f := start(t, testConfig(), nil)
	client, server := net.Pipe()
	defer client.Close()
	l := listener{&flaky{fails: 3, one: server}, f.Broker}
	c, err := l.Accept()
	require.NoError(t, err)
	require.NoError(t, c.Close())
	_, err = l.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
	require.Equal(t, 3, strings.Count(f.log.String(), "cannot accept"))
}

func TestRevocationDuringConnect(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	f := start(t, testConfig(), revocationFunc(func(*credential.Claims) (bool, error) {
		close(asked)
		<-answer // not revoked yet, says the answer that is on its way
		return false, nil
	}))
	w := dialTCP(t, f.TCPAddr())
	w.sendPacket(loginOf(t, camera(cameraA)).packet())
	<-asked
	require.Equal(t, 1, f.Disconnect(camera(cameraA).Subject()))
	close(answer)
	w.closed()
	f.sessionsAre(t, 0)
}
