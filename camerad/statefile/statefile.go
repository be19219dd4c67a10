// Package statefile keeps small files that must survive a power cut.
package statefile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// ErrUnsynced means that the new content is there, but that a power cut now may bring the old one back.
var ErrUnsynced = errors.New("the folder could not be written to the disk")

// Replace makes path a file of mode 0600 with data, and its folder if there is none. Whenever the power
// fails, the old or the new content is there as a whole; after Replace it is the new one, unless it
// returns an error. [ErrUnsynced] is the only one after which the content is the new one.
func Replace(path string, data []byte) error {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	temporary := path + ".new"
	if err := errors.Join(write(temporary, data), Inherit(temporary)); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	if err := os.Rename(temporary, path); err != nil {
		return err
	}
	if err := sync(folder); err != nil {
		return fmt.Errorf("%w: %w", ErrUnsynced, err)
	}
	return nil
}

// Inherit gives a file that root has made to whom its folder belongs: the command line is used by root, and
// the daemon, which is not root, has to read what it writes.
func Inherit(path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	folder, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return err
	}
	owner, known := folder.Sys().(*syscall.Stat_t)
	if !known {
		return nil
	}
	return os.Chown(path, int(owner.Uid), int(owner.Gid))
}

// write makes a file that is on the disk when it returns.
func write(path string, data []byte) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	return errors.Join(err, file.Chmod(0o600), file.Sync(), file.Close())
}

// sync brings a folder's names to the disk.
func sync(folder string) error {
	dir, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
