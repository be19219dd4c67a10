package credential

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// fingerprintGroup is how many hexadecimal digits stand together when a fingerprint is shown to a person.
const fingerprintGroup = 8

// ErrFingerprint is returned for text that is not a SHA-256 fingerprint.
var ErrFingerprint = errors.New("not a SHA-256 fingerprint: 64 hexadecimal digits, in groups or not")

// FingerprintOf returns the fingerprint of a certificate (DER) in the form of an SDP a=fingerprint value
// (RFC 8122) without the hash's name.
func FingerprintOf(certificate []byte) string {
	sum := sha256.Sum256(certificate)
	return fingerprintText(sum[:])
}

func fingerprintText(sum []byte) string {
	pairs := make([]string, len(sum))
	for i, b := range sum {
		pairs[i] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(pairs, ":")
}

// ParseFingerprint accepts a fingerprint as SDP, a label or a person has it and returns the SDP form: 32
// upper-case bytes with colons.
func ParseFingerprint(text string) (string, error) {
	if sum, err := base64.RawURLEncoding.Strict().DecodeString(text); err == nil && len(sum) == sha256.Size {
		return fingerprintText(sum), nil
	}
	if len(text) > 4*sha256.Size {
		return "", ErrFingerprint
	}
	sum, err := hex.DecodeString(strings.NewReplacer(":", "", " ", "", "-", "", "\n", "", "\t", "").Replace(text))
	if err != nil || len(sum) != sha256.Size {
		return "", ErrFingerprint
	}
	return fingerprintText(sum), nil
}

// ShortFingerprint is the form of a label's address, where each character is a dot of its QR code: base64url,
// 43 characters. fingerprint is in the SDP form.
func ShortFingerprint(fingerprint string) string {
	sum, err := hex.DecodeString(strings.ReplaceAll(fingerprint, ":", ""))
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(sum)
}

// FingerprintGroups is a fingerprint as it is shown to people: eight groups of eight digits.
func FingerprintGroups(fingerprint string) []string {
	digits := strings.ReplaceAll(fingerprint, ":", "")
	var groups []string
	for len(digits) > fingerprintGroup {
		groups, digits = append(groups, digits[:fingerprintGroup]), digits[fingerprintGroup:]
	}
	if digits != "" {
		groups = append(groups, digits)
	}
	return groups
}
