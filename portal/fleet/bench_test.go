//go:build bench

package fleet

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/portal/store"
)

// TestBenchProvision provisions 10,000 cameras with all their files, labels and rows, on the disk.
func TestBenchProvision(t *testing.T) {
	const count = 10_000
	dir := t.TempDir()
	s, err := store.Open(t.Context(), filepath.Join(dir, "portal.db"), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	began := time.Now()
	f := New(s, credential.NewSecret())
	made, err := f.Provision(t.Context(), filepath.Join(dir, "cameras"), order(count), unwatched)
	require.NoError(t, err)
	took := time.Since(began)
	require.Len(t, made.Labels, count)
	n, err := s.FleetCount(t.Context(), store.FleetFilter{})
	require.NoError(t, err)
	require.EqualValues(t, count, n)
	labels, err := os.Stat(filepath.Join(dir, "cameras", LabelsFile))
	require.NoError(t, err)
	claimed := false
	began = time.Now()
	page, total, err := f.List(t.Context(), store.FleetFilter{Claimed: &claimed, Query: "first", Sort: "seen", Descending: true, Limit: 50, Offset: 9000})
	require.NoError(t, err)
	listed := time.Since(began)
	require.Len(t, page, 50)
	require.EqualValues(t, count, total)
	for _, figure := range []struct {
		Name  string  `json:"name"`
		Value float64 `json:"value"`
		Unit  string  `json:"unit"`
	}{
		{"cameras provisioned, with files, labels and rows", count / took.Seconds(), "1/s"},
		{"page 181 of the table of 10,000 cameras, filtered and sorted", listed.Seconds() * 1000, "ms"},
		{"labels.pdf of 10,000 cameras", float64(labels.Size()) / (1 << 20), "MiB"},
	} {
		line, err := json.Marshal(figure)
		require.NoError(t, err)
		fmt.Println(string(line))
	}
}
