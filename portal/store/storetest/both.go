package storetest

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// server and template are of the second run: nil and "" mean SQLite.
var (
	server   *Postgres
	template string
)

// prepare is that of the package's [Both].
var prepare func(database string) error

// OnPostgres reports whether the tests run on PostgreSQL now.
func OnPostgres() bool { return server != nil }

// Both is a [testing.M] that runs every test twice, on SQLite and then on PostgreSQL. Prepare brings the schema
// of an empty database up to date; each test's own begins as a copy of that.
type Both struct {
	M       interface{ Run() int }
	Prepare func(database string) error
}

// Run returns the exit code.
func (b Both) Run() int {
	prepare = b.Prepare
	code := b.M.Run()
	if code != 0 || setting("test.list") != "" || setting("test.fuzz") != "" || setting("test.fuzzworker") == "true" {
		return code
	}
	fmt.Println("=== the same on PostgreSQL")
	again, err := b.again()
	switch {
	case errors.Is(err, ErrMissing):
		fmt.Fprintln(os.Stderr, "NOT TESTED on PostgreSQL:", err)
	case err != nil:
		fmt.Fprintln(os.Stderr, "FAIL on PostgreSQL:", err)
		return 1
	}
	return again
}

func (b Both) again() (code int, err error) {
	if server, err = StartPostgres(); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	if template, err = server.Create(""); err != nil {
		return 0, err
	}
	if err := b.Prepare(server.URL(template)); err != nil {
		return 0, fmt.Errorf("prepare: %w", err)
	}
	// A database of its own for each history takes a while: as many histories as on SQLite would take minutes.
	if flag.Lookup("rapid.checks") != nil {
		if err := flag.Set("rapid.checks", "10"); err != nil {
			return 0, err
		}
	}
	return b.M.Run(), nil
}

func setting(name string) string {
	if f := flag.Lookup(name); f != nil {
		return f.Value.String()
	}
	return ""
}

// Database returns the address of a database that nobody has used, for the run of a test. Its schema is up to date.
func Database(t testing.TB) string {
	t.Helper()
	if server == nil {
		return Prepared(t, prepare)
	}
	return database(t, template)
}

// Empty returns the address of a database without anything in it; on SQLite there is no file yet.
func Empty(t testing.TB) string {
	t.Helper()
	if server == nil {
		return filepath.Join(t.TempDir(), "data", "portal.db")
	}
	return database(t, "")
}

func database(t testing.TB, template string) string {
	t.Helper()
	name, err := server.Create(template)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Drop(name)) })
	return server.URL(name)
}
