package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations
var migrations embed.FS

// How often a portal asks whether another one has brought the schema up to date, in seconds, and how many times.
const (
	migrationPoll  = 1
	migrationPolls = 300
)

// migrate brings the schema up to date.
func (s *Store) migrate(ctx context.Context) error {
	provider, err := s.migrator()
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	// SQLite has no lock for all of it: of portals that start together one applies a version and the others fail at
	// that, without a trace. So whoever fails goes on while the schema does.
	for last := int64(-1); ; {
		_, err := provider.Up(ctx)
		if err == nil {
			return nil
		}
		version, versionErr := provider.GetDBVersion(ctx)
		if versionErr != nil || version == last {
			return fmt.Errorf("migrate database: %w", errors.Join(err, versionErr))
		}
		last = version
	}
}

// migrator knows every version of the schema. Of several portals that start together on one Postgres, one
// migrates and the others wait.
func (s *Store) migrator() (*goose.Provider, error) {
	dialect, options := goose.DialectSQLite3, []goose.ProviderOption{}
	if !s.sqlite() {
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(migrationPoll, migrationPolls))
		if err != nil {
			return nil, err
		}
		dialect, options = goose.DialectPostgres, append(options, goose.WithSessionLocker(locker))
	}
	sub, err := fs.Sub(migrations, "migrations/"+string(dialect))
	if err != nil {
		return nil, err
	}
	db, err := s.db.DB()
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(dialect, db, sub, options...)
}

func (s *Store) sqlite() bool { return s.db.Name() == "sqlite" }
