package store

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMigrationsOnAFreshDatabaseAndAgain(t *testing.T) {
	path, clock := filepath.Join(t.TempDir(), "deep", "er", "portal.db"), newClock()
	s, err := Open(t.Context(), path, clock.now)
	require.NoError(t, err)
	user, l := member(t, s, clock, "Owner")
	require.NoError(t, s.Close())
	info, err := os.Stat(filepath.Dir(path))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm(), "others cannot read the database's folder")

	s = openAt(t, path, clock)
	require.NoError(t, s.Ping(t.Context()))
	again, err := s.UserByName(t.Context(), "owner")
	require.NoError(t, err)
	require.Equal(t, user.ID, again.ID)
	require.False(t, again.Pending())
	require.Equal(t, user.ID, *camera(t, s, l.id).OwnerID)
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte("this is no database, but long enough to be taken for one"), 0o600))
	for name, database := range map[string]string{
		"no database":   file,
		"folder a file": filepath.Join(file, "portal.db"),
		"no server":     "postgres://127.0.0.1:1/x?connect_timeout=1&sslmode=disable",
	} {
		_, err := Open(t.Context(), database, nil)
		require.Error(t, err, name)
	}
}

func TestClosedStoreReturnsErrors(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "portal.db"), nil)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.Error(t, s.Ping(t.Context()))
	_, err = s.UserByID(t.Context(), 1)
	require.Error(t, err)
	require.NotErrorIs(t, err, ErrNotFound, "a database that is down is not an absent user")
	_, _, err = s.Logins().FindCtx(t.Context(), "token")
	require.Error(t, err)
}

// Both dialects have the same tables, columns, constraints and indexes in the same order; only the
// words for types differ.
func TestDialectsHaveTheSameSchema(t *testing.T) {
	sqlite, err := migrations.ReadDir("migrations/sqlite3")
	require.NoError(t, err)
	postgres, err := migrations.ReadDir("migrations/postgres")
	require.NoError(t, err)
	require.Equal(t, len(sqlite), len(postgres))
	for i, file := range sqlite {
		require.Equal(t, file.Name(), postgres[i].Name())
		a, b := statements(t, "sqlite3/"+file.Name()), statements(t, "postgres/"+file.Name())
		require.NotEmpty(t, a)
		require.Equal(t, a, b)
	}
}

var (
	sqlComment = regexp.MustCompile(`(?m)^--.*$`)
	sqlSpace   = regexp.MustCompile(`\s+`)
	// sqlOwn are statements that each dialect writes in its own way: triggers. Tests run what they do.
	sqlOwn = regexp.MustCompile(`(?s)-- \+goose StatementBegin.*?-- \+goose StatementEnd`)
	// sqlWords turns SQLite's types into Postgres's.
	sqlWords = strings.NewReplacer(
		"INTEGER PRIMARY KEY AUTOINCREMENT", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
		"_id INTEGER", "_id BIGINT",
		"DATETIME", "TIMESTAMPTZ", "BLOB", "BYTEA",
	)
)

func statements(t *testing.T, file string) []string {
	t.Helper()
	data, err := migrations.ReadFile("migrations/" + file)
	require.NoError(t, err)
	require.Contains(t, string(data), "-- +goose Up")
	require.Contains(t, string(data), "-- +goose Down")
	var list []string
	for _, text := range strings.Split(sqlComment.ReplaceAllString(sqlOwn.ReplaceAllString(string(data), ""), ""), ";") {
		if text = strings.TrimSpace(sqlSpace.ReplaceAllString(text, " ")); text != "" {
			list = append(list, sqlWords.Replace(text))
		}
	}
	return list
}
