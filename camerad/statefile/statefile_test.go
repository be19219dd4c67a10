package statefile

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// holds checks a file's content and mode, and that nothing else is beside it.
func holds(t *testing.T, path, content string) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, content, string(data))
	info, err := os.Lstat(path)
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o600), info.Mode(), "a file that only its owner may read")
	files, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, files, 1)
}

func TestReplace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	for _, content := range []string{"first", "", "second, and longer", string(bytes.Repeat([]byte{0, 255}, 100_000)), "short"} {
		require.NoError(t, Replace(path, []byte(content)))
		holds(t, path, content)
	}
}

func TestReplaceMakesFolders(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "a", "b", "state")
	require.NoError(t, Replace(path, []byte("x")))
	holds(t, path, "x")
	for _, folder := range []string{"a", "a/b"} {
		info, err := os.Stat(filepath.Join(root, folder))
		require.NoError(t, err)
		assert.Equal(t, fs.FileMode(0o700), info.Mode().Perm())
	}
}

// TestReplaceMendsModes: what was there, and what a power cut left, may have been readable by others.
func TestReplaceMendsModes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o644))
	require.NoError(t, os.WriteFile(path+".new", []byte("half of somethi"), 0o644))
	require.NoError(t, Replace(path, []byte("new")))
	holds(t, path, "new")
}

// TestReplaceDoesNotWriteThroughALink: it takes the link's place.
func TestReplaceDoesNotWriteThroughALink(t *testing.T) {
	folder := t.TempDir()
	other := filepath.Join(t.TempDir(), "other")
	require.NoError(t, os.WriteFile(other, []byte("theirs"), 0o600))
	path := filepath.Join(folder, "state")
	require.NoError(t, os.Symlink(other, path))
	require.NoError(t, Replace(path, []byte("ours")))
	holds(t, path, "ours")
	holds(t, other, "theirs")
}

// TestReplaceKeepsTheOldContentIfItFails: root may write anywhere, so what is in the way is a folder.
func TestReplaceKeepsTheOldContentIfItFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	require.NoError(t, Replace(path, []byte("old")))
	require.NoError(t, os.MkdirAll(filepath.Join(path+".new", "full"), 0o700))
	err := Replace(path, []byte("new"))
	require.Error(t, err)
	assert.ErrorContains(t, err, path+".new")
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "old", string(data))
}

func TestReplaceWithoutAFolder(t *testing.T) {
	inTheWay := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(inTheWay, []byte("x"), 0o600))
	err := Replace(filepath.Join(inTheWay, "state"), []byte("y"))
	assert.ErrorContains(t, err, inTheWay)
	holds(t, inTheWay, "x")
}

func TestReplaceInAFolderThatMayNotBeWritten(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "state")
	require.NoError(t, Replace(path, []byte("old")))
	require.NoError(t, os.Chmod(folder, 0o500))
	t.Cleanup(func() { assert.NoError(t, os.Chmod(folder, 0o700)) })
	if os.WriteFile(filepath.Join(folder, "probe"), nil, 0o600) == nil {
		require.NoError(t, os.Remove(filepath.Join(folder, "probe")))
		t.Skip("this user may write everywhere")
	}
	assert.ErrorIs(t, Replace(path, []byte("new")), fs.ErrPermission)
	holds(t, path, "old")
}

// TestReplaceAFolder: nothing is left behind that could be mistaken for the state.
func TestReplaceAFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	require.NoError(t, os.MkdirAll(filepath.Join(path, "full"), 0o700))
	assert.Error(t, Replace(path, []byte("new")))
	info, err := os.Stat(filepath.Join(path, "full"))
	require.NoError(t, err)
	assert.True(t, info.IsDir(), "what was there is there")
}

// TestRootLeavesFilesToTheDaemon: what the command line writes as root, the daemon has to read.
func TestRootLeavesFilesToTheDaemon(t *testing.T) {
	const nobody = 65534
	folder := t.TempDir()
	path := filepath.Join(folder, "file")
	want := uint32(os.Getuid())
	if os.Getuid() == 0 {
		require.NoError(t, os.Chown(folder, nobody, nobody))
		want = nobody
	}
	require.NoError(t, Replace(path, []byte("x")))
	info, err := os.Stat(path)
	require.NoError(t, err)
	owner, ok := info.Sys().(*syscall.Stat_t)
	require.True(t, ok)
	assert.Equal(t, want, owner.Uid)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestLock(t *testing.T) {
	folder := t.TempDir()
	unlock, err := Lock(folder)
	require.NoError(t, err)
	_, err = Lock(folder)
	require.ErrorIs(t, err, ErrLocked)
	unlock()
	again, err := Lock(folder)
	require.NoError(t, err)
	again()
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Empty(t, left)
	_, err = Lock(filepath.Join(folder, "missing"))
	require.ErrorIs(t, err, os.ErrNotExist)
}
