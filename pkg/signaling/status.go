package signaling

import (
	"encoding/json"
	"fmt"
	"time"
)

// MaxStatus is the largest status payload in bytes.
const MaxStatus = 4 << 10

// StatusInterval is how often a connected camera repeats its status. A Will dies with its broker
// node, so a status older than [StatusStale] counts as offline.
const (
	StatusInterval = 30 * time.Second
	StatusStale    = 3 * StatusInterval
)

// Picture says whether a connected camera can produce frames.
type Picture string

// The states of a camera's source.
const (
	PictureResting  Picture = "resting"  // nobody watches; capture starts with the first viewer
	PictureStarting Picture = "starting" // the source is being opened
	PictureLive     Picture = "live"     // frames are flowing
	PictureLost     Picture = "lost"     // the source died; it is being restarted
	PicturePrivate  Picture = "private"  // privacy mode is on: nothing is captured, on purpose
)

// Status is a camera's retained presence, on the status topic, and its Will.
type Status struct {
	V      int  `json:"v"`
	Online bool `json:"online"`
	// Boot is random per start of camerad and Connection counts its MQTT connections: together they
	// tell an old connection's Will from a newer connection's status.
	Boot       string `json:"boot"`
	Connection uint64 `json:"connection"`
	// At is when the status was published, Unix milliseconds by the portal's clock; 0 in a Will,
	// which was written when the connection began.
	At int64 `json:"at,omitempty"`
	// Reason says why the camera is offline: one of the Offline constants, the first of which is the Will's.
	Reason  string  `json:"reason,omitempty"`
	Picture Picture `json:"picture,omitempty"`
	// Detail says in words what is wrong with the source, for a person. In privacy mode it goes on
	// with the sentence "Privacy mode is on", such as "until 07:00"; it may be empty.
	Detail  string `json:"detail,omitempty"`
	Source  string `json:"source,omitempty"`
	Viewers int    `json:"viewers"`
	Version string `json:"version,omitempty"`
	// OnlyPaired says that only devices which are paired with the camera may watch it.
	OnlyPaired bool `json:"only_paired,omitempty"`
}

// Reasons of an offline [Status].
const (
	OfflineConnectionLost = "connection_lost"
	OfflineShutdown       = "shutdown"
	OfflineRestart        = "restart" // it will be back within seconds
)

// DecodeStatus parses a status payload of at most [MaxStatus] bytes.
func DecodeStatus(data []byte) (Status, error) {
	var s Status
	if len(data) > MaxStatus {
		return s, fmt.Errorf("%w: status of %d bytes", ErrBadMessage, len(data))
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return Status{}, fmt.Errorf("%w: not a JSON status", ErrBadMessage)
	}
	if s.V != Version {
		return Status{}, fmt.Errorf("%w: status version %d", ErrVersion, s.V)
	}
	return s, nil
}

// EncodeStatus sets the version and returns the JSON.
func EncodeStatus(s Status) []byte {
	s.V = Version
	data, err := json.Marshal(s)
	if err != nil {
		panic("signaling: a Status has no field that cannot be marshalled: " + err.Error())
	}
	return data
}

// Supersedes reports whether s may replace old as a camera's state. The Will of an earlier process or connection
// may come late: a broker's node may notice long after the camera is connected to another one that it is not to
// itself any more. Nor does a connection's Will replace its last words: a broker, or a proxy before it, may lose the
// goodbye that follows them.
func (s Status) Supersedes(old Status) bool {
	switch {
	case s.Boot != old.Boot:
		return s.Online || !old.Online
	case s.Connection != old.Connection:
		return s.Connection > old.Connection
	}
	return s.Online || old.Online || old.Reason == OfflineConnectionLost || old.Reason == ""
}

// Presence is what the portal tells a browser about a camera.
type Presence struct {
	Online bool `json:"online"`
	// State is one of the State constants. A private camera is online.
	State string `json:"state"`
	// Text says the same in words, with the reason.
	Text string `json:"text"`
	// LastSeen is in Unix milliseconds; 0 if the camera was never seen.
	LastSeen int64 `json:"last_seen,omitempty"`
	// Since is when the camera's present connection was first heard of, in Unix milliseconds; 0 if it
	// is not connected. Another value tells a page that waits for the camera to try again now.
	Since int64 `json:"since,omitempty"`
	// Fingerprint is the pinned SHA-256 fingerprint of the camera's DTLS certificate, in the form of
	// an SDP a=fingerprint value (RFC 8122) without the hash name; empty if none is pinned yet.
	Fingerprint string `json:"fingerprint,omitempty"`
	// OnlyPaired says that only devices which are paired with the camera may watch it, by the camera's own
	// word, which holds whatever is said here.
	OnlyPaired bool `json:"only_paired,omitempty"`
}

// States of a [Presence].
const (
	StateOnline    = "online"
	StateNoPicture = "no_picture"
	StatePrivate   = "private" // its privacy mode is on
	StateOffline   = "offline"
	StateNever     = "never" // not seen since it was claimed
)
