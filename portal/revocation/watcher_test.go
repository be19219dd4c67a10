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

// begin is a transaction that has an id and is not over; the function ends it.
func (t *table) begin(subject string) (commit func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows = append(t.rows, store.Revocation{ID: int64(len(t.rows) + 1)})
	i := len(t.rows) - 1
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.rows[i].Subject = subject
	}
}

func (t *table) RevocationsAfter(_ context.Context, id int64, missing ...int64) (list []store.Revocation, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, row := range t.rows {
		if row.Subject != "" && (row.ID > id || slices.Contains(missing, row.ID)) {
			list = append(list, row)
		}
	}
	return list, t.fail
}

func (t *table) LastRevocation(context.Context) (last int64, _ error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, row := range t.rows {
		if row.Subject != "" {
			last = row.ID
		}
	}
	return last, t.fail
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

// On Postgres a transaction that began earlier may end later: what it revoked is not passed over, also by a
// portal that begins in between.
func TestTransactionsThatEndInAnotherOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := &table{}
		require.NoError(t, shared.Revoke(t.Context(), "long ago"))
		here := start(t, shared)
		slow, gone := shared.begin("slow"), shared.begin("given up")
		require.NoError(t, here.Revoke(t.Context(), "quick"))
		require.Equal(t, []string{"quick"}, here.acted())
		there := start(t, shared)
		slow()
		time.Sleep(pollInterval)
		require.Equal(t, []string{"quick", "slow"}, here.acted())
		require.Equal(t, []string{"slow"}, there.acted())
		time.Sleep(2 * missingTime)
		gone()
		time.Sleep(2 * pollInterval)
		require.Equal(t, []string{"quick", "slow"}, here.acted(), "nothing is looked for for ever")
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
