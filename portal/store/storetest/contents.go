package storetest

import (
	"bytes"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Contents is all that a database keeps: every byte of SQLite's files, and every row of PostgreSQL's tables, with
// binary values so that texts in them can be read.
func Contents(t testing.TB, database string) []byte {
	t.Helper()
	if !strings.HasPrefix(database, "postgres:") {
		return files(t, database)
	}
	db, err := sql.Open("pgx", database+"&bytea_output=escape")
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	var all bytes.Buffer
	for _, table := range texts(t, db, "SELECT quote_ident(table_name) FROM information_schema.tables WHERE table_schema = 'public'") {
		for _, row := range texts(t, db, "SELECT r::text FROM "+table+" AS r") {
			all.WriteString(table + " " + row + "\n")
		}
	}
	require.NotZero(t, all.Len())
	return all.Bytes()
}

func files(t testing.TB, database string) (all []byte) {
	t.Helper()
	paths, err := filepath.Glob(database + "*")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		all = append(all, data...)
	}
	return all
}

func texts(t testing.TB, db *sql.DB, query string) (list []string) {
	t.Helper()
	rows, err := db.Query(query)
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var text string
		require.NoError(t, rows.Scan(&text))
		list = append(list, text)
	}
	require.NoError(t, rows.Err())
	return list
}
