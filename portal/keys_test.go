package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
)

func TestSigningKeyIsReplacedWithoutCuttingAnyoneOff(t *testing.T) {
	dir := t.TempDir()
	who := credential.Identity{Role: credential.RoleTool, ID: "x"}
	issue := func() (string, credential.Keys) {
		_, keys, err := loadKeys(dir)
		require.NoError(t, err)
		token, _, err := keys.Issue(who, nil, 0, time.Now(), time.Hour)
		require.NoError(t, err)
		return token, keys
	}
	before, oldKeys := issue()
	current, previous := filepath.Join(dir, "mqtt.key"), filepath.Join(dir, "mqtt-previous.key")
	require.NoError(t, os.Rename(current, previous))
	after, keys := issue()
	_, err := keys.Verify(before, time.Now())
	require.NoError(t, err)
	_, err = oldKeys.Verify(after, time.Now())
	require.Error(t, err, "new tokens are signed with the new key")

	require.NoError(t, os.Remove(previous))
	_, keys = issue()
	_, err = keys.Verify(before, time.Now())
	require.Error(t, err, "the old key is gone")
}
