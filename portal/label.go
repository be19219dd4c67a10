package main

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"

	"github.com/boombuler/barcode/qr"

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

// address is the label as a QR code has it. A browser keeps what follows the # to itself, so no log or proxy on
// the way has it; the page fills its form with it, and sends all but the pairing code.
func (l label) address() string {
	return fmt.Sprintf("%s/claim#id=%s&code=%s&fp=%s&pair=%s",
		strings.TrimSuffix(l.portal, "/"), l.camera, l.claim, credential.ShortFingerprint(l.fingerprint), l.pairing)
}

// Sizes of the picture, in dots: of one square of the code, and of the quiet zone (ISO/IEC 18004, 9.1) in squares.
const (
	squareSize = 8
	quietZone  = 4
)

// picture is the QR code as a PNG.
func (l label) picture() ([]byte, error) {
	code, err := qr.Encode(l.address(), qr.M, qr.Unicode)
	if err != nil {
		return nil, err
	}
	bounds := code.Bounds()
	size := (bounds.Dx() + 2*quietZone) * squareSize
	canvas := image.NewPaletted(image.Rect(0, 0, size, size), color.Palette{color.White, color.Black})
	for y := range size {
		for x := range size {
			square := image.Pt(x/squareSize-quietZone, y/squareSize-quietZone).Add(bounds.Min)
			if square.In(bounds) && code.At(square.X, square.Y) == color.Black {
				canvas.SetColorIndex(x, y, 1)
			}
		}
	}
	var b bytes.Buffer
	err = png.Encode(&b, canvas)
	return b.Bytes(), err
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

As a QR code (label.png), which a phone's camera opens:
%s
`, credential.FormatCode(l.camera), credential.FormatCode(l.claim), credential.FormatCode(l.pairing),
		strings.Join(groups[:half], " "), strings.Join(groups[half:], " "), l.portal, l.address())
}

// write puts the label into a camera's folder.
func (l label) write(folder string) error {
	picture, err := l.picture()
	if err != nil {
		return fmt.Errorf("QR code: %w", err)
	}
	return errors.Join(
		os.WriteFile(filepath.Join(folder, "label.txt"), []byte(l.text()), 0o600),
		os.WriteFile(filepath.Join(folder, "label.png"), picture, 0o600),
	)
}
