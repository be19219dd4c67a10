package backup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"seccam/portal/store"
)

// ErrNotEmpty means that there is a state already.
var ErrNotEmpty = errors.New("there is a portal's state already: restoring replaces it; say --force if you mean that")

// staging is where a backup is unpacked, within the state directory.
const staging = "restore"

// Restore puts a backup in the state's place. An existing state is replaced only if force is set, and not while a
// portal uses it.
func (s State) Restore(ctx context.Context, path string, force bool) (m Manifest, err error) {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return m, err
	}
	lock, err := s.lockAlone()
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := s.finish(ctx); err != nil { // one that was interrupted
		return m, err
	}
	full, err := s.full(ctx)
	if err != nil {
		return m, err
	}
	if full && !force {
		return m, ErrNotEmpty
	}
	folder := filepath.Join(s.Dir, staging)
	if err := os.RemoveAll(folder); err != nil { // of one that ended before its journal
		return m, err
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		return m, err
	}
	if m, err = s.stage(ctx, path, folder); err != nil {
		return m, errors.Join(err, os.RemoveAll(folder))
	}
	if err := s.begin(newJournal(m)); err != nil {
		return m, err
	}
	return m, s.finish(ctx)
}

// full reports whether there is anything that restoring would replace.
func (s State) full(ctx context.Context) (bool, error) {
	keys, err := filepath.Glob(filepath.Join(s.Dir, "*.key"))
	if err != nil || len(keys) > 0 {
		return true, err
	}
	if !store.IsPostgres(s.Database) {
		_, err := os.Lstat(s.Database)
		return err == nil, nil
	}
	version, err := store.Schema(ctx, s.Database)
	return version > 0, err
}

// stage unpacks a backup and checks that it can be put in place.
func (s State) stage(ctx context.Context, path, folder string) (m Manifest, err error) {
	if m, err = unpack(path, folder); err != nil {
		return m, err
	}
	if m.Postgres != store.IsPostgres(s.Database) {
		return m, errors.New("the backup is of another kind of database (SQLite or Postgres) than this portal's")
	}
	newest, err := store.NewestSchema()
	if err != nil {
		return m, err
	}
	if m.Schema > newest {
		return m, fmt.Errorf("the backup is of a newer release (%s); restore it with that one", m.Release)
	}
	if m.Postgres {
		return m, checkDump(ctx, filepath.Join(folder, databaseName))
	}
	version, err := store.Check(ctx, filepath.Join(folder, databaseName))
	if err == nil && version != m.Schema {
		err = fmt.Errorf("the backup is damaged: its database has version %d of the schema, not %d", version, m.Schema)
	}
	if err == nil {
		err = s.across(filepath.Join(folder, databaseName))
	}
	return m, err
}

// across copies the database to the folder in which it will be, which may be on another disk: from there it is moved
// in one step.
func (s State) across(from string) error {
	to := s.Database + restored
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	if err := os.Remove(to); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := copyFile(from, to); err != nil {
		return err
	}
	return errors.Join(own(to), syncFolder(filepath.Dir(to)))
}
