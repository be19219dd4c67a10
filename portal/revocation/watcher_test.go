package revocation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"seccam/portal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var discard = slog.New(slog.DiscardHandler)

// table is the revocations of the database that several watchers share.
type table struct {
	mu   sync.Mutex
	rows []store.Revocation
	fail error
}

func (t *table) Revoke(_ context.Context, subject string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.fail != nil {
		return t.fail
	}
	t.rows = append(t.rows, store.Revocation{ID: int64(len(t.rows) + 1), Subject: subject})
	return nil
}

func (t *table) RevocationsAfter(_ context.Context, id int64) ([]store.Revocation, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.rows[id:], t.fail
}

func (t *table) LastRevocation(context.Context) (int64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return int64(len(t.rows)), t.fail
}

func (t *table) setError(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fail = err
}

// portal is a running watcher and what it acted on.
type portal struct {
	*Watcher
	stop func()

	mu   sync.Mutex
	done []string
}

func (p *portal) act(subject string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = append(p.done, subject)
}

// acted is what it acted on, once everything has settled.
func (p *portal) acted() []string {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.done)
}

func start(t *testing.T, s Store) *portal {
	t.Helper()
	p := &portal{}
	var err error
	p.Watcher, err = New(t.Context(), s, p.act, discard)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	p.stop = func() {
		cancel()
		require.NoError(t, <-ended)
	}
	synctest.Wait()
	return p
}

func TestEveryPortalActsOnceAndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := &table{}
		require.NoError(t, shared.Revoke(t.Context(), "before"))
		here, there := start(t, shared), start(t, shared)
		began := time.Now()
		var want []string
		for i := range 5 {
			want = append(want, fmt.Sprint("s", i))
			require.NoError(t, here.Revoke(t.Context(), want[i]))
		}
		require.Equal(t, want, here.acted(), "at once")
		require.Zero(t, time.Since(began))
		require.Empty(t, there.acted())
		time.Sleep(pollInterval)
		require.Equal(t, want, there.acted(), "within a second; not what was revoked before it began")
		require.NoError(t, there.Revoke(t.Context(), "again"))
		time.Sleep(3 * pollInterval)
		require.Equal(t, append(want, "again"), here.acted())
		require.Equal(t, here.acted(), there.acted())
		here.stop()
		there.stop()
	})
}

func TestDatabaseThatComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared, down := &table{}, errors.New("database down")
		p := start(t, shared)
		require.NoError(t, shared.Revoke(t.Context(), "a"))
		shared.setError(down)
		require.ErrorIs(t, p.Revoke(t.Context(), "b"), down, "the caller knows that it did not happen")
		_, err := New(t.Context(), shared, nil, discard)
		require.ErrorIs(t, err, down)
		time.Sleep(5 * pollInterval)
		shared.setError(nil)
		time.Sleep(pollInterval)
		require.Equal(t, []string{"a"}, p.acted(), "nothing is lost, nothing twice")
		p.stop()
	})
}

// With a real database, as the portal runs it.
func TestOverTheStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "portal.db")
	here, err := store.Open(t.Context(), path, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, here.Close()) }()
	there, err := store.Open(t.Context(), path, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, there.Close()) }()
	acted := make(chan string, 10)
	w, err := New(t.Context(), here, func(subject string) { acted <- subject }, discard)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	require.NoError(t, w.Revoke(t.Context(), "mine"))
	require.Equal(t, "mine", <-acted)
	require.NoError(t, there.Revoke(t.Context(), "from another process"))
	require.Equal(t, "from another process", <-acted)
	cancel()
	require.NoError(t, <-ended)
}
