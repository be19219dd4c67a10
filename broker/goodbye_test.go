package broker

import (
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

// resettable is the broker's end of a connection, as TCP gives it, whose client can go away: from then
// on writes fail, and what the client sent before waits to be read unless the broker closes its end.
type resettable struct {
	net.Conn
	gone    atomic.Bool
	refused chan struct{} // a write has failed
	closed  atomic.Bool
}

func (r *resettable) Write(p []byte) (int, error) {
	if r.gone.Load() {
		select {
		case r.refused <- struct{}{}:
		default:
		}
		return 0, syscall.EPIPE
	}
	return r.Conn.Write(p)
}

func (r *resettable) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	if r.closed.Load() {
		return 0, net.ErrClosed
	}
	return n, err
}

func (r *resettable) Close() error {
	r.closed.Store(true)
	return r.Conn.Close()
}

// resettable connects camera A, which publishes a status and subscribes to signalling.
func (f *fixture) resettable(t *testing.T) (*wire, *resettable) {
	t.Helper()
	client, server := newPipe()
	ticket, err := f.gate.enter(server.RemoteAddr(), time.Now())
	require.NoError(t, err)
	require.True(t, f.begin())
	end := &resettable{Conn: server, refused: make(chan struct{}, 1)}
	go func() {
		defer f.work.Done()
		f.serve("test", end, ticket)
	}()
	w := newWire(t, client)
	w.sendPacket(loginOf(t, camera(cameraA)).withWill(signaling.StatusTopic(cameraA), "lost", true).packet())
	require.Zero(t, w.expect(packets.Connack).ReasonCode)
	w.publish(signaling.StatusTopic(cameraA), "shut down", 1, true)
	require.Zero(t, w.expect(packets.Puback).ReasonCode)
	w.subscribe(0, signaling.ToCameraFilter(cameraA))
	return w, end
}

// A camera says goodbye and closes the connection while messages are on the way to it: they cannot be
// delivered any more, and yet the goodbye, which waits to be read, voids the Will [MQTT-3.14.4-3].
func TestGoodbyeIsHeardAfterAFailedWrite(t *testing.T) {
	for name, tc := range map[string]struct {
		last []byte // what the camera sent before it went
		want string
	}{
		"goodbye":        {[]byte{0xe0, 0x00}, "shut down"},
		"goodbye + Will": {[]byte{0xe0, 0x02, 0x04, 0x00}, "lost"},
		"ping, goodbye":  {[]byte{0xc0, 0x00, 0xe0, 0x00}, "shut down"},
		"no goodbye":     {nil, "lost"},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t, testConfig(), nil)
			w, end := f.resettable(t)
			p := f.connectAs(t, portal("p1"))
			end.gone.Store(true)
			for range 3 {
				p.publish(toCamera(cameraA, "p1"), "candidate", 0, false)
			}
			select {
			case <-end.refused:
			case <-time.After(patience):
				t.Fatal("nothing was written")
			}
			p.ping()
			_, _ = w.Write(tc.last)
			_ = w.Close()
			f.sessionsAre(t, 1)
			require.Equal(t, tc.want, f.status(cameraA))
		})
	}
}

// The last words count though their acknowledgement does not reach the camera.
func TestLastWordsCountWithoutTheirAcknowledgement(t *testing.T) {
	f := start(t, testConfig(), nil)
	w, end := f.resettable(t)
	p := f.connectAs(t, portal("p1"))
	p.subscribe(1, signaling.AllStatusFilter())
	require.Equal(t, "shut down", string(p.expect(packets.Publish).Payload))
	end.gone.Store(true)
	w.publish(signaling.StatusTopic(cameraA), "switched off", 1, true)
	w.send(0xe0, 0x00)
	_ = w.Close()
	require.Equal(t, "switched off", string(p.expect(packets.Publish).Payload))
	f.sessionsAre(t, 1)
	require.Equal(t, "switched off", f.status(cameraA))
}

// A client to which nothing can be written, and which says nothing, does not stay for ever.
func TestDeafClientEnds(t *testing.T) {
	cfg := testConfig()
	cfg.WriteTimeout = 50 * time.Millisecond
	f := start(t, cfg, nil)
	_, end := f.resettable(t)
	p := f.connectAs(t, portal("p1"))
	end.gone.Store(true)
	p.publish(toCamera(cameraA, "p1"), "candidate", 0, false)
	f.sessionsAre(t, 1)
	require.Equal(t, "lost", f.status(cameraA))
}
