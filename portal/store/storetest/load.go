package storetest

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	_ "github.com/mattn/go-sqlite3" // as gorm's driver does
	"github.com/stretchr/testify/require"
)

// Load returns the address of a database that was made by one of two scripts, whichever is of the kind that the tests
// run on.
func Load(t testing.TB, sqlite, postgres string) string {
	t.Helper()
	database := Empty(t)
	driver, source, script := "sqlite3", "file:"+database, sqlite
	if OnPostgres() {
		driver, source, script = "pgx", database+"&default_query_exec_mode=simple_protocol", postgres
	} else {
		require.NoError(t, os.MkdirAll(filepath.Dir(database), 0o700))
	}
	text, err := os.ReadFile(script)
	require.NoError(t, err)
	db, err := sql.Open(driver, source)
	require.NoError(t, err)
	_, err = db.Exec(string(text))
	require.NoError(t, err, script)
	require.NoError(t, db.Close())
	return database
}
