package fleet

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// writeFile writes a file of mode 0600, complete or not at all.
func writeFile(path string, write func(*os.File) error) error {
	file, err := os.CreateTemp(filepath.Dir(path), unfinished+"*") // mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() { _ = os.Remove(file.Name()) }()
	err = write(file)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Rename(file.Name(), path)
}

func replaceFile(path string, data []byte) error {
	return writeFile(path, func(f *os.File) error {
		_, err := f.Write(data)
		return err
	})
}

// syncFolder waits until everything below a folder is on the disk. One call for all is much faster than one for each
// file.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(unix.Syncfs(int(folder.Fd())), folder.Close())
}
