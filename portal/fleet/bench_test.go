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

// TestBenchProvision provisions 1,000 and 10,000 cameras with all their files, labels and rows, on the disk.
func TestBenchProvision(t *testing.T) {
	f, _, _, took := provisionMany(t, 10_000)
	claimed := false
	began := time.Now()
	page, total, err := f.List(t.Context(), store.FleetFilter{Claimed: &claimed, Query: "first", Sort: "seen", Descending: true, Limit: 50, Offset: 9000})
	require.NoError(t, err)
	listed := time.Since(began)
	require.Len(t, page, 50)
	require.EqualValues(t, 10_000, total)
	tell("10,000 cameras provisioned, with files, labels and rows", 10_000/took.Seconds(), "1/s")
	tell("page 181 of the table of 10,000 cameras, filtered and sorted", listed.Seconds()*1000, "ms")
}

// TestBenchLabels provisions 1,000 cameras and reads every label back, from the sheets as a simple printer would print
// them and from the pictures.
func TestBenchLabels(t *testing.T) {
	const count = 1000
	_, out, made, took := provisionMany(t, count)
	pdf, err := os.Stat(filepath.Join(out, LabelsFile))
	require.NoError(t, err)
	want, pictures := make([]string, count), make([]string, count)
	for i, l := range made.Labels {
		want[i], pictures[i] = l.Address(), filepath.Join(out, l.Camera, pictureFile)
	}
	require.Equal(t, want, readCodes(t, pictures...), "every picture")
	began := time.Now()
	require.Equal(t, want, readCodes(t, cutPages(t, Sheets[0], filepath.Join(out, LabelsFile), count)...), "every label of every sheet")
	tell("1,000 cameras provisioned, with files, labels and rows", count/took.Seconds(), "1/s")
	tell("labels of 1,000 that are read from their sheets, and are right", count, "")
	tell("reading them", time.Since(began).Seconds(), "s")
	tell("labels.pdf of 1,000 cameras", float64(pdf.Size())/(1<<20), "MiB")
}

// provisionMany makes a batch, and returns its folder and how long it took.
func provisionMany(t *testing.T, count int) (*Service, string, Batch, time.Duration) {
	t.Helper()
	dir := t.TempDir()
	s, err := store.Open(t.Context(), filepath.Join(dir, "portal.db"), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	f, out := New(s, credential.NewSecret()), filepath.Join(dir, "cameras")
	began := time.Now()
	made, err := f.Provision(t.Context(), out, order(count), unwatched)
	require.NoError(t, err)
	took := time.Since(began)
	require.Len(t, made.Labels, count)
	n, err := s.FleetCount(t.Context(), store.FleetFilter{})
	require.NoError(t, err)
	require.EqualValues(t, count, n)
	return f, out, made, took
}

func tell(name string, value float64, unit string) {
	line, err := json.Marshal(map[string]any{"name": name, "value": value, "unit": unit})
	if err == nil {
		fmt.Println(string(line))
	}
}
