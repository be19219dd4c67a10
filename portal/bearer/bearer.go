// Package bearer makes the tokens that programs show, and recognises them. A token is 130 random bits with a
// beginning that says what it is and a check at its end, by which a program that looks for leaked secrets knows one
// without asking us. It is stored as a hash, which needs no salt and no slowness: what it hashes is random.
package bearer

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"hash/crc32"
	"regexp"
	"strings"
)

// Kind is a kind of token. Two kinds have different prefixes and purposes.
type Kind struct {
	prefix, purpose string
	form            *regexp.Regexp
}

// NewKind returns the kind whose tokens begin with prefix; purpose keeps its hashes apart from those of others.
func NewKind(prefix, purpose string) Kind {
	return Kind{prefix, purpose, regexp.MustCompile(`^(` + regexp.QuoteMeta(prefix) + `[a-z2-7]{26})([0-9a-f]{8})$`)}
}

// New returns a token.
func (k Kind) New() string {
	body := k.prefix + strings.ToLower(rand.Text())
	return body + check(body)
}

// check is the CRC-32 (IEEE) of what comes before it.
func check(body string) string { return fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(body))) }

// Hash returns what is stored of a token. It is false for what is none of this kind.
func (k Kind) Hash(token string) ([]byte, bool) {
	parts := k.form.FindStringSubmatch(token)
	if parts == nil || subtle.ConstantTimeCompare([]byte(parts[2]), []byte(check(parts[1]))) != 1 {
		return nil, false
	}
	sum := sha256.Sum256([]byte(k.purpose + "|" + token))
	return sum[:], true
}
