package statefile

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// ErrLocked means that a running camerad has the state folder.
var ErrLocked = errors.New("another camerad is running with this state folder")

// Lock takes a state folder for one process, until unlock is called or the process ends. The lock is on the
// folder itself, so that there is no file to be left behind.
func Lock(folder string) (unlock func(), err error) {
	dir, err := os.Open(folder)
	if err != nil {
		return nil, fmt.Errorf("state folder: %w", err)
	}
	err = syscall.Flock(int(dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = ErrLocked
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", folder, err), dir.Close())
	}
	return func() { _ = dir.Close() }, nil
}
