package desired

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"seccam/camerad/statefile"
	"seccam/pkg/signaling"
)

// FileName is the file in the state folder.
const FileName = "config.json"

// saved is what is kept in the state folder.
type saved struct {
	V        int                      `json:"v"`
	Revision uint64                   `json:"revision"`
	Set      map[string]any           `json:"set,omitempty"`
	Refused  *signaling.ConfigRefusal `json:"refused,omitempty"`
	Trying   uint64                   `json:"trying,omitempty"`
}

func load(folder string) (saved, error) {
	s := saved{V: signaling.Version}
	data, err := os.ReadFile(filepath.Join(folder, FileName))
	if errors.Is(err, os.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("%s: %w", FileName, err)
	}
	if s.V != signaling.Version {
		return s, fmt.Errorf("%s: version %d", FileName, s.V)
	}
	if problems := signaling.CheckConfig(s.Set); len(problems) > 0 {
		return s, fmt.Errorf("%s: %w", FileName, Reasons(problems))
	}
	return s, nil
}

// save keeps it. What is not known to survive a power cut counts as kept: it holds now.
func (s saved) save(folder string) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	err = statefile.Replace(filepath.Join(folder, FileName), append(data, '\n'))
	if errors.Is(err, statefile.ErrUnsynced) {
		return nil
	}
	return err
}
