package main

import (
	"encoding/json"
	"errors"
	"log/slog"
	"os"

	"seccam/camerad/statefile"
)

// settingsName is in the state folder.
const settingsName = "settings.json"

// settingsFile keeps what viewers set on the page: brightness, rotation and so on.
type settingsFile struct {
	path string
	log  *slog.Logger
}

// load returns the settings; none if there are none, or they cannot be read: they are soon set again.
func (f settingsFile) load() map[string]int {
	data, err := os.ReadFile(f.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	var settings map[string]int
	if err == nil {
		err = json.Unmarshal(data, &settings)
	}
	if err != nil {
		f.log.Warn("the camera's settings are lost; set them again on the page", "file", f.path, "error", err)
	}
	return settings
}

func (f settingsFile) save(settings map[string]int) {
	data, err := json.Marshal(settings)
	if err == nil {
		err = statefile.Replace(f.path, append(data, '\n'))
	}
	if err != nil {
		f.log.Error("the camera's settings will be lost when it restarts", "error", err)
	}
}
