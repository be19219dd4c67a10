package broker

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"seccam/pkg/credential"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait of a test; it is never slept.
const patience = 10 * time.Second

const (
	cameraA = "aaaaaaaaaaaaaaaaaaaa"
	cameraB = "bbbbbbbbbbbbbbbbbbbb"
	viewer  = "0123456789abcdef0123456789abcdef-1"
)

var testKeys = credential.NewKeys("k1", credential.NewSecret())

// testConfig listens on a free port and does not limit a test that did not ask for it.
func testConfig() Config {
	cfg := DefaultConfig()
	cfg.TCP = "127.0.0.1:0"
	cfg.ConnectionsPerSecond = 100_000
	cfg.FailuresPerMinute = 100_000
	return cfg
}

// clock is a time that only the test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// revocationFunc is a fake [Revocations].
type revocationFunc func(*credential.Claims) (bool, error)

func (f revocationFunc) Revoked(_ context.Context, c *credential.Claims) (bool, error) { return f(c) }

type fixture struct {
	*Broker
	clock *clock
	log   *logBuffer
	stop  func() error // ends Run and returns its error
}

// logBuffer collects the log.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func start(t testing.TB, cfg Config, revocations Revocations) *fixture {
	t.Helper()
	f := &fixture{clock: &clock{at: time.Now()}, log: new(logBuffer)}
	log := slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	f.Broker, err = New(cfg, testKeys, revocations, log)
	require.NoError(t, err)
	f.now = f.clock.now
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	f.stop = sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(patience):
			return fmt.Errorf("Run did not return")
		}
	})
	t.Cleanup(func() { require.NoError(t, f.stop()) })
	return f
}

func camera(id string) credential.Identity {
	return credential.Identity{Role: credential.RoleCamera, ID: id}
}

func portal(id string) credential.Identity {
	return credential.Identity{Role: credential.RolePortal, ID: id}
}

func tool(id string) credential.Identity {
	return credential.Identity{Role: credential.RoleTool, ID: id}
}

func rulesOf(who credential.Identity) []credential.Rule {
	switch who.Role {
	case credential.RoleCamera:
		return credential.CameraRules(who.ID)
	case credential.RolePortal:
		return credential.PortalRules(who.ID)
	}
	return credential.ToolRules("+", who.Subject(), credential.ToolRights{RPC: true})
}
