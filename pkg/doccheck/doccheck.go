// Package doccheck keeps documents that are made from tests current. Only tests import it.
package doccheck

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the documents that are made from tests, in place of comparing them")

// File compares a whole document with what it should be.
func File(t testing.TB, file, want string) {
	t.Helper()
	compare(t, file, "", want, "")
}

// Section compares a part of a document, between the comments "begin name" and "end name", with what it
// should be.
func Section(t testing.TB, file, name, want string) {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	begin, end := "<!-- begin "+name+" -->\n", "<!-- end "+name+" -->"
	before, rest, found := strings.Cut(string(data), begin)
	require.True(t, found, "%s has no %q", file, begin)
	_, after, found := strings.Cut(rest, end)
	require.True(t, found, "%s has no %q", file, end)
	compare(t, file, before+begin, want, end+after)
}

func compare(t testing.TB, file, before, want, after string) {
	t.Helper()
	whole := before + want + after
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(whole), 0o644))
		return
	}
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, whole, string(got), "%s is not current; run: go test . -run %s -update", file, t.Name())
}
