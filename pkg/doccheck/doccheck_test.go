package doccheck

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const old = "a\n<!-- begin x -->\nold\n<!-- end x -->\nb\n"

// recorder is a test that may fail.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Helper()               {}
func (r *recorder) Errorf(string, ...any) { r.failed = true }
func (r *recorder) FailNow()              { r.failed = true }

func TestSection(t *testing.T) {
	file := filepath.Join(t.TempDir(), "doc.md")
	require.NoError(t, os.WriteFile(file, []byte(old), 0o600))
	Section(t, file, "x", "old\n")
	File(t, file, old)
	stale := &recorder{TB: t}
	Section(stale, file, "x", "new\n")
	require.True(t, stale.failed)

	*update = true
	defer func() { *update = false }()
	Section(t, file, "x", "new\n")
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "a\n<!-- begin x -->\nnew\n<!-- end x -->\nb\n", string(data))
}
