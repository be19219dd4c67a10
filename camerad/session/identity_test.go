package session

import (
	"os"
	"path/filepath"
	"testing"

	"seccam/pkg/credential"

	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestIdentityIsKept(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "state")
	first, err := LoadIdentity(folder)
	require.NoError(t, err)
	second, err := LoadIdentity(folder)
	require.NoError(t, err)
	assert.Equal(t, first.Fingerprint, second.Fingerprint)
	assert.Regexp(t, `^([0-9A-F]{2}:){31}[0-9A-F]{2}$`, first.Fingerprint)
	file := filepath.Join(folder, "dtls.pem")
	info, err := os.Stat(file)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.NoError(t, os.Chmod(file, 0o644))
	_, err = LoadIdentity(folder)
	assert.ErrorContains(t, err, "chmod 600")
	require.NoError(t, os.Chmod(file, 0o600))
	require.NoError(t, os.WriteFile(file, []byte("rubbish"), 0o600))
	_, err = LoadIdentity(folder)
	assert.ErrorContains(t, err, "damaged")
}

// newCertificate makes a certificate as cameras and browsers have them.
func newCertificate() (*webrtc.Certificate, error) {
	text, _, err := credential.NewCertificate()
	if err != nil {
		return nil, err
	}
	return webrtc.CertificateFromPEM(string(text))
}
