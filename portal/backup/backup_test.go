package backup

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"seccam/pkg/credential"
	"seccam/portal/store"
	"seccam/portal/store/storetest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(storetest.Both{M: m, Prepare: func(database string) error {
		s, err := store.Open(context.Background(), database, nil)
		if err != nil {
			return err
		}
		return s.Close()
	}})
}

// newState is a portal's state with keys of its own.
func newState(t *testing.T) (State, *store.Store) {
	t.Helper()
	s := State{Database: storetest.Database(t), Dir: t.TempDir()}
	for _, name := range []string{"master.key", "mqtt.key"} {
		_, err := credential.LoadOrCreateSecret(filepath.Join(s.Dir, name))
		require.NoError(t, err)
	}
	return s, open(t, s)
}

// newPlace is where nothing is yet.
func newPlace(t *testing.T) State {
	t.Helper()
	return State{Database: storetest.Empty(t), Dir: filepath.Join(t.TempDir(), "state")}
}

func open(t *testing.T, s State) *store.Store {
	t.Helper()
	db, err := store.Open(t.Context(), s.Database, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func (s State) create(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "backup")
	m, err := s.Create(t.Context(), path, "v1")
	require.NoError(t, err)
	require.Len(t, m.Files, 3)
	return path
}

func (s State) keys(t *testing.T) (text string) {
	t.Helper()
	for _, name := range []string{"master.key", "mqtt.key"} {
		data, err := os.ReadFile(filepath.Join(s.Dir, name))
		require.NoError(t, err)
		text += string(data)
	}
	return text
}

func member(t *testing.T, db *store.Store, name string) int64 {
	t.Helper()
	id, hash := credential.NewCode(), []byte("hash of the code")
	require.NoError(t, db.Provision(t.Context(), id, hash))
	user, err := db.CreatePending(t.Context(), name, "hash", time.Now().Add(time.Hour), id, hash)
	require.NoError(t, err)
	require.NoError(t, db.Seen(t.Context(), map[string]time.Time{id: time.Now()}))
	require.NoError(t, db.Confirm(t.Context(), user.ID))
	return user.ID
}

// Whatever was acknowledged before the backup began is in it, however much goes on meanwhile.
func TestBackupWhileClaimsGoOn(t *testing.T) {
	s, db := newState(t)
	user := member(t, db, "owner")
	var mu sync.Mutex
	var claimed []string
	var enough atomic.Int32
	ready := make(chan struct{})
	ctx, stop := context.WithCancel(t.Context())
	var working sync.WaitGroup
	for range 2 {
		working.Go(func() {
			for ctx.Err() == nil {
				id := credential.NewCode()
				if db.Provision(ctx, id, []byte("code")) != nil || db.Claim(ctx, user, id, []byte("code"), "") != nil {
					continue // the end of the test
				}
				mu.Lock()
				claimed = append(claimed, id)
				mu.Unlock()
				if enough.Add(1) == 20 {
					close(ready)
				}
			}
		})
	}
	<-ready
	mu.Lock()
	before := append([]string(nil), claimed...)
	mu.Unlock()
	path := s.create(t)
	stop()
	working.Wait()

	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	_, err = s.Create(t.Context(), path, "v1")
	require.ErrorContains(t, err, "replaces nothing")

	place := newPlace(t)
	m, err := place.Restore(t.Context(), path, false)
	require.NoError(t, err)
	require.Equal(t, "v1", m.Release)
	require.Equal(t, s.keys(t), place.keys(t))
	there := open(t, place)
	for _, id := range before {
		_, err := there.CameraOf(t.Context(), user, id)
		require.NoError(t, err, "a claim that was acknowledged is lost")
	}
	_, err = there.UserByName(t.Context(), "owner")
	require.NoError(t, err)
	require.Empty(t, leftovers(t, place.Dir))
	require.Empty(t, leftovers(t, filepath.Dir(path)))
}

// leftovers lists what is in a folder besides a state and a backup.
func leftovers(t *testing.T, folder string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	for _, entry := range entries {
		switch entry.Name() {
		case "master.key", "mqtt.key", lockName, "backup":
		default:
			names = append(names, entry.Name())
		}
	}
	return names
}

func TestRestoreReplacesOnlyWhenTold(t *testing.T) {
	s, db := newState(t)
	member(t, db, "owner")
	path := s.create(t)

	other, otherDB := newState(t)
	member(t, otherDB, "neighbour")
	extra := filepath.Join(other.Dir, "mqtt-previous.key")
	require.NoError(t, os.WriteFile(extra, []byte(credential.NewSecret().Hex()), 0o600))
	keys := other.keys(t)
	_, err := other.Restore(t.Context(), path, false)
	require.ErrorIs(t, err, ErrNotEmpty)
	require.Equal(t, keys, other.keys(t))

	running, err := other.Lock()
	require.NoError(t, err)
	_, err = other.Restore(t.Context(), path, true)
	require.ErrorContains(t, err, "stop it first")
	again, err := other.Lock()
	require.NoError(t, err, "several portals may run")
	require.NoError(t, running.Close())
	require.NoError(t, again.Close())
	require.NoError(t, otherDB.Close())

	_, err = other.Restore(t.Context(), path, true)
	require.NoError(t, err)
	require.Equal(t, s.keys(t), other.keys(t))
	require.NoFileExists(t, extra, "a key that the backup does not have signs nothing any more")
	there := open(t, other)
	_, err = there.UserByName(t.Context(), "owner")
	require.NoError(t, err)
	_, err = there.UserByName(t.Context(), "neighbour")
	require.ErrorIs(t, err, store.ErrNotFound)
}

func TestDamagedBackupChangesNothing(t *testing.T) {
	s, db := newState(t)
	member(t, db, "owner")
	good, err := os.ReadFile(s.create(t))
	require.NoError(t, err)
	place := newPlace(t)
	bad := filepath.Join(t.TempDir(), "bad")
	noise := make([]byte, 512)
	_, _ = rand.Read(noise)
	for name, data := range map[string][]byte{
		"empty": {}, "cut": good[:len(good)/2], "no archive": noise,
		"flipped": append(append(bytes.Clone(good[:len(good)/2]), good[len(good)/2]^1), good[len(good)/2+1:]...),
	} {
		require.NoError(t, os.WriteFile(bad, data, 0o600))
		_, err := place.Restore(t.Context(), bad, false)
		require.Error(t, err, name)
		require.Empty(t, leftovers(t, place.Dir), name)
		full, err := place.full(t.Context())
		require.NoError(t, err)
		require.False(t, full, name)
	}
}

func TestManifestsThatAreRefused(t *testing.T) {
	valid := func() Manifest {
		return Manifest{Format: format, Files: []File{{Name: databaseName}, {Name: "master.key"}, {Name: "mqtt.key"}}}
	}
	m := valid()
	require.NoError(t, m.check())
	for _, name := range []string{"../x.key", "/etc/x.key", "x", "database", "a/b.key", ".key", "X.key"} {
		m := valid()
		m.Files = append(m.Files, File{Name: name})
		require.ErrorContains(t, m.check(), "does not belong", name)
	}
	for i := range 3 {
		m := valid()
		m.Files = append(m.Files[:i], m.Files[i+1:]...)
		require.ErrorContains(t, m.check(), "has no")
	}
	m.Format = 2
	require.ErrorContains(t, m.check(), "format 2")
}

func TestBackupOfANewerReleaseIsRefused(t *testing.T) {
	s, db := newState(t)
	member(t, db, "owner")
	folder, path := t.TempDir(), s.create(t)
	m, err := unpack(path, folder)
	require.NoError(t, err)
	m.Schema, m.Release = 99999, "v9"
	newer := filepath.Join(t.TempDir(), "backup")
	require.NoError(t, pack(m, folder, newer))
	_, err = newPlace(t).Restore(t.Context(), newer, false)
	require.ErrorContains(t, err, "newer release (v9)")
	m.Schema, m.Postgres = 1, !m.Postgres
	other := filepath.Join(t.TempDir(), "backup")
	require.NoError(t, pack(m, folder, other))
	_, err = newPlace(t).Restore(t.Context(), other, false)
	require.ErrorContains(t, err, "another kind of database")
}

// An administrator restores, and the portal has to read it.
func TestRestoredFilesBelongToThePortal(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: giving files away needs root")
	}
	s, db := newState(t)
	member(t, db, "owner")
	place := newPlace(t)
	require.NoError(t, os.MkdirAll(place.Dir, 0o700))
	const nobody = 65534
	require.NoError(t, os.Chown(place.Dir, nobody, nobody))
	_, err := place.Restore(t.Context(), s.create(t), false)
	require.NoError(t, err)
	for _, name := range []string{"master.key", "mqtt.key", lockName} {
		info, err := os.Stat(filepath.Join(place.Dir, name))
		require.NoError(t, err)
		require.EqualValues(t, nobody, info.Sys().(*syscall.Stat_t).Uid, name)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), name)
	}
}

