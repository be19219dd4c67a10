package privacy

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"seccam/pkg/signaling"
)

// fileName is in the state folder.
const fileName = "privacy.json"

// saved is the file. Seq is the stamp of the request that set it, so that a replay is recognised after
// a restart, too.
type saved struct {
	V        int       `json:"v"`
	Seq      uint64    `json:"seq"`
	Settings *Settings `json:"settings"` // never nil in memory
}

// load reads the settings from folder. Without a file they were never set: privacy mode is off. An
// error means that they are not known.
func load(folder string) (saved, error) {
	data, err := os.ReadFile(filepath.Join(folder, fileName))
	if errors.Is(err, os.ErrNotExist) {
		return saved{V: signaling.Version, Settings: &Settings{}}, nil
	}
	if err != nil {
		return saved{}, fmt.Errorf("privacy settings: %w", err)
	}
	var s saved
	if err := json.Unmarshal(data, &s); err != nil {
		return saved{}, fmt.Errorf("privacy settings: %s is damaged: %w", fileName, err)
	}
	if s.V != signaling.Version || s.Settings == nil || len(s.Settings.Problems()) > 0 {
		return saved{}, fmt.Errorf("privacy settings: %s is of another version, or damaged", fileName)
	}
	return s, nil
}

// save replaces the file as a whole: whenever the power fails, the old or the new settings are there.
// Which of them is certain only after syncFolder.
func (s saved) save(folder string) error {
	data, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("privacy settings: %w", err)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("privacy settings: %w", err)
	}
	path := filepath.Join(folder, fileName)
	temporary := path + ".new"
	if err := write(temporary, append(data, '\n')); err != nil {
		return errors.Join(fmt.Errorf("privacy settings: %w", err), os.Remove(temporary))
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("privacy settings: %w", err)
	}
	return nil
}

// write makes a file of mode 0600 that is on the disk when it returns.
func write(path string, data []byte) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	return errors.Join(err, file.Chmod(0o600), file.Sync(), file.Close())
}

// syncFolder brings the new name to the disk.
func syncFolder(folder string) error {
	dir, err := os.Open(folder)
	if err != nil {
		return fmt.Errorf("privacy settings: %w", err)
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		return fmt.Errorf("privacy settings: %w", err)
	}
	return nil
}
