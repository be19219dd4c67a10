package mqttclient_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/pkg/mqttclient"
	"seccam/pkg/signaling"
)

func TestNewNeedsCredentialsAndLog(t *testing.T) {
	_, err := mqttclient.New(mqttclient.Config{})
	require.Error(t, err)
}

func TestSubscribedBeforeUp(t *testing.T) {
	s := serve(t, "127.0.0.1:0")
	var h *handle
	ready := make(chan struct{})
	h = start(t, s.url, camera, func(cfg *mqttclient.Config) {
		cfg.Subscriptions = []mqttclient.Subscription{{Filter: signaling.StatusTopic(cameraID), QoS: 1}}
		cfg.OnUp = func(ctx context.Context) {
			<-ready
			if !h.Connected() {
				t.Error("not connected in OnUp")
			}
			for i := range 20 {
				if err := h.Publish(ctx, status(fmt.Sprint(i))); err != nil {
					t.Error(err)
				}
			}
		}
	})
	close(ready)
	for i := range 20 {
		require.Equal(t, fmt.Sprint(i), next(t, "own status", h.received), "all of them, in order")
	}
}

func TestPublishWhileDown(t *testing.T) {
	c, err := mqttclient.New(mqttclient.Config{
		Credentials: func(context.Context) (mqttclient.Credential, error) { panic("not before Run") },
		Log:         slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	require.False(t, c.Connected())
	require.Equal(t, mqttclient.ErrDown, c.Publish(t.Context(), status("x")))
}

func TestReconnectsAfterTheBrokerRestarted(t *testing.T) {
	s := serve(t, "127.0.0.1:0")
	address := s.TCPAddr().String()
	up := make(chan context.Context, 10)
	h := start(t, s.url, camera, func(cfg *mqttclient.Config) {
		withWill(cfg)
		cfg.OnUp = func(ctx context.Context) { up <- ctx }
	})
	first := next(t, "up", up)
	s.stop()
	next(t, "end of OnUp's context", first.Done())
	require.Error(t, next(t, "down", h.downs))
	require.Eventually(t, func() bool { return !h.Connected() }, patience, time.Millisecond)
	require.ErrorIs(t, h.Publish(t.Context(), status("x")), mqttclient.ErrDown)

	again := serve(t, address)
	w := watcher(t, again)
	second := next(t, "up again", up)
	require.NoError(t, second.Err())
	require.NoError(t, h.Publish(t.Context(), status("back")))
	require.Equal(t, "back", next(t, "status", w.received))
}

// Five failures in a row ask for a new credential, since the broker may have moved; but an hour of
// them is no storm.
func TestOutageAsksForNewCredentialsNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dialled atomic.Int32
		h := start(t, func() string { return "mqtt://nowhere" }, camera, func(cfg *mqttclient.Config) {
			cfg.Dial = func(context.Context) (net.Conn, error) {
				dialled.Add(1)
				return nil, errors.New("no route")
			}
			cfg.OnDown = func(error) {}
		})
		time.Sleep(3 * time.Second)
		require.Equal(t, int32(1), h.asked.Load())
		require.Greater(t, dialled.Load(), int32(3), "the first tries are quick")
		time.Sleep(10 * time.Second)
		require.Greater(t, h.asked.Load(), int32(1))
		time.Sleep(time.Hour)
		require.Less(t, h.asked.Load(), int32(3600/2))
		require.Less(t, dialled.Load(), int32(3600*2))
		require.False(t, h.Connected())
		h.stop()
	})
}

func TestCredentialIsRenewedWithoutAWill(t *testing.T) {
	s := serve(t, "127.0.0.1:0")
	w := watcher(t, s)
	h := start(t, s.url, camera, func(cfg *mqttclient.Config) {
		withWill(cfg)
		cfg.LastWords = func() mqttclient.Message { return status("goodbye") }
		cfg.Credentials = func(context.Context) (mqttclient.Credential, error) {
			c := credentialOf(s.url(), camera)
			c.RenewAfter = 100 * time.Millisecond
			return c, nil
		}
	})
	for range 3 {
		next(t, "up", h.ups)
	}
	require.GreaterOrEqual(t, h.asked.Load(), int32(3))
	h.stop()
	require.Equal(t, "goodbye", next(t, "last words", w.received), "no Will in between, last words only at the end")
}

func TestWillOfALostConnection(t *testing.T) {
	s := serve(t, "127.0.0.1:0")
	w := watcher(t, s)
	dialled, mayDial := make(chan net.Conn, 10), make(chan struct{}, 2)
	mayDial <- struct{}{}
	h := start(t, s.url, camera, func(cfg *mqttclient.Config) {
		withWill(cfg)
		// A client that is back before the broker has noticed needs no Will, so it waits.
		cfg.Dial = func(ctx context.Context) (net.Conn, error) {
			select {
			case <-mayDial:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			c, err := new(net.Dialer).DialContext(ctx, "tcp", s.TCPAddr().String())
			if err == nil {
				dialled <- c
			}
			return c, err
		}
	})
	next(t, "up", h.ups)
	require.NoError(t, next(t, "connection", dialled).Close())
	require.Equal(t, "lost", next(t, "Will", w.received))
	mayDial <- struct{}{}
	next(t, "up again", h.ups)
}

func TestLastWordsWithoutAWill(t *testing.T) {
	s := serve(t, "127.0.0.1:0")
	w := watcher(t, s)
	h := start(t, s.url, camera, func(cfg *mqttclient.Config) {
		withWill(cfg)
		cfg.LastWords = func() mqttclient.Message { return status("goodbye") }
	})
	next(t, "up", h.ups)
	h.stop()
	require.Equal(t, "goodbye", next(t, "last words", w.received))
	require.False(t, h.Connected())
	require.Equal(t, mqttclient.ErrDown, h.Publish(t.Context(), status("x")))
	// The Will would have come with the DISCONNECT; a second client's message shows that it did not.
	again := start(t, s.url, camera, nil)
	next(t, "up", again.ups)
	require.NoError(t, again.Publish(t.Context(), status("next")))
	require.Equal(t, "next", next(t, "status", w.received))
}

// What OnUp is about to publish when the end comes must not be heard after the last words.
func TestLastWordsComeLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, "") // reached in process: a bubble's time stands still while a socket is read
		var order []string
		h := start(t, func() string { return "mqtt://in-process" }, camera, func(cfg *mqttclient.Config) {
			withWill(cfg)
			cfg.Dial = s.Dial
			cfg.OnUp = func(ctx context.Context) {
				<-ctx.Done()
				time.Sleep(100 * time.Millisecond) // in the bubble: until all else waits
				order = append(order, "online")
			}
			cfg.LastWords = func() mqttclient.Message {
				order = append(order, "goodbye")
				return status("goodbye")
			}
		})
		require.Eventually(t, h.Connected, patience, time.Millisecond)
		h.stop()
		require.Equal(t, []string{"online", "goodbye"}, order)
		s.stop()
	})
}

