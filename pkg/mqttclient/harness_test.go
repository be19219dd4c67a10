package mqttclient_test

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"seccam/broker"
	"seccam/pkg/credential"
	"seccam/pkg/mqttclient"
	"seccam/pkg/signaling"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait of a test; it is never slept.
const patience = 10 * time.Second

const cameraID = "aaaaaaaaaaaaaaaaaaaa"

var (
	keys   = credential.NewKeys("k", credential.NewSecret())
	camera = credential.Identity{Role: credential.RoleCamera, ID: cameraID}
	watch  = credential.Identity{Role: credential.RoleTool, ID: "watch"}
)

// revocations refuses whom the test says.
type revocations struct{ refuse atomic.Bool }

func (r *revocations) Revoked(_ context.Context, c *credential.Claims) (bool, error) {
	return r.refuse.Load() && c.Subject == camera.Subject(), nil
}

// server is a broker on a port of its own.
type server struct {
	*broker.Broker
	refuse *revocations
	stop   func()
}

// serve starts a broker; address may name a port that was free a moment ago.
func serve(t *testing.T, address string) *server {
	t.Helper()
	cfg := broker.DefaultConfig()
	cfg.TCP, cfg.ConnectionsPerSecond, cfg.FailuresPerMinute = address, 100_000, 100_000
	s := &server{refuse: &revocations{}}
	var err error
	s.Broker, err = broker.New(cfg, keys, s.refuse, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(s.stop)
	return s
}

func credentialOf(url string, who credential.Identity) mqttclient.Credential {
	rules := credential.CameraRules(who.ID)
	switch who.Role {
	case credential.RoleTool:
		rules = credential.ToolRules("+", who.Subject(), credential.ToolRights{})
	case credential.RolePortal:
		rules = credential.PortalRules(who.ID)
	}
	token, _, err := keys.Issue(who, rules, 0, time.Now(), time.Hour)
	if err != nil {
		panic(err)
	}
	return mqttclient.Credential{URLs: []string{url}, Username: who.Subject(), Password: token, ClientID: who.Subject()}
}

// handle is a running client.
type handle struct {
	*mqttclient.Client
	asked    atomic.Int32 // for credentials
	ups      chan struct{}
	downs    chan error
	received chan string
	stop     func()
}

// start runs a client until the test ends. change may add to the configuration.
func start(t *testing.T, url func() string, who credential.Identity, change func(*mqttclient.Config)) *handle {
	t.Helper()
	h := &handle{ups: make(chan struct{}, 1000), downs: make(chan error, 1000), received: make(chan string, 1000)}
	cfg := mqttclient.Config{
		Credentials: func(context.Context) (mqttclient.Credential, error) { return credentialOf(url(), who), nil },
		OnUp:        func(context.Context) { h.ups <- struct{}{} },
		OnDown:      func(err error) { h.downs <- err },
		OnMessage:   func(m mqttclient.Message) { h.received <- string(m.Payload) },
		Log:         slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&cfg)
	}
	ask := cfg.Credentials
	cfg.Credentials = func(ctx context.Context) (mqttclient.Credential, error) {
		h.asked.Add(1)
		return ask(ctx)
	}
	var err error
	h.Client, err = mqttclient.New(cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	h.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(patience):
			t.Error("Run did not return")
		}
	})
	t.Cleanup(h.stop)
	return h
}

func next[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came:", what)
		panic("unreachable")
	}
}

func (s *server) url() string { return "mqtt://" + s.TCPAddr().String() }

func status(payload string) mqttclient.Message {
	return mqttclient.Message{Topic: signaling.StatusTopic(cameraID), Payload: []byte(payload), QoS: 1, Retain: true}
}

func toStatus(cfg *mqttclient.Config) {
	cfg.Subscriptions = []mqttclient.Subscription{{Filter: signaling.AllStatusFilter(), QoS: 1}}
}

// watcher sees the camera's status as it is published: without the retained one, which the broker
// may deliver once more to a new subscription.
func watcher(t *testing.T, s *server) *handle {
	t.Helper()
	published := make(chan string, 1000)
	w := start(t, s.url, watch, func(cfg *mqttclient.Config) {
		toStatus(cfg)
		cfg.OnMessage = func(m mqttclient.Message) {
			if !m.Retain {
				published <- string(m.Payload)
			}
		}
	})
	w.received = published
	next(t, "watcher up", w.ups)
	return w
}

func withWill(cfg *mqttclient.Config) {
	cfg.Will = func() mqttclient.Message { return status("lost") }
}
