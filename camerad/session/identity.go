package session

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"seccam/pkg/credential"

	"github.com/pion/webrtc/v4"
)

// Identity is the camera's DTLS certificate. It is made at the first start and kept, since viewers
// recognise the camera by its fingerprint.
type Identity struct {
	Certificate webrtc.Certificate
	// Fingerprint is the SHA-256 fingerprint in the form of an SDP a=fingerprint value (RFC 8122).
	Fingerprint string
}

// LoadIdentity reads the identity from folder, making folder and identity if they do not exist.
func LoadIdentity(folder string) (Identity, error) {
	path := filepath.Join(folder, credential.CertificateFile)
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
	text, _, err := credential.NewCertificate()
	if err != nil {
		return err
	}
	return credential.WriteSecretFile(path, text)
}
