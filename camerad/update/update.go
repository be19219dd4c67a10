// Package update brings new releases of camerad to a camera: signed, staged, tried, and taken back by itself
// if they do not work.
//
//	manifest + signature ─▶ newer? ours? our stage? ─▶ binary, its size and hash ─▶ the other slot ─▶ restart
//	                                                                                                    │
//	/usr/bin/camerad (the base) starts the slot, and a watcher beside it ◀──────────────────────────────┘
//	    connected, and a frame came ─▶ confirmed: it is started from now on
//	    it crashed three times, or was not well in time ─▶ failed: the former is started, and this one never again
//
// There are two slots, so that a download never touches what runs; the base, which the package installs, is
// what everything falls back to. Who judges a new release is the old one, from outside.
package update

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/semver"

	"seccam/camerad/statefile"
)

// Limits of a trial.
const (
	maxStarts = 3 // of a release on trial: a crash or a power cut each
	maxFailed = 32
)

// FolderName is in the state folder.
const FolderName = "update"

// stateName is in the update folder.
const stateName = "update.json"

// Errors that say what to do.
var (
	ErrNoRelease = errors.New("this camerad was built without a release version, so that nothing is newer; install a released package first")
	ErrCurrent   = errors.New("there is nothing newer")
	ErrStage     = errors.New("this release is not for this camera yet: it is given out in stages")
	ErrFailed    = errors.New("this release has failed on this camera before")
	ErrBusy      = errors.New("another release is on trial; wait until it is confirmed or has failed")
	ErrNoFormer  = errors.New("there is no former release to go back to")
)

// Slot is an installed release.
type Slot struct {
	Name    string `json:"name"` // a or b
	Version string `json:"version"`
	SHA256  string `json:"sha256"`
}

// State is what is installed, and how far that has come.
type State struct {
	Active  *Slot             `json:"active,omitempty"` // nil is the base
	Former  *Slot             `json:"former,omitempty"` // before Active; nil is the base
	Trial   *Trial            `json:"trial,omitempty"`
	Failed  map[string]string `json:"failed,omitempty"`  // why, by version
	Outcome string            `json:"outcome,omitempty"` // of the last trial, until it is told
}

// Trial is a release that is being tried.
type Trial struct {
	Slot
	Starts int `json:"starts"`
}

// newer reports whether version a is newer than b. What is no version is older than any.
func newer(a, b string) bool { return semver.Compare(canonical(a), canonical(b)) > 0 }

// canonical is a version as package semver wants it.
func canonical(version string) string { return "v" + strings.TrimPrefix(version, "v") }

func valid(version string) bool { return semver.IsValid(canonical(version)) }

// Newer reports whether the active release is newer than a base.
func (s *State) Newer(base string) bool { return s.Active != nil && newer(s.Active.Version, base) }

// free is the slot that a new release may be written to.
func (s *State) free() string {
	if s.Active != nil && s.Active.Name == "a" {
		return "b"
	}
	return "a"
}

// stage puts a release on trial, in the free slot.
func (s *State) stage(version, sha string) error {
	if s.Trial != nil {
		return ErrBusy
	}
	if s.Former != nil && s.Former.Name == s.free() {
		s.Former = nil // it is overwritten
	}
	s.Trial = &Trial{Slot: Slot{Name: s.free(), Version: version, SHA256: sha}}
	return nil
}

// start counts a start of the release on trial. If there were too many, it has failed.
func (s *State) start() {
	if s.Trial == nil {
		return
	}
	if s.Trial.Starts >= maxStarts {
		s.fail(fmt.Sprintf("it ended by itself %d times", maxStarts))
		return
	}
	s.Trial.Starts++
}

// confirm makes the release on trial the one that is started.
func (s *State) confirm(version string) bool {
	if s.Trial == nil || s.Trial.Version != version {
		return false
	}
	s.Active, s.Former, s.Trial = &s.Trial.Slot, s.Active, nil
	s.Outcome = "camerad " + version + " works, and is used from now on"
	return true
}

// fail ends the trial: what ran before is started again.
func (s *State) fail(why string) {
	if s.Trial == nil {
		return
	}
	s.remember(s.Trial.Version, why)
	s.Outcome = "camerad " + s.Trial.Version + " was taken back: " + why
	s.Trial = nil
}

// rollBack leaves the active release, or the one on trial.
func (s *State) rollBack() error {
	const why = "it was rolled back by hand"
	switch {
	case s.Trial != nil:
		s.fail(why)
	case s.Active != nil:
		s.remember(s.Active.Version, why)
		s.Outcome = "camerad " + s.Active.Version + " was taken back: " + why
		s.Active, s.Former = s.Former, nil
	default:
		return ErrNoFormer
	}
	return nil
}

func (s *State) remember(version, why string) {
	if s.Failed == nil || len(s.Failed) >= maxFailed {
		s.Failed = map[string]string{}
	}
	s.Failed[version] = why
}

// boot is what the base, of the given version, starts: a slot, or itself (nil). Of a package that was
// upgraded meanwhile the base is newer than the slot.
func (s *State) boot(base string) *Slot {
	switch {
	case s.Trial != nil:
		return &s.Trial.Slot
	case s.Newer(base):
		return s.Active
	}
	return nil
}

// Store keeps the state of a camera's updates in its state folder. Several processes may use it.
type Store struct{ folder string }

// Open returns the store of a state folder. Nothing is made until a release is installed.
func Open(stateDir string) *Store { return &Store{filepath.Join(stateDir, FolderName)} }

// Path is the binary of a slot.
func (s *Store) Path(slot Slot) string { return filepath.Join(s.folder, "camerad-"+slot.Name) }

// Load returns the state. A file that cannot be read means the base: it is what always works.
func (s *Store) Load() (State, error) {
	var state State
	data, err := os.ReadFile(filepath.Join(s.folder, stateName))
	if errors.Is(err, os.ErrNotExist) {
		return state, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &state)
	}
	if err != nil {
		return State{}, fmt.Errorf("state of updates: %w", err)
	}
	return state, nil
}

// lockPatience is how long a process waits for another that changes the state, which takes milliseconds.
const lockPatience = 5 * time.Second

// Change changes the state, unless change returns an error.
func (s *Store) Change(change func(*State) error) error {
	if err := s.make(); err != nil {
		return err
	}
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	state, err := s.Load()
	if err != nil {
		state = State{} // damaged: begin anew, with the base
	}
	if err := change(&state); err != nil {
		return err
	}
	data, err := json.MarshalIndent(state, "", " ")
	if err != nil {
		return err
	}
	return statefile.Replace(filepath.Join(s.folder, stateName), append(data, '\n'))
}

// make has the folder belong to the daemon, also if root makes it.
func (s *Store) make() error {
	if err := os.MkdirAll(s.folder, 0o700); err != nil {
		return err
	}
	return statefile.Inherit(s.folder)
}

func (s *Store) lock() (unlock func(), err error) {
	for end := time.Now().Add(lockPatience); ; time.Sleep(10 * time.Millisecond) {
		unlock, err = statefile.Lock(s.folder)
		if err == nil || !errors.Is(err, statefile.ErrLocked) || time.Now().After(end) {
			return unlock, err
		}
	}
}
