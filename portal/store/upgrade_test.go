package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/portal/store/storetest"
)

// The database of a release from before, as sqlite3 and pg_dump have written it, is opened by this one with all that
// is in it, and what is new works.
func TestUpgradeKeepsEverything(t *testing.T) {
	clock := newClock()
	clock.advance(2 * 365 * 24 * time.Hour) // after the release
	s := openAt(t, storetest.Load(t, "testdata/release12-sqlite3.sql", "testdata/release12-postgres.sql"), clock)
	ctx := t.Context()
	newest, err := NewestSchema()
	require.NoError(t, err)
	version, err := s.schema(ctx)
	require.NoError(t, err)
	require.Equal(t, newest, version)

	olga, err := s.UserByName(ctx, "OLGA")
	require.NoError(t, err)
	require.Contains(t, olga.PasswordHash, "$argon2id$")
	c, err := s.CameraOf(ctx, olga.ID, "camera1")
	require.NoError(t, err)
	require.Equal(t, "Front door", c.Name)
	require.Equal(t, 3, c.KeyVersion)
	require.Equal(t, "AA", c.PinnedFingerprint)
	require.True(t, c.ClaimedAt.Equal(time.Date(2025, 6, 1, 12, 0, 0, 500_000_000, time.UTC)))
	all, err := s.Export(ctx, olga.ID)
	require.NoError(t, err)
	for _, kept := range []string{
		"logins", "email", "authenticator_app", "passkeys", "cameras", "notices", "view_tokens", "shares_given", "guest_links", "api_tokens", "log",
	} {
		require.Len(t, all[kept], 1, kept)
	}
	data, found, err := s.Logins().FindCtx(ctx, "session")
	require.NoError(t, err)
	require.True(t, found, "nobody has to log in again")
	require.Equal(t, "data", string(data))
	revoked, err := s.TokenRevoked(ctx, "token1")
	require.NoError(t, err)
	require.False(t, revoked)

	nick, err := s.UserByName(ctx, "nick")
	require.NoError(t, err)
	reach, err := s.SharedWith(ctx, nick.ID, "camera1")
	require.NoError(t, err)
	require.Len(t, reach, 1)
	require.NoError(t, s.Claim(ctx, nick.ID, "camera2", []byte("claim"), "Mine"))
	require.Zero(t, spend(t, s, "x"))
	require.ErrorContains(t, s.db.Exec("DELETE FROM audit_log").Error, "append-only")
}
