package store

import (
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"
)

// The record of a token says whether it may take pictures; a record from before that right says no.
func TestTokenRecordSaysWhetherItTakesPictures(t *testing.T) {
	path, clock := filepath.Join(t.TempDir(), "portal.db"), newClock()
	s, err := Open(t.Context(), path, clock.now)
	require.NoError(t, err)
	db, err := s.db.DB()
	require.NoError(t, err)
	sub, err := fs.Sub(migrations, "migrations/sqlite3")
	require.NoError(t, err)
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, sub)
	require.NoError(t, err)
	_, err = provider.DownTo(t.Context(), 1)
	require.NoError(t, err)
	require.NoError(t, s.db.Exec("INSERT INTO mqtt_tokens (id, subject, camera, rpc, note, created_at, expires_at) VALUES ('old', 'tool-old', '+', TRUE, '', ?, ?)",
		clock.now(), clock.now().Add(time.Hour)).Error)
	require.NoError(t, s.Close())

	s = openAt(t, path, clock)
	require.NoError(t, s.RecordToken(t.Context(), MQTTToken{ID: "new", Subject: "tool-new", Camera: "+", Snapshot: true, ExpiresAt: clock.now()}))
	for id, want := range map[string]MQTTToken{"old": {RPC: true}, "new": {Snapshot: true}} {
		var got MQTTToken
		require.NoError(t, s.db.First(&got, "id = ?", id).Error)
		require.Equal(t, want.RPC, got.RPC, id)
		require.Equal(t, want.Snapshot, got.Snapshot, id)
	}
}
