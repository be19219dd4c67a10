package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"seccam/camerad/statefile"
)

// writeConfig puts what the enrolment brought into the configuration, and leaves every other line and comment as it is.
func (t enrollTarget) writeConfig(e enrolling) error {
	text, mode := "# The configuration of this camera. configs/camerad.yml documents every key.\n", os.FileMode(0o644) // no secret is in it
	if !t.made {
		data, err := os.ReadFile(t.file)
		if err != nil {
			return err
		}
		info, err := os.Stat(t.file)
		if err != nil {
			return err
		}
		text, mode = string(data), info.Mode().Perm()
	}
	text = setKey(setKey(text, "portal_url", e.Portal), "camera_id", e.Camera)
	if t.made {
		text = setKey(setKey(text, "device_key_file", relativeTo(t.file, t.DeviceKeyFile)), "state_dir", relativeTo(t.file, t.StateDir))
	}
	if err := statefile.Replace(t.file, []byte(text)); err != nil {
		return err
	}
	return os.Chmod(t.file, mode)
}

// relativeTo is a path as a configuration beside it names it.
func relativeTo(file, path string) string {
	if filepath.Dir(path) == filepath.Dir(file) {
		return filepath.Base(path)
	}
	return path
}

// setKey sets a key of the topmost level.
func setKey(text, key, value string) string {
	line := fmt.Sprintf("%s: %q", key, value)
	there := regexp.MustCompile(`(?m)^` + key + `:.*$`)
	if there.MatchString(text) {
		return there.ReplaceAllLiteralString(text, line)
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text + line + "\n"
}
