package broker

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/pkg/mqttclient"
	"seccam/pkg/signaling"
)

// runClient runs our own client until the test ends; the returned channel has what it receives.
func runClient(t *testing.T, f *fixture, who credential.Identity, cfg mqttclient.Config) (*mqttclient.Client, <-chan mqttclient.Message) {
	t.Helper()
	received := make(chan mqttclient.Message, 100)
	cfg.Log = slog.New(slog.DiscardHandler)
	cfg.OnMessage = func(m mqttclient.Message) { received <- m }
	cfg.Credentials = func(context.Context) (mqttclient.Credential, error) {
		l := loginOf(t, who)
		return mqttclient.Credential{URLs: []string{"mqtt://" + f.TCPAddr().String()}, Username: l.user, Password: l.password, ClientID: l.client}, nil
	}
	client, err := mqttclient.New(cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { _ = client.Run(ctx) })
	t.Cleanup(func() { cancel(); group.Wait() })
	require.Eventually(t, client.Connected, patience, time.Millisecond)
	return client, received
}

// One view's signalling, a lost camera and its return, by the clients that portal and camerad use.
func TestOurClients(t *testing.T) {
	f := start(t, testConfig(), nil)
	p, toPortal := runClient(t, f, portal("p1"), mqttclient.Config{
		Dial: f.Dial,
		Subscriptions: []mqttclient.Subscription{
			{Filter: signaling.AllStatusFilter(), QoS: 1}, {Filter: signaling.ToViewerFilter("p1")},
		},
	})
	status := func(payload string) mqttclient.Message {
		return mqttclient.Message{Topic: signaling.StatusTopic(cameraA), Payload: []byte(payload), QoS: 1, Retain: true}
	}
	var a *mqttclient.Client
	up := make(chan struct{}, 10)
	a, toA := runClient(t, f, camera(cameraA), mqttclient.Config{
		Will:          func() mqttclient.Message { return status("offline") },
		Subscriptions: []mqttclient.Subscription{{Filter: signaling.ToCameraFilter(cameraA)}},
		OnUp:          func(context.Context) { up <- struct{}{} },
	})
	ctx := context.Background()
	next := func() string {
		t.Helper()
		select {
		case m := <-toPortal:
			return string(m.Payload)
		case <-time.After(patience):
			t.Fatal("nothing more came to the portal")
			return ""
		}
	}
	<-up
	require.NoError(t, a.Publish(ctx, status("online")))
	require.Equal(t, "online", next())
	require.NoError(t, p.Publish(ctx, mqttclient.Message{Topic: toCamera(cameraA, "p1"), Payload: []byte("offer")}))
	require.Equal(t, "offer", string((<-toA).Payload))
	require.NoError(t, a.Publish(ctx, mqttclient.Message{Topic: toViewer(cameraA, "p1"), Payload: []byte("answer")}))
	require.Equal(t, "answer", next())

	require.Equal(t, 1, f.Disconnect(camera(cameraA).Subject()))
	<-up
	require.NoError(t, a.Publish(ctx, status("online again")))
	got := next()
	if got == "offline" { // not if it was back before its Will could speak
		got = next()
	}
	require.Equal(t, "online again", got)
}

// Many views begin at once: their packets may not mix on the portal's in-process connection.
func TestConcurrentPublishesInProcess(t *testing.T) {
	f := start(t, testConfig(), nil)
	p, _ := runClient(t, f, portal("p1"), mqttclient.Config{Dial: f.Dial})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				m := mqttclient.Message{Topic: toCamera(cameraA, "p1"), Payload: make([]byte, 2000)}
				assert.NoError(t, p.Publish(context.Background(), m))
			}
		})
	}
	group.Wait()
	require.True(t, p.Connected())
	require.Zero(t, f.Stats().Malformed)
}
