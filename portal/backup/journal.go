package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

const (
	// journalName is the file that says that a checked backup lies ready and is to be put in place.
	journalName = "restore.journal"
	// restored is the suffix of a SQLite database that lies ready.
	restored = ".restored"
)

// journal is what is left to do. All of it can be done again.
type journal struct {
	Postgres bool     `json:"postgres"`
	Keys     []string `json:"keys"`
}

func newJournal(m Manifest) journal {
	j := journal{Postgres: m.Postgres}
	for _, f := range m.Files {
		if f.Name != databaseName {
			j.Keys = append(j.Keys, f.Name)
		}
	}
	return j
}

// begin writes the journal: from here on there is no way back.
func (s State) begin(j journal) error {
	text, err := json.Marshal(j)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(s.Dir, ".journal-")
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return errors.Join(os.Rename(file.Name(), filepath.Join(s.Dir, journalName)), syncFolder(s.Dir))
}

// Finish does what an interrupted [State.Restore] has left to do, if there was one. It comes before everything that
// opens the state.
func (s State) Finish(ctx context.Context) error {
	if _, err := os.Lstat(filepath.Join(s.Dir, journalName)); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	lock, err := s.lockAlone()
	if err != nil {
		return err
	}
	return errors.Join(s.finish(ctx), lock.Close())
}

func (s State) finish(ctx context.Context) error {
	path := filepath.Join(s.Dir, journalName)
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var j journal
	if err := json.Unmarshal(text, &j); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := s.replaceDatabase(ctx, j); err != nil {
		return fmt.Errorf("put the restored database in place: %w; the restore goes on at the next start", err)
	}
	if err := s.replaceKeys(j); err != nil {
		return fmt.Errorf("put the restored keys in place: %w; the restore goes on at the next start", err)
	}
	if err := errors.Join(os.Remove(path), syncFolder(s.Dir)); err != nil {
		return err
	}
	return os.RemoveAll(filepath.Join(s.Dir, staging))
}

func (s State) replaceDatabase(ctx context.Context, j journal) error {
	if j.Postgres {
		return load(ctx, s.Database, filepath.Join(s.Dir, staging, databaseName))
	}
	// The log of the database before would be applied to this one.
	if _, err := os.Lstat(s.Database + restored); errors.Is(err, os.ErrNotExist) {
		return nil // it is in place
	}
	for _, of := range []string{"-wal", "-shm", "-journal"} {
		if err := os.Remove(s.Database + of); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return errors.Join(os.Rename(s.Database+restored, s.Database), syncFolder(filepath.Dir(s.Database)))
}

// replaceKeys leaves no key that is not the backup's.
func (s State) replaceKeys(j journal) error {
	kept := map[string]bool{}
	for _, name := range j.Keys {
		kept[name] = true
		to := filepath.Join(s.Dir, name)
		err := os.Rename(filepath.Join(s.Dir, staging, name), to)
		if err != nil && !errors.Is(err, os.ErrNotExist) { // it is in place
			return err
		}
		if err := own(to); err != nil {
			return err
		}
	}
	there, err := filepath.Glob(filepath.Join(s.Dir, "*.key"))
	if err != nil {
		return err
	}
	for _, path := range there {
		if name := filepath.Base(path); keyName.MatchString(name) && !kept[name] {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	return syncFolder(s.Dir)
}
