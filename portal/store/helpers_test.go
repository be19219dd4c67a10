package store

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"seccam/pkg/credential"
	"seccam/portal/store/storetest"
)

func TestMain(m *testing.M) {
	// database/sql ends its opener asynchronously to Close; goleak waits for it.
	goleak.VerifyTestMain(storetest.Both{M: m, Prepare: storetest.By(Open)})
}

// testClock is a time that only the test moves.
type testClock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *testClock { return &testClock{at: time.Unix(1_700_000_000, 0)} }

func (c *testClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *testClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func openAt(t *testing.T, database string, clock *testClock) *Store {
	t.Helper()
	s, err := Open(t.Context(), database, clock.now)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func open(t *testing.T) (*Store, *testClock) {
	t.Helper()
	clock := newClock()
	return openAt(t, storetest.Database(t), clock), clock
}

// label is what stands on a camera.
type label struct{ id, code string }

func (l label) hash() []byte { return credential.HashClaimCode(l.id, l.code) }

func newLabel() label { return label{credential.NewCode(), credential.NewCode()} }

func provision(t *testing.T, s *Store) label {
	t.Helper()
	l := newLabel()
	require.NoError(t, s.Provision(t.Context(), l.id, l.hash()))
	return l
}

const signUpTime = 15 * time.Minute

func pending(t *testing.T, s *Store, clock *testClock, name string, l label) *User {
	t.Helper()
	user, err := s.CreatePending(t.Context(), name, "hash", clock.now().Add(signUpTime), l.id, l.hash())
	require.NoError(t, err)
	return user
}

// member is a person whose sign-up is finished, with a camera of his own.
func member(t *testing.T, s *Store, clock *testClock, name string) (*User, label) {
	t.Helper()
	l := provision(t, s)
	user := pending(t, s, clock, name, l)
	require.NoError(t, s.Seen(t.Context(), map[string]time.Time{l.id: clock.now()}))
	require.NoError(t, s.Confirm(t.Context(), user.ID))
	return user, l
}

func camera(t *testing.T, s *Store, id string) *Camera {
	t.Helper()
	c, err := s.CameraByID(t.Context(), id)
	require.NoError(t, err)
	return c
}
