package update

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

// Next decides what the base of the given version starts, and counts a start of a release on trial. It returns
// nil for the base itself. A slot whose binary is not what was installed is not started: the disk is bad, or
// somebody else wrote there.
func (s *Store) Next(base string) (slot *Slot, trial bool, err error) {
	if _, err := os.Stat(s.folder); errors.Is(err, os.ErrNotExist) {
		return nil, false, nil
	}
	err = s.Change(func(state *State) error {
		state.start()
		slot = state.boot(base)
		if slot == nil {
			return nil
		}
		if err := s.verify(*slot); err != nil {
			if state.Trial == nil {
				state.Trial, state.Active = &Trial{Slot: *state.Active}, state.Former // it is left as one that failed
			}
			state.fail(err.Error())
			slot = nil
		}
		trial = state.Trial != nil
		return nil
	})
	return slot, trial, err
}

// verify reads a slot's binary.
func (s *Store) verify(slot Slot) error {
	file, err := os.Open(s.Path(slot))
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return err
	}
	if hex.EncodeToString(hash.Sum(nil)) != slot.SHA256 {
		return errors.New("its file is damaged")
	}
	return nil
}

// Confirm says that the release of this version works, if it is on trial.
func (s *Store) Confirm(version string) (confirmed bool, err error) {
	err = s.Change(func(state *State) error {
		confirmed = state.confirm(version)
		return nil
	})
	return confirmed, err
}

// RollBack goes back to the former release, or the base.
func (s *Store) RollBack() error { return s.Change((*State).rollBack) }

// Outcome returns what there is to tell about the last trial, once.
func (s *Store) Outcome() (text string) {
	if state, err := s.Load(); err != nil || state.Outcome == "" {
		return ""
	}
	err := s.Change(func(state *State) error {
		text, state.Outcome = state.Outcome, ""
		return nil
	})
	if err != nil {
		return ""
	}
	return text
}

// watchEvery is how often a trial is looked at.
const watchEvery = 100 * time.Millisecond

// killAfter is how long a release that has failed may take to end.
const killAfter = 5 * time.Second

// Watch has a release on trial, which is the process, ended if it is not confirmed in time. It runs beside
// it, in a process of the base's: a release that does nothing at all is found out, too.
func (s *Store) Watch(ctx context.Context, process *os.Process, limit time.Duration) error {
	look := time.NewTicker(watchEvery)
	defer look.Stop()
	late := time.NewTimer(limit)
	defer late.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
			state, err := s.Load()
			if err == nil && state.Trial == nil || !alive(process) {
				return nil // confirmed, failed, or it ended by itself, which the next start counts
			}
		case <-late.C:
			err := s.Change(func(state *State) error {
				state.fail(fmt.Sprintf("it was not connected with a picture within %v", limit))
				return nil
			})
			return errors.Join(err, end(process, look.C))
		}
	}
}

func alive(process *os.Process) bool { return process.Signal(syscall.Signal(0)) == nil }

// end ends a process, at last by force.
func end(process *os.Process, look <-chan time.Time) error {
	if err := process.Signal(syscall.SIGTERM); err != nil {
		return nil // it has ended
	}
	for deadline := time.Now().Add(killAfter); time.Now().Before(deadline); <-look {
		if !alive(process) {
			return nil
		}
	}
	return process.Kill()
}
