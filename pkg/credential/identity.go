package credential

import (
	"fmt"
	"strings"
)

// Role is what kind of MQTT client an identity is.
type Role string

// The roles, each the first part of a token's subject.
const (
	RoleCamera Role = "camera" // one camera: "camera-<camera id>"
	RolePortal Role = "portal" // one portal instance: "portal-<instance>"
	RoleTool   Role = "tool"   // a person's MQTT tool: "tool-<name>"
)

// Identity is who a client authenticated as.
type Identity struct {
	Role Role
	ID   string
}

// Subject returns the token's sub, which is also the MQTT user name.
func (i Identity) Subject() string { return string(i.Role) + "-" + i.ID }

// ParseSubject is the inverse of [Identity.Subject].
func ParseSubject(sub string) (Identity, error) {
	role, id, found := strings.Cut(sub, "-")
	i := Identity{Role: Role(role), ID: id}
	if !found || !validID(id) {
		return Identity{}, fmt.Errorf("subject %.64q is malformed", sub)
	}
	switch i.Role {
	case RoleCamera, RolePortal, RoleTool:
		return i, nil
	}
	return Identity{}, fmt.Errorf("subject %.64q has an unknown role", sub)
}

// OwnsClientID reports whether the identity may connect with this MQTT client id: its subject, or
// its subject, a dot and a number or name of its choice.
func (i Identity) OwnsClientID(clientID string) bool {
	rest, ok := strings.CutPrefix(clientID, i.Subject())
	return ok && (rest == "" || len(rest) > 1 && rest[0] == '.' && validID(rest[1:]))
}

// validID allows 1 to 64 letters, digits, '-' and '_'.
func validID(s string) bool {
	for _, c := range []byte(s) {
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alnum && c != '-' && c != '_' {
			return false
		}
	}
	return s != "" && len(s) <= 64
}
