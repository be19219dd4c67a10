package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"seccam/camerad/pairing"
	"seccam/camerad/session"
	"seccam/pkg/credential"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// command runs camerad's command line on a state folder.
func command(t *testing.T, folder, input string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := execute(console{
		ctx: context.Background(), in: strings.NewReader(input), out: &out, errors: io.Discard,
		environ: []string{"SECCAM_STATE_DIR=" + folder},
	}, args)
	return out.String(), err
}

func testBook(folder string) *pairing.Book {
	return pairing.Open(pairing.Config{Folder: folder, Camera: "x", Now: time.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
}

var somePrint = credential.FingerprintOf([]byte("phone"))

func TestPairingCommands(t *testing.T) {
	folder := t.TempDir()
	_, err := command(t, folder, "", "pairing")
	require.ErrorContains(t, err, "no camera has kept its state", "the wrong folder does not look like a camera")
	_, err = session.LoadIdentity(folder)
	require.NoError(t, err)
	book := testBook(folder)
	require.NoError(t, book.Pair(somePrint, "My phone"))
	require.NoError(t, book.SetOnly(true))
	code, err := book.Code()
	require.NoError(t, err)
	out, err := command(t, folder, "", "pairing")
	require.NoError(t, err)
	for _, word := range []string{credential.FormatCode(code), "paired devices only", "My phone", book.Devices()[0].ID} {
		assert.Contains(t, out, word)
	}
	_, err = command(t, folder, "", "pairing", "remove", book.Devices()[0].ID)
	require.ErrorContains(t, err, "last device")
	_, err = command(t, folder, "", "pairing", "off")
	require.NoError(t, err)
	assert.False(t, book.Only(), "the daemon's own book sees it")
	_, err = command(t, folder, "", "pairing", "remove", book.Devices()[0].ID)
	require.NoError(t, err)
	assert.Empty(t, book.Devices())
	out, err = command(t, folder, "", "pairing", "new-code")
	require.NoError(t, err)
	assert.NotContains(t, out, credential.FormatCode(code))
	other, err := book.Code()
	require.NoError(t, err)
	assert.Contains(t, out, credential.FormatCode(other))
}

func TestFingerprintCommand(t *testing.T) {
	folder := t.TempDir()
	_, err := command(t, folder, "", "fingerprint")
	require.ErrorContains(t, err, "no camera has kept its state")
	identity, err := session.LoadIdentity(folder)
	require.NoError(t, err)
	out, err := command(t, folder, "", "fingerprint")
	require.NoError(t, err)
	groups := credential.FingerprintGroups(identity.Fingerprint)
	assert.Equal(t, strings.Join(groups[:4], " ")+"\n"+strings.Join(groups[4:], " ")+"\n\n"+identity.Fingerprint+"\n", out)
}

func TestFactoryReset(t *testing.T) {
	folder := t.TempDir()
	book := testBook(folder)
	require.NoError(t, book.Pair(somePrint, "Seller's phone"))
	require.NoError(t, book.SetOnly(true))
	code, err := book.Code()
	require.NoError(t, err)
	identity, err := session.LoadIdentity(folder)
	require.NoError(t, err)
	for _, name := range []string{"privacy.json", "settings.json", "device.key"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte("{}"), 0o600))
	}

	for _, answer := range []string{"", "\n", "yes\n", "reset\n"} {
		out, err := command(t, folder, answer, "factory-reset")
		require.ErrorContains(t, err, "nothing was removed")
		assert.Contains(t, out, "paired devices")
	}
	assert.True(t, book.Only())
	_, err = command(t, folder, "RESET\n", "factory-reset")
	require.NoError(t, err)
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, left, 1)
	assert.Equal(t, "device.key", left[0].Name(), "the camera stays this one to its portal")

	assert.True(t, book.Admits("anybody"), "also for a daemon that still runs")
	assert.Empty(t, book.Devices())
	newCode, err := book.Code()
	require.NoError(t, err)
	assert.NotEqual(t, code, newCode)
	fresh, err := session.LoadIdentity(folder)
	require.NoError(t, err)
	assert.NotEqual(t, identity.Fingerprint, fresh.Fingerprint)
	_, err = command(t, filepath.Join(folder, "never-ran"), "", "factory-reset", "--yes")
	require.NoError(t, err)
}

// TestEveryStateFileIsReset: a file that a later version keeps must not survive a reset by being forgotten.
func TestEveryStateFileIsReset(t *testing.T) {
	known := map[string]bool{"dtls.pem": true, "privacy.json": true, "settings.json": true, "pairing.json": true, "pairing.code": true, "pairing.lock": true, "config.json": true, "enrolling.json": true}
	known["update.json"] = true // stays: a reset must not bring an older camerad back
	names := regexp.MustCompile(`"([a-z-]+\.(?:json|pem|code|lock|db))"`)
	for _, pattern := range []string{"*.go", "*/*.go"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			for _, found := range names.FindAllStringSubmatch(string(text), -1) {
				assert.True(t, known[found[1]], "%s: does a factory reset remove %s?", file, found[1])
			}
		}
	}
}
