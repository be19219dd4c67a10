package privacy

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"seccam/camerad/statefile"
	"seccam/pkg/signaling"
)

// FileName is the name of the settings in the state folder.
const FileName = "privacy.json"

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
	data, err := os.ReadFile(filepath.Join(folder, FileName))
	if errors.Is(err, os.ErrNotExist) {
		return saved{V: signaling.Version, Settings: &Settings{}}, nil
	}
	if err != nil {
		return saved{}, fmt.Errorf("privacy settings: %w", err)
	}
	var s saved
	if err := json.Unmarshal(data, &s); err != nil {
		return saved{}, fmt.Errorf("privacy settings: %s is damaged: %w", FileName, err)
	}
	if s.V != signaling.Version || s.Settings == nil || len(s.Settings.Problems()) > 0 {
		return saved{}, fmt.Errorf("privacy settings: %s is of another version, or damaged", FileName)
	}
	return s, nil
}

// save replaces the file; see [statefile.Replace] for its errors.
func (s saved) save(folder string) error {
	data, err := json.Marshal(s)
	if err == nil {
		err = statefile.Replace(filepath.Join(folder, FileName), append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("privacy settings: %w", err)
	}
	return nil
}
