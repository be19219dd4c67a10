package store

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/portal/store/storetest"
)

// schema describes everything in the database but its rows, one line for each thing.
func schema(t *testing.T, s *Store) string {
	t.Helper()
	query := `SELECT type || ' ' || name || ' ' || COALESCE(sql, '') AS line FROM sqlite_master`
	if !s.sqlite() {
		query = `SELECT concat_ws(' ', 'column', table_name, column_name, data_type, is_nullable, column_default, is_identity) AS line
	FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid))
	FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace`
	}
	var lines []string
	require.NoError(t, s.db.Raw("SELECT line FROM ("+query+") AS lines ORDER BY line").Scan(&lines).Error)
	return strings.Join(lines, "\n")
}

// Each version of the schema can be left and come back to, and is then what it was.
func TestMigrationsDownAndUp(t *testing.T) {
	s := unmigrated(t)
	provider, err := s.migrator()
	require.NoError(t, err)
	before, ctx := "", t.Context()
	for i, source := range provider.ListSources() {
		_, err := provider.UpByOne(ctx)
		require.NoError(t, err)
		after := schema(t, s)
		require.NotEqual(t, before, after, source.Path)
		_, err = provider.Down(ctx)
		require.NoError(t, err, source.Path)
		if i > 0 {
			require.Equal(t, before, schema(t, s), "down from %s", source.Path)
		}
		_, err = provider.UpByOne(ctx)
		require.NoError(t, err, source.Path)
		require.Equal(t, after, schema(t, s), "down from %s and up again", source.Path)
		before = after
	}
	_, err = provider.DownTo(ctx, 0)
	require.NoError(t, err)
	_, err = provider.Up(ctx)
	require.NoError(t, err)
	require.Equal(t, before, schema(t, s), "all the way")
}

// unmigrated is a store whose database is empty.
func unmigrated(t *testing.T) *Store {
	t.Helper()
	s, err := connect(storetest.Empty(t), time.Now)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// Portals that start together on a new database find it migrated once.
func TestPortalsStartTogether(t *testing.T) {
	database := storetest.Empty(t)
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			s, err := Open(context.Background(), database, nil)
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

// The record of a token says whether it may take pictures; a record from before that right says no.
func TestTokenRecordSaysWhetherItTakesPictures(t *testing.T) {
	s, clock := open(t)
	provider, err := s.migrator()
	require.NoError(t, err)
	_, err = provider.DownTo(t.Context(), 1)
	require.NoError(t, err)
	require.NoError(t, s.db.Exec("INSERT INTO mqtt_tokens (id, subject, camera, rpc, note, created_at, expires_at) VALUES ('old', 'tool-old', '+', TRUE, '', ?, ?)",
		clock.now(), clock.now().Add(time.Hour)).Error)
	require.NoError(t, s.migrate(t.Context()))
	require.NoError(t, s.RecordToken(t.Context(), MQTTToken{ID: "new", Subject: "tool-new", Camera: "+", Snapshot: true, Restart: true, Config: true, ExpiresAt: clock.now()}))
	for id, want := range map[string]MQTTToken{"old": {RPC: true}, "new": {Snapshot: true, Restart: true, Config: true}} {
		var got MQTTToken
		require.NoError(t, s.db.First(&got, "id = ?", id).Error)
		require.Equal(t, want.RPC, got.RPC, id)
		require.Equal(t, want.Snapshot, got.Snapshot, id)
		require.Equal(t, want.Restart, got.Restart, id)
		require.Equal(t, want.Config, got.Config, id)
	}
}
