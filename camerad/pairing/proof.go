package pairing

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"

	"seccam/pkg/credential"
)

// Purposes of what is derived, so that none can be taken for another. paired.js has the same.
const (
	purpose    = "seccam pairing v1"
	deviceCode = "seccam device code v1"
)

// End says whose proof it is: one end's is not accepted as the other's.
type End string

// The ends of a connection.
const (
	EndDevice End = "device"
	EndCamera End = "camera"
)

// NonceSize is the size of each end's nonce in bytes.
const NonceSize = 32

// Meeting is what both ends of one connection see of it: the same, unless somebody is in the middle.
type Meeting struct {
	Camera                   string // its id
	Device, Own              string // the fingerprints of the device's and the camera's certificate, in SDP's form
	CameraNonce, DeviceNonce []byte
}

// Proof shows that an end knows the pairing code, on this connection:
//
//	key   = HKDF-SHA256(code in canonical form, no salt, info = purpose ‖ " " ‖ camera id)
//	proof = HMAC-SHA256(key, each of: end, camera id, device's fingerprint, camera's fingerprint,
//	        camera's nonce, device's nonce; each preceded by its length as 4 bytes, the highest first)
func Proof(code string, by End, m Meeting) []byte {
	key, err := hkdf.Key(sha256.New, []byte(code), nil, purpose+" "+m.Camera, sha256.Size)
	if err != nil {
		panic("pairing: HKDF of a fixed size cannot fail: " + err.Error())
	}
	mac := hmac.New(sha256.New, key)
	for _, part := range [][]byte{[]byte(by), []byte(m.Camera), []byte(m.Device), []byte(m.Own), m.CameraNonce, m.DeviceNonce} {
		var size [4]byte
		binary.BigEndian.PutUint32(size[:], uint32(len(part)))
		mac.Write(size[:])
		mac.Write(part)
	}
	return mac.Sum(nil)
}

// Proves compares in constant time.
func Proves(code string, by End, m Meeting, proof []byte) bool {
	return hmac.Equal(Proof(code, by, m), proof)
}

// DeviceCode is a certificate in a form that a person can type: 95 bits of a hash of its fingerprint and
// the camera's id. Finding another certificate with the same code takes some 2^95 attempts.
func DeviceCode(camera, fingerprint string) string {
	sum := sha256.Sum256([]byte(deviceCode + "|" + camera + "|" + fingerprint))
	return credential.CodeOf(sum[:])
}
