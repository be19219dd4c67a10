package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// write makes a key pair of a name that signs itself, at a time.
func write(t *testing.T, folder, name string, at time.Time) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: at.Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	cert, key = filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(block), 0o600))
		require.NoError(t, os.Chtimes(file, at, at))
	}
	return cert, key
}

func TestFilesAreReadAgain(t *testing.T) {
	now := time.Now()
	folder := t.TempDir()
	cert, key := write(t, folder, "one", now)
	source, err := Files(cert, key, func() time.Time { return now })
	require.NoError(t, err)
	name := func() string {
		pair, err := source(nil)
		require.NoError(t, err)
		return pair.Leaf.Subject.CommonName
	}
	require.Equal(t, "one", name())
	write(t, folder, "two", now.Add(time.Second))
	require.Equal(t, "one", name(), "not looked at yet")
	now = now.Add(recheck)
	require.Equal(t, "two", name())

	old, err := os.ReadFile(key)
	require.NoError(t, err)
	write(t, folder, "three", now)
	whole, err := os.ReadFile(key)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(key, old, 0o600))
	now = now.Add(recheck)
	require.Equal(t, "two", name(), "of a renewal that is half written, the old one is better than none")
	require.NoError(t, os.WriteFile(key, whole, 0o600))
	now = now.Add(recheck)
	require.Equal(t, "three", name())
	require.NoError(t, os.Remove(cert))
	now = now.Add(recheck)
	require.Equal(t, "three", name())
	_, err = Files(cert, key, nil)
	require.ErrorIs(t, err, os.ErrNotExist)
}
