package credential

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"time"
)

// A camera's certificate and pairing code are files in its state folder, which is made where the camera is
// provisioned, so that its label can name them, or by the camera itself.
const (
	CertificateFile = "dtls.pem"
	PairingCodeFile = "pairing.code"
)

// NewCertificate makes a camera's DTLS certificate, ECDSA P-256, with its key as PEM. It is valid for ever in
// both directions: what counts is its fingerprint, and a camera may have no clock.
func NewCertificate() (text []byte, fingerprint string, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, "", err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, "", err
	}
	name := pkix.Name{CommonName: "seccam"}
	template := &x509.Certificate{
		SerialNumber: serial, Issuer: name, Subject: name,
		NotBefore: time.Unix(0, 0), NotAfter: time.Date(2199, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, "", err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, "", err
	}
	var b bytes.Buffer
	for _, block := range []pem.Block{{Type: "CERTIFICATE", Bytes: certificate}, {Type: "PRIVATE KEY", Bytes: private}} {
		if err := pem.Encode(&b, &block); err != nil {
			return nil, "", err
		}
	}
	return b.Bytes(), FingerprintOf(certificate), nil
}
