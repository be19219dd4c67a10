package doctor

import "golang.org/x/sys/unix"

// StatFS asks the system what is free for who is not root.
func StatFS(folder string) (Space, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(folder, &stat); err != nil {
		return Space{}, err
	}
	return Space{Bytes: stat.Bavail * uint64(stat.Bsize), Files: stat.Ffree, NoFiles: stat.Files == 0}, nil
}
