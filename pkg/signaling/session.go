package signaling

import (
	"strconv"
	"strings"
)

// ViewerID names one page of one account: 32 lower-case letters and digits, minted and verified by
// the portal. Only the account it was minted for may use it, also after the portal restarts.
type ViewerID string

// ViewerIDLength is the number of characters in a [ViewerID].
const ViewerIDLength = 32

// Valid reports the form only; whether the portal minted it is the portal's to check.
func (v ViewerID) Valid() bool {
	return len(v) == ViewerIDLength && isLowerAlnum(string(v))
}

// Session returns the viewer's n-th session. n is 1 to 999,999.
func (v ViewerID) Session(n int) SessionID {
	return SessionID(string(v) + "-" + strconv.Itoa(n))
}

// SessionID names one viewer's negotiation with one camera: "<viewer>-<n>". It is one level of an
// MQTT topic, so it holds neither '/', '+' nor '#'.
type SessionID string

// Valid reports whether s has the form of a session id.
func (s SessionID) Valid() bool {
	viewer, n, found := strings.Cut(string(s), "-")
	if !found || !ViewerID(viewer).Valid() || n == "" || len(n) > 6 || n[0] == '0' {
		return false
	}
	for _, c := range []byte(n) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// Viewer returns the viewer whose session s is. s must be valid.
func (s SessionID) Viewer() ViewerID {
	viewer, _, _ := strings.Cut(string(s), "-")
	return ViewerID(viewer)
}

func isLowerAlnum(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}
