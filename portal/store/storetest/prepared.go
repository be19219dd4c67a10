package storetest

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// prepared is an SQLite database with the schema and nothing else, once a test needed one.
var prepared struct {
	once sync.Once
	file []byte
	err  error
}

// Prepared returns the path of an SQLite database that nobody has used. Its schema is up to date: prepare brings it
// there once for all tests of a package, since with the race detector that takes longer than most of them.
func Prepared(t testing.TB, prepare func(database string) error) string {
	t.Helper()
	prepared.once.Do(func() { prepared.file, prepared.err = schema(t.TempDir(), prepare) })
	require.NoError(t, prepared.err)
	folder := filepath.Join(t.TempDir(), "data")
	require.NoError(t, os.Mkdir(folder, 0o700))
	path := filepath.Join(folder, "portal.db")
	require.NoError(t, os.WriteFile(path, prepared.file, 0o600))
	return path
}

// By makes of store.Open, which the tests of its package cannot import, what brings a database's schema up to date.
func By[S io.Closer](open func(ctx context.Context, database string, now func() time.Time) (S, error)) func(database string) error {
	return func(database string) error {
		s, err := open(context.Background(), database, nil)
		if err != nil {
			return err
		}
		return s.Close()
	}
}

func schema(dir string, prepare func(database string) error) ([]byte, error) {
	path := filepath.Join(dir, "portal.db")
	if err := prepare(path); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}
