package backup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// lockName is a file that every portal which uses the state directory has locked, together with others.
const lockName = "portal.lock"

// Lock says that a portal uses the state, until it is closed. Several may.
func (s State) Lock() (*os.File, error) {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return nil, err
	}
	return s.lock(syscall.LOCK_SH, "a backup is being restored to %s; start again when that is done")
}

// own gives a file to whoever its folder belongs to: an administrator restores, and the portal, as a user of its own,
// has to read what was restored.
func own(path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	folder, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return err
	}
	if owner, ok := folder.Sys().(*syscall.Stat_t); ok {
		return os.Chown(path, int(owner.Uid), int(owner.Gid))
	}
	return nil
}

// lockAlone says that nobody else uses the state.
func (s State) lockAlone() (*os.File, error) {
	return s.lock(syscall.LOCK_EX, "a portal is running on %s; stop it first")
}

func (s State) lock(how int, taken string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(s.Dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := own(file.Name()); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if err := syscall.Flock(int(file.Fd()), how|syscall.LOCK_NB); err != nil {
		err = errors.Join(err, file.Close())
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = fmt.Errorf(taken, s.Dir)
		}
		return nil, err
	}
	return file, nil
}
