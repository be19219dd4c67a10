package credential

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// Domain separation strings: one key or hash never serves two purposes.
const (
	deviceKeyInfo = "seccam device key v1"
	proofDomain   = "seccam device proof v1"
	claimDomain   = "seccam claim code v1"
)

// DeviceKey derives the key of a camera: HKDF-SHA256 (RFC 5869) of the master key with the camera
// id and key version as info. Raising the version makes the old key worthless.
func DeviceKey(master Secret, camera string, version int) Secret {
	return master.Derive(fmt.Sprintf("%s|%s|%d", deviceKeyInfo, camera, version))
}

// Derive returns the key for one purpose: HKDF-SHA256 with the purpose as info and no salt. Keys
// for different purposes tell nothing about each other or about s.
func (s Secret) Derive(purpose string) Secret {
	key, err := hkdf.Key(sha256.New, s.bytes[:], nil, purpose, SecretSize)
	if err != nil {
		panic("credential: HKDF of a fixed size cannot fail: " + err.Error())
	}
	var derived Secret
	copy(derived.bytes[:], key)
	return derived
}

// Proof is the HMAC-SHA256 by which a camera shows that it has its device key: over the portal's
// nonce, the camera's id and its DTLS fingerprint, each preceded by its length.
func Proof(key Secret, camera, nonce, fingerprint string) []byte {
	mac := hmac.New(sha256.New, key.bytes[:])
	for _, part := range []string{proofDomain, camera, nonce, fingerprint} {
		var size [4]byte
		binary.BigEndian.PutUint32(size[:], uint32(len(part)))
		mac.Write(size[:])
		mac.Write([]byte(part))
	}
	return mac.Sum(nil)
}

// VerifyProof compares in constant time.
func VerifyProof(key Secret, camera, nonce, fingerprint string, proof []byte) bool {
	return hmac.Equal(Proof(key, camera, nonce, fingerprint), proof)
}

// HashClaimCode returns what is stored of a claim code. The code has 95 random bits, so a plain
// hash cannot be searched.
func HashClaimCode(camera, code string) []byte {
	sum := sha256.Sum256([]byte(claimDomain + "|" + camera + "|" + code))
	return sum[:]
}
