package account

import (
	"crypto/rand"
	"crypto/sha256"
	"regexp"
	"strings"
)

// secretKind is a kind of secret that is shown once and stored as a hash: 130 random bits. Its beginning
// lets people, and programs that look for leaked secrets, see what it is.
type secretKind struct {
	prefix, purpose string
	form            *regexp.Regexp
}

func newSecretKind(prefix, purpose string) secretKind {
	return secretKind{prefix, purpose, regexp.MustCompile(`^` + prefix + `[a-z2-7]{26}$`)}
}

var (
	viewSecret   = newSecretKind("view_", "seccam view token v1|")
	inviteSecret = newSecretKind("invite_", "seccam invitation v1|")
	guestSecret  = newSecretKind("guest_", "seccam guest link v1|")
	visitSecret  = newSecretKind("visit_", "seccam guest visit v1|")
)

// create returns a new secret.
func (k secretKind) create() string { return k.prefix + strings.ToLower(rand.Text()) }

// hash needs no salt and no slowness: what it hashes is random. It is false for what is no such secret.
func (k secretKind) hash(secret string) ([]byte, bool) {
	if !k.form.MatchString(secret) {
		return nil, false
	}
	sum := sha256.Sum256([]byte(k.purpose + secret))
	return sum[:], true
}

// newID names a thing; it need not be secret.
func newID() string { return strings.ToLower(rand.Text()[:12]) }
