package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"seccam/pkg/credential"
)

// label is what stands on a camera. The portal's database has the claim code's hash and never the pairing
// code: that is between the camera and its owner's devices.
type label struct {
	portal, camera, claim, pairing, fingerprint string
}

// writeCameraState makes what a camera would else make at its first start, so that its label can name it.
func writeCameraState(folder string) (label, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return label{}, err
	}
	certificate, fingerprint, err := credential.NewCertificate()
	if err != nil {
		return label{}, err
	}
	l := label{fingerprint: fingerprint, pairing: credential.NewCode()}
	return l, errors.Join(
		credential.WriteSecretFile(filepath.Join(folder, credential.CertificateFile), certificate),
		credential.WriteSecretFile(filepath.Join(folder, credential.PairingCodeFile), []byte(credential.FormatCode(l.pairing)+"\n")),
	)
}

// text is the label for people.
func (l label) text() string {
	groups := credential.FingerprintGroups(l.fingerprint)
	half := len(groups) / 2
	return fmt.Sprintf(`SecCam camera
id:            %s
claim code:    %s
pairing code:  %s
fingerprint:   %s
               %s
sign up at:    %s/signup
`, credential.FormatCode(l.camera), credential.FormatCode(l.claim), credential.FormatCode(l.pairing),
		strings.Join(groups[:half], " "), strings.Join(groups[half:], " "), l.portal)
}

// write puts the label into a camera's folder.
func (l label) write(folder string) error {
	return os.WriteFile(filepath.Join(folder, "label.txt"), []byte(l.text()), 0o600)
}
