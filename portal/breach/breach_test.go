package breach

import (
	"crypto/sha1" //nolint:gosec // the file's format
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestCommonest(t *testing.T) {
	for _, password := range []string{
		"Password123!", "passw0rd2024", "P@ssw0rd!!", "QWERTYUIOP", "1234567890", "0123456789", "aaaaaaaaaaaa", "ababababab", "iloveyou2020",
		"Welcome2026!", "1q2w3e4r5t", "CorrectHorseBatteryStaple", "summer2026!!", "admin12345", "asdfghjklzxc", "9876543210",
	} {
		found, err := (*List)(nil).Has(password)
		require.NoError(t, err)
		assert.True(t, found, password)
	}
	for _, password := range []string{
		"correct horse 1", "battery staple 2", "my password is long", "welcome to my garden", "tree lamp 7 river", "Tr0ub4dor&3xyz", "x7Kq-93fz-LLop",
	} {
		found, err := (&List{}).Has(password)
		require.NoError(t, err)
		assert.False(t, found, password)
	}
}

// write makes a file of the passwords' hashes as the downloader does.
func write(t interface{ TempDir() string }, end string, passwords ...string) (string, error) {
	lines := make([]string, len(passwords))
	for i, password := range passwords {
		lines[i] = fmt.Sprintf("%X:%d", sha1.Sum([]byte(password)), len(password)*len(password)*977) //nolint:gosec // the format
	}
	slices.Sort(lines)
	path := filepath.Join(t.TempDir(), "pwned.txt")
	return path, os.WriteFile(path, []byte(strings.Join(lines, end)+end), 0o600)
}

func TestEveryLineOfAFileIsFound(t *testing.T) {
	for _, end := range []string{"\n", "\r\n"} {
		var passwords []string
		for i := range 500 {
			passwords = append(passwords, fmt.Sprintf("breached %d of many", i))
		}
		path, err := write(t, end, passwords...)
		require.NoError(t, err)
		list, err := Open(path)
		require.NoError(t, err)
		for i, password := range passwords {
			found, err := list.Has(password)
			require.NoError(t, err)
			require.True(t, found, password)
			found, err = list.Has(fmt.Sprintf("fresh %d of many", i))
			require.NoError(t, err)
			require.False(t, found)
		}
		require.NoError(t, list.Close())
	}
}

func TestSearchOfAnyFile(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		passwords := rapid.SliceOfNDistinct(rapid.StringN(1, 12, -1), 1, 20, rapid.ID).Draw(t, "passwords")
		other := rapid.StringN(13, 20, -1).Draw(t, "other")
		path, err := write(folder(dir), "\n", passwords...)
		require.NoError(t, err)
		list, err := Open(path)
		require.NoError(t, err)
		defer func() { require.NoError(t, list.Close()) }()
		for _, password := range passwords {
			found, err := list.Has(password)
			require.NoError(t, err)
			require.True(t, found, password)
		}
		found, err := list.search(fmt.Appendf(nil, "%X", sha1.Sum([]byte(other)))) //nolint:gosec // the format
		require.NoError(t, err)
		require.False(t, found)
	})
}

type folder string

func (f folder) TempDir() string { return string(f) }

func TestOpenSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"empty": "", "words": "password\nletmein\n", "short": "ABCDEF:1\n", "binary": strings.Repeat("\x00", 500),
		"unsorted": strings.Repeat("F", 40) + ":1\n" + strings.Repeat("A", 40) + ":1\n",
		"cut off":  strings.Repeat("A", 40) + ":1\n" + strings.Repeat("B", 20),
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := Open(path)
		assert.ErrorContains(t, err, "breached_passwords_file", name)
	}
	_, err := Open(filepath.Join(dir, "absent"))
	assert.ErrorContains(t, err, "breached_passwords_file")
	list, err := Open("")
	require.NoError(t, err)
	assert.NoError(t, list.Close())
	assert.NoError(t, (*List)(nil).Close())
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte(strings.Repeat("A", 40) + ":1\n"))
	f.Add([]byte(strings.Repeat("A", 40) + ":1\r\n" + strings.Repeat("B", 40) + ":22\r\n"))
	f.Add([]byte("\n\n\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "pwned.txt")
		require.NoError(t, os.WriteFile(path, data, 0o600))
		list, err := Open(path)
		if err != nil {
			return
		}
		_, _ = list.Has("a password of no list") // whatever it says, it ends
		require.NoError(t, list.Close())
	})
}
