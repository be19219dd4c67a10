package session

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"

	"seccam/pkg/credential"

	"github.com/pion/webrtc/v4"
)

// IdentityFile is the name of the certificate and its key in the state folder.
const IdentityFile = "dtls.pem"

// Identity is the camera's DTLS certificate. It is made at the first start and kept, since viewers
// recognise the camera by its fingerprint.
type Identity struct {
	Certificate webrtc.Certificate
	// Fingerprint is the SHA-256 fingerprint in the form of an SDP a=fingerprint value (RFC 8122).
	Fingerprint string
}

// LoadIdentity reads the identity from folder, making folder and identity if they do not exist.
func LoadIdentity(folder string) (Identity, error) {
	path := filepath.Join(folder, IdentityFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		if err = createIdentity(folder, path); err == nil || errors.Is(err, os.ErrExist) {
			data, err = os.ReadFile(path)
		}
	}
	if err != nil {
		return Identity{}, fmt.Errorf("camera certificate: %w", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		return Identity{}, fmt.Errorf("camera certificate: others can read %s; run: chmod 600 %s", path, path)
	}
	certificate, err := webrtc.CertificateFromPEM(string(data))
	if err != nil {
		return Identity{}, fmt.Errorf("camera certificate %s is damaged (%w); restore it, or delete it: the camera makes another one, which its owner has to accept on the portal", path, err)
	}
	return newIdentity(*certificate)
}

func newIdentity(certificate webrtc.Certificate) (Identity, error) {
	fingerprints, err := certificate.GetFingerprints()
	if err != nil {
		return Identity{}, fmt.Errorf("camera certificate: %w", err)
	}
	return Identity{Certificate: certificate, Fingerprint: strings.ToUpper(fingerprints[0].Value)}, nil
}

func createIdentity(folder, path string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	certificate, err := newCertificate()
	if err != nil {
		return err
	}
	text, err := certificate.PEM()
	if err != nil {
		return err
	}
	return credential.WriteSecretFile(path, []byte(text))
}

// newCertificate is valid for ever in both directions: what counts is its fingerprint, and a camera
// may have no clock.
func newCertificate() (*webrtc.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	name := pkix.Name{CommonName: "seccam"}
	return webrtc.NewCertificate(key, x509.Certificate{
		SerialNumber: serial, Issuer: name, Subject: name,
		NotBefore: time.Unix(0, 0), NotAfter: time.Date(2199, 1, 1, 0, 0, 0, 0, time.UTC),
	})
}
