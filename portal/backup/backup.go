package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"seccam/portal/store"
)

// State is where a portal keeps what it knows.
type State struct {
	Database string // a file, or a postgres:// address
	Dir      string // of the keys
}

// Create writes a backup of a state that may be in use to a new file. release is the portal's.
func (s State) Create(ctx context.Context, path, release string) (m Manifest, err error) {
	if _, err := os.Lstat(path); err == nil {
		return m, fmt.Errorf("%s is there already; a backup replaces nothing", path)
	}
	folder, err := os.MkdirTemp(filepath.Dir(path), ".seccam-backup-")
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	m = Manifest{Format: format, Release: release, At: time.Now().UTC().Truncate(time.Second), Postgres: store.IsPostgres(s.Database)}
	if m.Schema, err = s.copyDatabase(ctx, filepath.Join(folder, databaseName)); err != nil {
		return m, err
	}
	names, err := s.copyKeys(folder)
	if err != nil {
		return m, err
	}
	for _, name := range append([]string{databaseName}, names...) {
		file, err := describe(name, filepath.Join(folder, name))
		if err != nil {
			return m, err
		}
		m.Files = append(m.Files, file)
	}
	if err := m.check(); err != nil {
		return m, fmt.Errorf("%w; is state_dir right, and has a portal run there?", err)
	}
	return m, pack(m, folder, path)
}

// copyDatabase returns the version of the schema.
func (s State) copyDatabase(ctx context.Context, to string) (int64, error) {
	if store.IsPostgres(s.Database) {
		version, err := store.Schema(ctx, s.Database)
		if err != nil {
			return 0, err
		}
		return version, dump(ctx, s.Database, to)
	}
	if _, err := os.Stat(s.Database); err != nil {
		return 0, fmt.Errorf("database: %w", err)
	}
	if err := store.Snapshot(ctx, s.Database, to); err != nil {
		return 0, err
	}
	return store.Check(ctx, to)
}

// copyKeys copies the secrets and returns their names.
func (s State) copyKeys(folder string) (names []string, err error) {
	paths, err := filepath.Glob(filepath.Join(s.Dir, "*.key"))
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		name := filepath.Base(path)
		if !keyName.MatchString(name) {
			continue
		}
		if err := copyFile(path, filepath.Join(folder, name)); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Sync(), target.Close())
}
