package pairing

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"seccam/camerad/statefile"
	"seccam/pkg/credential"
)

// Files in the state folder.
const (
	bookFile = "pairing.json"
	lockFile = "pairing.lock"
	codeFile = credential.PairingCodeFile
)

const version = 1

// Limits of the book.
const (
	MaxDevices = 64
	MaxName    = 60 // characters
)

// Device is one that is paired.
type Device struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Fingerprint string `json:"fingerprint"`
	// Other is the certificate that the device has announced; when it is first used the two change places. The
	// one before stays good until the next is announced: another tab may still use it.
	Other string    `json:"other,omitempty"`
	Added time.Time `json:"added"`
	Used  time.Time `json:"used"`
}

// has reports whether the device has shown this certificate.
func (d *Device) has(fingerprint string) bool {
	return fingerprint != "" && (d.Fingerprint == fingerprint || d.Other == fingerprint)
}

// content is the file.
type content struct {
	V       int      `json:"v"`
	Only    *bool    `json:"only"`
	Devices []Device `json:"devices"`
}

func (c *content) only() bool { return *c.Only }

// shut is what holds while the file cannot be read.
func shut() content {
	only := true
	return content{V: version, Only: &only}
}

// read returns the file's content; without one nothing was ever paired.
func read(folder string) (content, error) {
	data, err := os.ReadFile(filepath.Join(folder, bookFile))
	if errors.Is(err, os.ErrNotExist) {
		return content{V: version, Only: new(bool)}, nil
	}
	if err != nil {
		return shut(), fmt.Errorf("paired devices: %w", err)
	}
	var c content
	if err := json.Unmarshal(data, &c); err != nil || c.V != version || c.Only == nil {
		return shut(), fmt.Errorf("paired devices: %s is damaged, or of another version", bookFile)
	}
	return c, nil
}

func (c content) write(folder string) error {
	data, err := json.Marshal(c)
	if err == nil {
		err = statefile.Replace(filepath.Join(folder, bookFile), append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("paired devices: %w", err)
	}
	return nil
}

// locked runs change while no other process changes the file: camerad and its command line.
func locked(folder string, change func() error) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("paired devices: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(folder, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("paired devices: %w", err)
	}
	defer func() { _ = lock.Close() }() // which unlocks it
	if err := statefile.Inherit(lock.Name()); err != nil {
		return fmt.Errorf("paired devices: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("paired devices: %w", err)
	}
	return change()
}

// LoadCode returns the camera's pairing code, making one if there is none.
func LoadCode(folder string) (string, error) {
	path := filepath.Join(folder, codeFile)
	text, err := credential.ReadPrivateFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return NewCode(folder)
	}
	if err != nil {
		return "", fmt.Errorf("pairing code: %w", err)
	}
	code, err := credential.ParseCode(strings.TrimSpace(text))
	if err != nil {
		return "", fmt.Errorf("pairing code: %s is damaged; make another one with: camerad pairing new-code", path)
	}
	return code, nil
}

// NewCode makes another pairing code; the one before is worth nothing any more. Devices stay paired.
func NewCode(folder string) (string, error) {
	code := credential.NewCode()
	if err := statefile.Replace(filepath.Join(folder, codeFile), []byte(credential.FormatCode(code)+"\n")); err != nil && !errors.Is(err, statefile.ErrUnsynced) {
		return "", fmt.Errorf("pairing code: %w", err)
	}
	return code, nil
}

// Files are the names of everything that is kept here, for whoever resets the camera.
func Files() []string { return []string{bookFile, codeFile, lockFile} }
