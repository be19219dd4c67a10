package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// IsPostgres reports whether a database's name is the address of a PostgreSQL.
func IsPostgres(database string) bool {
	return strings.HasPrefix(database, "postgres://") || strings.HasPrefix(database, "postgresql://")
}

// NewestSchema is the version of the schema to which [Open] brings a database.
func NewestSchema() (int64, error) {
	files, err := migrations.ReadDir("migrations/sqlite3")
	if err != nil || len(files) == 0 {
		return 0, errors.Join(err, errors.New("no migrations"))
	}
	var version int64
	_, err = fmt.Sscanf(files[len(files)-1].Name(), "%d_", &version)
	return version, err
}

// Schema returns the version of a database's schema, 0 of an empty one, and changes nothing.
func Schema(ctx context.Context, database string) (version int64, err error) {
	s, err := connect(database, time.Now)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.schema(ctx)
}

func (s *Store) schema(ctx context.Context) (version int64, err error) {
	db := s.db.WithContext(ctx)
	if !db.Migrator().HasTable("goose_db_version") {
		return 0, s.Ping(ctx)
	}
	err = db.Raw("SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(&version).Error
	return version, err
}

// Snapshot writes what a SQLite database holds at one moment to a new file, while others use it. Nothing that was
// acknowledged before is missing.
func Snapshot(ctx context.Context, database, to string) (err error) {
	s, err := connect(database, time.Now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.db.WithContext(ctx).Exec("VACUUM INTO ?", to).Error; err != nil {
		return fmt.Errorf("copy the database: %w", err)
	}
	return nil
}

// Check reads all of a SQLite file that nobody else uses, and returns the version of its schema.
func Check(ctx context.Context, file string) (version int64, err error) {
	s, err := connect(file, time.Now)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	var said string
	if err := s.db.WithContext(ctx).Raw("PRAGMA integrity_check(1)").Scan(&said).Error; err != nil {
		return 0, fmt.Errorf("check the database: %w", err)
	}
	if said != "ok" {
		return 0, fmt.Errorf("check the database: %s", said)
	}
	var strays int64
	if err := s.db.WithContext(ctx).Raw("SELECT COUNT(*) FROM pragma_foreign_key_check").Scan(&strays).Error; err != nil {
		return 0, fmt.Errorf("check the database: %w", err)
	}
	if strays > 0 {
		return 0, fmt.Errorf("check the database: %d rows refer to nothing", strays)
	}
	return s.schema(ctx)
}
