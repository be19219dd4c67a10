package fleet

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/portal/store"
)

func TestRotateInto(t *testing.T) {
	t.Parallel()
	f, s, master := newFleet(t)
	dir := t.TempDir()
	label, err := f.One(t.Context(), dir, portalURL, "auto")
	require.NoError(t, err)
	id := label.Camera
	file, version, err := f.RotateInto(t.Context(), id, filepath.Join(dir, "new"))
	require.NoError(t, err)
	assert.Equal(t, 2, version)
	key, err := credential.LoadSecret(file)
	require.NoError(t, err)
	assert.True(t, key == credential.DeviceKey(master, id, 2))

	_, version, err = f.RotateInto(t.Context(), id, filepath.Join(dir, "new"))
	require.NoError(t, err)
	assert.Equal(t, 2, version, "the same command again finds that it is done")

	version, err = f.Revoke(t.Context(), id)
	require.NoError(t, err)
	assert.Equal(t, 3, version)
	_, _, err = f.RotateInto(t.Context(), id, filepath.Join(dir, "new"))
	require.ErrorContains(t, err, "with another key")

	// Interrupted between the file and the database.
	half := filepath.Join(dir, "half")
	other, err := f.One(t.Context(), half, portalURL, "auto")
	require.NoError(t, err)
	folder := filepath.Join(half, "rotated")
	file, _, err = f.RotateInto(t.Context(), other.Camera, folder)
	require.NoError(t, err)
	rotated, err := f.Camera(t.Context(), other.Camera)
	require.NoError(t, err)
	require.NoError(t, s.RotateKey(t.Context(), store.Operator{}, other.Camera, rotated.KeyVersion))
	_, _, err = f.RotateInto(t.Context(), other.Camera, folder)
	require.ErrorContains(t, err, file)

	_, _, err = f.RotateInto(t.Context(), credential.NewCode(), dir)
	require.ErrorIs(t, err, store.ErrNotFound)
}

func TestExport(t *testing.T) {
	t.Parallel()
	f, s, _ := newFleet(t)
	id := credential.NewCode()
	require.NoError(t, s.ProvisionBatch(t.Context(), store.Operator{}, "=cmd()", []store.NewCamera{{ID: id, ClaimHash: []byte("x")}}))
	var table bytes.Buffer
	require.NoError(t, f.Export(t.Context(), &table, "csv", store.FleetFilter{}))
	lines := strings.Split(strings.TrimSpace(table.String()), "\n")
	require.Len(t, lines, 2)
	assert.True(t, strings.HasPrefix(lines[1], id+",'=cmd(),"), lines[1])

	table.Reset()
	require.NoError(t, f.Export(t.Context(), &table, "jsonl", store.FleetFilter{Query: id}))
	var camera Camera
	require.NoError(t, json.Unmarshal(table.Bytes(), &camera))
	assert.Equal(t, id, camera.ID)
	require.Error(t, f.Export(t.Context(), &table, "xml", store.FleetFilter{}))
}