// An OnUp that does not end is not waited for before the last words.
func TestLastWordsOfAStuckClient(t *testing.T) {
	s := serve(t, "127.0.0.1:0")
	w := watcher(t, s)
	heard := make(chan struct{})
	h := start(t, s.url, camera, func(cfg *mqttclient.Config) {
		cfg.OnUp = func(context.Context) { <-heard }
		cfg.LastWords = func() mqttclient.Message { return status("goodbye") }
	})
	require.Eventually(t, h.Connected, patience, time.Millisecond)
	go h.stop()
	require.Equal(t, "goodbye", next(t, "last words", w.received))
	close(heard)
	h.stop()
}

func TestRefusalAsksForANewCredential(t *testing.T) {
	s := serve(t, "127.0.0.1:0")
	s.refuse.refuse.Store(true)
	third := make(chan struct{})
	var h *handle
	var n atomic.Int32
	h = start(t, s.url, camera, func(cfg *mqttclient.Config) {
		cfg.Credentials = func(context.Context) (mqttclient.Credential, error) {
			if n.Add(1) == 2 {
				s.refuse.refuse.Store(false)
				close(third)
			}
			return credentialOf(s.url(), camera), nil
		}
	})
	next(t, "another credential", third)
	next(t, "up", h.ups)
	require.Error(t, next(t, "down", h.downs))
}

// A revoked client is told so, and asks for a new credential at once.
func TestAbuse26_RevokedWhileConnected(t *testing.T) {
	s := serve(t, "127.0.0.1:0")
	h := start(t, s.url, camera, nil)
	next(t, "up", h.ups)
	require.Equal(t, 1, s.Disconnect(camera.Subject()))
	var told *mqttclient.DisconnectError
	require.ErrorAs(t, next(t, "down", h.downs), &told)
	require.Equal(t, byte(0x87), told.Code)
	next(t, "up again", h.ups)
	require.Equal(t, int32(2), h.asked.Load())
}

func TestCredentialsAreAskedForUntilTheyCome(t *testing.T) {
	s := serve(t, "127.0.0.1:0")
	nothing := errors.New("portal down")
	var n atomic.Int32
	h := start(t, s.url, camera, func(cfg *mqttclient.Config) {
		cfg.Credentials = func(context.Context) (mqttclient.Credential, error) {
			if n.Add(1) < 3 {
				return mqttclient.Credential{}, nothing
			}
			return credentialOf(s.url(), camera), nil
		}
	})
	for range 2 {
		require.ErrorIs(t, next(t, "down", h.downs), nothing)
	}
	next(t, "up", h.ups)
}

func TestRunEndsWithoutACredentialOrABroker(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, gone.Close())
	for name, ask := range map[string]func(context.Context) (mqttclient.Credential, error){
		"no credential": func(ctx context.Context) (mqttclient.Credential, error) {
			<-ctx.Done()
			return mqttclient.Credential{}, ctx.Err()
		},
		"failing": func(context.Context) (mqttclient.Credential, error) {
			return mqttclient.Credential{}, errors.New("portal down")
		},
		"no broker": func(context.Context) (mqttclient.Credential, error) {
			return credentialOf("mqtt://"+gone.Addr().String(), camera), nil
		},
	} {
		asked := make(chan struct{}, 1000)
		h := start(t, nil, camera, func(cfg *mqttclient.Config) {
			cfg.Credentials = func(ctx context.Context) (mqttclient.Credential, error) {
				asked <- struct{}{}
				return ask(ctx)
			}
			cfg.LastWords = func() mqttclient.Message { return status("unheard") }
		})
		next(t, name, asked)
		h.stop()
	}
}

// A subscription that is refused is an error of somebody's configuration: the client tries again,
// but does not storm whoever gives out the credentials.
func TestRefusedSubscriptionsAreTriedAgainSlowly(t *testing.T) {
	s := serve(t, "127.0.0.1:0")
	asked := make(chan time.Time, 1000)
	start(t, s.url, camera, func(cfg *mqttclient.Config) {
		cfg.Subscriptions = []mqttclient.Subscription{{Filter: signaling.AllStatusFilter()}}
		cfg.OnUp = func(context.Context) { t.Error("up without its subscriptions") }
		cfg.Credentials = func(context.Context) (mqttclient.Credential, error) {
			asked <- time.Now()
			return credentialOf(s.url(), camera), nil
		}
	})
	first := next(t, "first", asked)
	next(t, "second", asked)
	require.GreaterOrEqual(t, next(t, "third", asked).Sub(first), 150*time.Millisecond)
}
