package fleet

import (
	"bufio"
	"context"
	"encoding/csv"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/portal/store"
)

func TestBatch(t *testing.T) {
	t.Parallel()
	f, s, master := newFleet(t)
	out := filepath.Join(t.TempDir(), "cameras")
	var told []int
	made, err := f.Provision(t.Context(), out, order(3), func(done int) { told = append(told, done) })
	require.NoError(t, err)
	require.Len(t, made.Labels, 3)
	assert.Equal(t, []int{0, 3}, told)
	require.NoError(t, filepath.WalkDir(out, func(path string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := entry.Info()
		require.NoError(t, err)
		assert.Zero(t, info.Mode().Perm()&0o077, "%s is its owner's alone", path)
		return nil
	}))
	for _, l := range made.Labels {
		checkFolder(t, out, l, master)
		c, err := s.CameraByID(t.Context(), l.Camera)
		require.NoError(t, err)
		assert.Equal(t, credential.HashClaimCode(l.Camera, l.Claim), c.ClaimHash)
		assert.Equal(t, "first", c.Batch)
	}
	checkManifest(t, out, made.Labels)
	pdf, err := os.ReadFile(filepath.Join(out, LabelsFile))
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(string(pdf), "%PDF-"))

	again, err := f.Provision(t.Context(), out, order(3), unwatched)
	require.NoError(t, err)
	assert.Equal(t, 3, again.Already)
	assert.ElementsMatch(t, made.Labels, again.Labels, "the same command again changes nothing")
}

func checkFolder(t *testing.T, out string, l Label, master credential.Secret) {
	t.Helper()
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join(out, l.Camera, name))
		require.NoError(t, err)
		return string(data)
	}
	key, err := credential.LoadSecret(filepath.Join(out, l.Camera, KeyFile))
	require.NoError(t, err)
	assert.True(t, key == credential.DeviceKey(master, l.Camera, 1))
	assert.Contains(t, read(ConfigFile), "camera_id: "+l.Camera+"\n")
	assert.Contains(t, read("state/dtls.pem"), "PRIVATE KEY")
	assert.Equal(t, credential.FormatCode(l.Pairing)+"\n", read("state/pairing.code"))
	assert.Equal(t, l.Text(), read("label.txt"))
	assert.NotEmpty(t, read("label.png"))
}

func checkManifest(t *testing.T, out string, want []Label) {
	t.Helper()
	file, err := os.Open(filepath.Join(out, ManifestFile))
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	rows, err := csv.NewReader(file).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, len(want)+1)
	var addresses, expected []string
	for _, row := range rows[1:] {
		for _, cell := range row {
			assert.NotContains(t, "=+-@", cell[:1], "no spreadsheet takes it for a formula")
		}
		addresses = append(addresses, row[4])
	}
	for _, l := range want {
		expected = append(expected, l.Address())
	}
	assert.ElementsMatch(t, expected, addresses)
}

// The database never has what is between a camera and its owner's devices.
func TestPairingCodeIsNotInTheDatabase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := store.Open(t.Context(), filepath.Join(dir, "portal.db"), nil)
	require.NoError(t, err)
	made, err := New(s, credential.NewSecret()).Provision(t.Context(), filepath.Join(dir, "cameras"), order(1), unwatched)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	files, err := filepath.Glob(filepath.Join(dir, "portal.db*"))
	require.NoError(t, err)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, secret := range []string{made.Labels[0].Pairing, made.Labels[0].Claim} {
			assert.NotContains(t, strings.ToLower(string(data)), secret)
			assert.NotContains(t, string(data), credential.FormatCode(secret))
		}
	}
}

func TestBatchRefusals(t *testing.T) {
	t.Parallel()
	f, _, _ := newFleet(t)
	dir := t.TempDir()
	mine := filepath.Join(dir, "mine")
	require.NoError(t, os.Mkdir(mine, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(mine, "letter.txt"), nil, 0o600))
	_, err := f.Provision(t.Context(), mine, order(1), unwatched)
	require.ErrorContains(t, err, "something else in it")
	_, err = f.Provision(t.Context(), filepath.Join(dir, "none"), order(0), unwatched)
	require.ErrorContains(t, err, "from 1 to")
	_, err = f.Provision(t.Context(), filepath.Join(dir, "none"), Order{Count: 1, Sheet: "b5"}, unwatched)
	require.ErrorContains(t, err, "there is no sheet")

	out := filepath.Join(dir, "cameras")
	_, err = f.Provision(t.Context(), out, order(1), func(int) {
		_, err := f.Provision(t.Context(), out, order(1), unwatched)
		assert.ErrorContains(t, err, "another command")
	})
	require.NoError(t, err)
	_, err = f.Provision(t.Context(), out, order(2), unwatched)
	require.ErrorContains(t, err, "has a batch of 1 cameras")
}

const (
	childEnv   = "FLEET_TEST_PROVISIONS"
	childCount = 27
	childStep  = 5
)

// provisionAsChild makes a batch, in a process that its test kills. It says on its standard output how far it is.
func provisionAsChild(dir string) int {
	ctx := context.Background()
	s, err := store.Open(ctx, filepath.Join(dir, "portal.db"), nil)
	if err == nil {
		master, _ := credential.LoadOrCreateSecret(filepath.Join(dir, "master.key"))
		f := New(s, master)
		f.step = childStep
		_, err = f.Provision(ctx, filepath.Join(dir, "cameras"), order(childCount), func(done int) { fmt.Println(done) })
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// A batch whose making is killed again and again comes out whole: no camera twice, and at no time one in the
// database without its files.
func TestBatchSurvivesKills(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	kills := 0
	for ended := false; !ended; {
		ended = killOne(t, dir, kills >= 4)
		if !ended {
			kills++
		}
		checkKilled(t, dir, ended)
	}
	assert.Equal(t, 4, kills, "it was interrupted")
}

// killOne starts or resumes the batch and kills that at some moment, unless it may finish.
func killOne(t *testing.T, dir string, mayFinish bool) (ended bool) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	child := exec.Command(self)
	child.Env = append(os.Environ(), childEnv+"="+dir)
	child.Stderr = os.Stderr
	lines, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	scanner := bufio.NewScanner(lines)
	for !mayFinish && scanner.Scan() {
		for range rand.IntN(1 << 20) { // some moment between two lines
			if child.ProcessState != nil {
				break
			}
		}
		_ = child.Process.Kill()
	}
	for scanner.Scan() {
	}
	return child.Wait() == nil
}

func checkKilled(t *testing.T, dir string, done bool) {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(dir, "portal.db"), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	master, err := credential.LoadSecret(filepath.Join(dir, "master.key"))
	require.NoError(t, err)
	known, err := s.Fleet(t.Context(), store.FleetFilter{})
	require.NoError(t, err)
	out := filepath.Join(dir, "cameras")
	for _, c := range known {
		l, err := readLabel(filepath.Join(out, c.ID))
		require.NoError(t, err, "a camera that the database has, has its files")
		assert.Equal(t, credential.HashClaimCode(l.Camera, l.Claim), c.ClaimHash)
	}
	if !done {
		return
	}
	assert.Len(t, known, childCount)
	folders, err := readFolders(out)
	require.NoError(t, err)
	assert.Len(t, folders, childCount, "none is left over")
	checkManifest(t, out, folders)
	checkFolder(t, out, folders[0], master)
	left, err := filepath.Glob(filepath.Join(out, unfinished+"*"))
	require.NoError(t, err)
	assert.Empty(t, left)
}
