package mqttclient_test

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/pkg/mqttclient"
)

// Another network: a new connection with the same credential, at once, and nobody takes the client for
// lost.
func TestReconnectKeepsTheCredential(t *testing.T) {
	s := serve(t, "127.0.0.1:0")
	w := watcher(t, s)
	h := start(t, s.url, camera, withWill)
	for n := range 3 {
		next(t, "up", h.ups)
		require.Eventually(t, h.Connected, patience, time.Millisecond)
		require.NoError(t, h.Publish(t.Context(), status(fmt.Sprint(n))))
		require.Equal(t, fmt.Sprint(n), next(t, "status", w.received), "no Will in between")
		h.Reconnect()
	}
	next(t, "up", h.ups)
	require.Equal(t, int32(1), h.asked.Load())
}

// While the network here is gone it is looked for about twice a second, without asking for credentials,
// and a word that it has changed is acted on at once.
func TestNetworkGoneIsLookedForOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dialled atomic.Int32
		h := start(t, func() string { return "mqtt://nowhere" }, camera, func(cfg *mqttclient.Config) {
			cfg.Dial = func(context.Context) (net.Conn, error) {
				dialled.Add(1)
				return nil, &net.OpError{Op: "dial", Err: syscall.ENETUNREACH}
			}
			cfg.OnDown = func(error) {}
		})
		time.Sleep(5 * time.Second)
		require.InDelta(t, 10, dialled.Load(), 5)
		require.Equal(t, int32(1), h.asked.Load())
		time.Sleep(time.Minute)
		before := dialled.Load()
		time.Sleep(3 * time.Second)
		require.GreaterOrEqual(t, dialled.Load()-before, int32(2), "later, too")
		before = dialled.Load()
		h.Reconnect()
		synctest.Wait()
		require.Greater(t, dialled.Load(), before)
		h.stop()
	})
}

// A camera that starts before its network does finds it soon, too.
func TestCredentialsAreLookedForOftenWithoutANetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, nil, camera, func(cfg *mqttclient.Config) {
			cfg.Credentials = func(context.Context) (mqttclient.Credential, error) {
				return mqttclient.Credential{}, fmt.Errorf("portal: %w", syscall.EHOSTUNREACH)
			}
			cfg.OnDown = func(error) {}
		})
		time.Sleep(time.Minute)
		before := h.asked.Load()
		time.Sleep(3 * time.Second)
		require.GreaterOrEqual(t, h.asked.Load()-before, int32(3))
		h.stop()
	})
}

// frozen is a connection that can be made to lose all that is sent, as one whose router forgot it.
type frozen struct {
	net.Conn
	lost *atomic.Bool
}

func (f frozen) Write(p []byte) (int, error) {
	if f.lost.Load() {
		return len(p), nil
	}
	return f.Conn.Write(p)
}

// A connection that is doubted is left unless the broker acknowledges soon.
func TestVerify(t *testing.T) {
	s := serve(t, "127.0.0.1:0")
	var lost atomic.Pointer[atomic.Bool] // of the latest connection
	h := start(t, s.url, camera, func(cfg *mqttclient.Config) {
		cfg.Dial = func(ctx context.Context) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.TCPAddr().String())
			lost.Store(&atomic.Bool{})
			return frozen{conn, lost.Load()}, err
		}
	})
	next(t, "up", h.ups)
	require.NoError(t, h.Verify(t.Context(), status("here")))
	require.Empty(t, h.ups, "it stays")
	lost.Load().Store(true)
	require.Error(t, h.Verify(t.Context(), status("here?")))
	next(t, "up again", h.ups)
	require.NoError(t, h.Verify(t.Context(), status("here")))
	require.Equal(t, int32(1), h.asked.Load(), "with the same credential")
}
