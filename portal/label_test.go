package main

import (
	"bytes"
	"context"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/portal/store"
)

func TestProvisionedFolder(t *testing.T) {
	dir := t.TempDir()
	database := filepath.Join(dir, "portal.db")
	s, err := store.Open(context.Background(), database, nil)
	require.NoError(t, err)
	p, err := provision(context.Background(), s, credential.NewSecret(), "https://cameras.example.org", filepath.Join(dir, "cameras"), "auto")
	require.NoError(t, err)
	require.NoError(t, s.Close())
	read := func(name string) string {
		t.Helper()
		file := filepath.Join(p.Folder, name)
		info, err := os.Stat(file)
		require.NoError(t, err)
		assert.Zero(t, info.Mode().Perm()&0o077, "%s is its owner's alone", name)
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		return string(data)
	}
	pairing := strings.TrimSpace(read("state/pairing.code"))
	code, err := credential.ParseCode(pairing)
	require.NoError(t, err)
	text := read("label.txt")
	assert.Contains(t, text, pairing)
	assert.Contains(t, text, credential.FormatCode(p.ClaimCode))
	address := text[strings.Index(text, "https://cameras.example.org/claim#"):]
	assert.Regexp(t, `^https://cameras\.example\.org/claim#id=`+p.CameraID+`&code=`+p.ClaimCode+`&fp=[\w-]{43}&pair=`+code+"\n$", address)
	picture, err := png.Decode(bytes.NewReader([]byte(read("label.png"))))
	require.NoError(t, err)
	assert.Equal(t, 0, picture.Bounds().Dx()%squareSize)
	assert.Contains(t, read("state/dtls.pem"), "PRIVATE KEY")
	for _, file := range []string{database, database + "-wal"} {
		data, err := os.ReadFile(file)
		if os.IsNotExist(err) {
			continue
		}
		require.NoError(t, err)
		for _, secret := range []string{code, pairing, strings.ToUpper(code)} {
			assert.NotContains(t, string(data), secret, "the portal never has the pairing code")
		}
	}
}