// A restore that ended anywhere is finished by whoever opens the state next; before its journal it never was.
func TestInterruptedRestoreIsFinished(t *testing.T) {
	s, db := newState(t)
	member(t, db, "owner")
	path := s.create(t)
	for interrupted, steps := range []func(State, journal) error{
		func(State, journal) error { return nil },
		func(p State, j journal) error { return p.replaceDatabase(t.Context(), j) },
		func(p State, j journal) error {
			half := j
			half.Keys = j.Keys[:1]
			return fmt.Errorf("%w%w", p.replaceDatabase(t.Context(), j), p.replaceKeys(half))
		},
	} {
		place := newPlace(t)
		folder := filepath.Join(place.Dir, staging)
		require.NoError(t, os.MkdirAll(folder, 0o700))
		require.NoError(t, place.Finish(t.Context()), "nothing to finish")
		m, err := place.stage(t.Context(), path, folder)
		require.NoError(t, err)
		require.NoError(t, place.begin(newJournal(m)))
		_ = steps(place, newJournal(m))
		require.NoError(t, place.Finish(t.Context()), interrupted)
		require.Equal(t, s.keys(t), place.keys(t), interrupted)
		require.Empty(t, leftovers(t, place.Dir), interrupted)
		_, err = open(t, place).UserByName(t.Context(), "owner")
		require.NoError(t, err, interrupted)
	}
}
