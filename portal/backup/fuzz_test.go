package backup

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever is taken for a backup: what is unpacked is what its manifest names, and nothing is written elsewhere.
func FuzzUnpack(f *testing.F) {
	folder := f.TempDir()
	m := Manifest{Format: format}
	for _, name := range []string{databaseName, "master.key", "mqtt.key"} {
		require.NoError(f, os.WriteFile(filepath.Join(folder, name), []byte(name), 0o600))
		file, err := describe(name, filepath.Join(folder, name))
		require.NoError(f, err)
		m.Files = append(m.Files, file)
	}
	path := filepath.Join(f.TempDir(), "backup")
	require.NoError(f, pack(m, folder, path))
	good, err := os.ReadFile(path)
	require.NoError(f, err)
	f.Add(good)
	f.Add(good[:len(good)-9])
	f.Add([]byte("\x1f\x8b\x08"))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		to := filepath.Join(dir, "to")
		require.NoError(t, os.Mkdir(to, 0o700))
		from := filepath.Join(dir, "from")
		require.NoError(t, os.WriteFile(from, data, 0o600))
		m, err := unpack(from, to)
		around, readErr := os.ReadDir(dir)
		require.NoError(t, readErr)
		require.Len(t, around, 2)
		if err != nil {
			return
		}
		inside, readErr := os.ReadDir(to)
		require.NoError(t, readErr)
		require.Len(t, inside, len(m.Files))
		for _, file := range m.Files {
			got, err := describe(file.Name, filepath.Join(to, file.Name))
			require.NoError(t, err)
			require.Equal(t, file, got)
		}
	})
}
