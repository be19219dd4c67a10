// Package seal encrypts a picture for the one who asked for it, so that portal, broker, caches and
// logs in between carry only what they cannot read.
//
//	asker   makes an ECDH P-256 key for the page and sends its public point with the request
//	camera  makes one for the answer: secret = ECDH(camera's private, asker's public)
//	key     = HKDF-SHA256(secret, no salt, info = purpose ‖ camera id ‖ camera's point ‖ asker's point)
//	answer  = camera's point (65 bytes) ‖ nonce (12) ‖ AES-256-GCM(key, nonce, picture)
//
// Both private keys are forgotten with the answer or the page, so a recording of the traffic is worth
// nothing later. It does not say who the asker is: that is the portal's and the broker's to decide.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
)

// Sizes in bytes: of an uncompressed point (SEC 1, 2.3.3), the nonce and the tag (NIST SP 800-38D),
// and of all that [Seal] adds to a plaintext.
const (
	PointSize = 65
	nonceSize = 12
	tagSize   = 16
	Overhead  = PointSize + nonceSize + tagSize
)

const (
	purpose = "seccam snapshot v1"
	keySize = 32 // AES-256
)

// ErrKey means that the asker's key is not a point of P-256.
var ErrKey = errors.New("the key is not an uncompressed P-256 point of 65 bytes")

// CheckKey returns [ErrKey] for what [Seal] cannot seal for.
func CheckKey(asker []byte) error {
	if _, err := ecdh.P256().NewPublicKey(asker); err != nil || len(asker) != PointSize {
		return ErrKey
	}
	return nil
}

// Seal encrypts plaintext for the owner of an ECDH P-256 key, given as its uncompressed public point.
func Seal(plaintext, asker []byte, camera string) ([]byte, error) {
	private, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	nonce := make([]byte, nonceSize)
	_, _ = rand.Read(nonce) // crypto/rand.Read never fails (Go 1.24)
	return sealWith(private, nonce, plaintext, asker, camera)
}

func sealWith(private *ecdh.PrivateKey, nonce, plaintext, asker []byte, camera string) ([]byte, error) {
	public, err := ecdh.P256().NewPublicKey(asker)
	if err != nil {
		return nil, ErrKey
	}
	secret, err := private.ECDH(public)
	if err != nil {
		return nil, ErrKey
	}
	own := private.PublicKey().Bytes()
	key, err := hkdf.Key(sha256.New, secret, nil, purpose+camera+string(own)+string(asker), keySize)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	sealed := make([]byte, 0, Overhead+len(plaintext))
	sealed = append(append(sealed, own...), nonce...)
	return gcm.Seal(sealed, nonce, plaintext, nil), nil
}
