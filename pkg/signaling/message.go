package signaling

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Version is the only protocol version this package speaks; others are refused.
const Version = 1

// Size limits in bytes. MaxMessage holds an offer with its SDP and ICE servers; a broker or socket
// may cut whatever is larger before it is parsed.
const (
	MaxMessage    = 48 << 10
	MaxSDP        = 24 << 10
	MaxCandidate  = 1 << 10
	MaxText       = 512
	MaxICEServers = 16
)

// Type names what a [Message] is; it decides which fields must be present.
type Type string

// The message types. Welcome and status exist only between portal and browser.
const (
	TypeOffer     Type = "offer"     // browser → camera: SDP; in a known session an ICE restart
	TypeAnswer    Type = "answer"    // camera → browser: SDP
	TypeCandidate Type = "candidate" // both ways: one trickled ICE candidate (RFC 8838)
	TypeBye       Type = "bye"       // both ways: the session is over
	TypeRestart   Type = "restart"   // camera → browser: its network changed; offer an ICE restart
	TypeError     Type = "error"     // to the browser: a refusal, in place of an answer
	TypeWelcome   Type = "welcome"   // portal → browser: viewer id and ICE servers
	TypeStatus    Type = "status"    // portal → browser: a camera's presence changed
	TypeStages    Type = "stages"    // browser → portal, if its welcome asked for it: how long a view took to begin
)

// Message is the one envelope of the protocol. Absent fields are omitted from the JSON.
type Message struct {
	V       int       `json:"v"`
	Type    Type      `json:"type"`
	Session SessionID `json:"session,omitempty"`
	// Camera is the camera's id. Used only on the WebSocket; over MQTT the topic names the camera.
	Camera string `json:"camera,omitempty"`
	// Seq is stamped by the portal on every message to a camera: Unix time in microseconds, strictly
	// increasing within a session. The camera refuses what is old or not greater (replay).
	Seq uint64 `json:"seq,omitempty"`
	// Role is stamped by the portal on every offer to a camera: one of the Role constants. What a
	// browser says here goes nowhere, and a camera takes everything but RoleOwner for a viewer.
	Role Role `json:"role,omitempty"`
	// Talk is stamped by the portal on offers of viewers who may speak through the camera; its owner may
	// in any case.
	Talk bool `json:"talk,omitempty"`
	// Grant is stamped by the portal on offers: the right by which the viewer watches, if it can end by
	// itself. A bye with it ends every session of that grant, whatever session it names.
	Grant string `json:"grant,omitempty"`
	// Until is stamped by the portal on offers: when the session ends at the latest, in Unix milliseconds;
	// 0 is never.
	Until      int64       `json:"until,omitempty"`
	SDP        string      `json:"sdp,omitempty"`
	Candidate  *Candidate  `json:"candidate,omitempty"`
	ICEServers []ICEServer `json:"ice_servers,omitempty"`
	// Policy is stamped by the portal on welcomes and offers; absent is PolicyAll.
	Policy Policy `json:"ice_policy,omitempty"`
	// Reason says why a session ended (bye), as one of the Reason constants.
	Reason string `json:"reason,omitempty"`
	Error  *Error `json:"error,omitempty"`
	// Viewer is the id whose sessions this WebSocket may use (welcome).
	Viewer ViewerID `json:"viewer,omitempty"`
	// Measure asks the page for the stages of its views (welcome).
	Measure bool `json:"measure,omitempty"`
	// Stages are those of the session (stages).
	Stages *StageTimes `json:"stages,omitempty"`
	// Presence is the camera's status as the portal judges it (status).
	Presence *Presence `json:"presence,omitempty"`
}

// Candidate is an RTCIceCandidateInit. An empty Candidate string is the end of candidates.
type Candidate struct {
	Candidate        string  `json:"candidate"`
	SDPMid           *string `json:"sdpMid,omitempty"`
	SDPMLineIndex    *uint16 `json:"sdpMLineIndex,omitempty"`
	UsernameFragment *string `json:"usernameFragment,omitempty"`
}

// ICEServer is an RTCIceServer: STUN or TURN URLs with the credential for TURN.
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// StageTimes say when each stage of a view's beginning was over, as the page has measured them: in milliseconds since the
// click, of which each is at least the one before it and none over [MaxStage].
type StageTimes struct {
	Offer     int `json:"offer"`     // sent
	Answer    int `json:"answer"`    // accepted
	Connected int `json:"connected"` // by DTLS
	Frame     int `json:"frame"`     // the first one was shown
}

// MaxStage bounds what a page says in [StageTimes], in milliseconds.
const MaxStage = 60_000

// Policy says which ICE candidates may be used (RFC 8829 section 3.5.3).
type Policy string

// The policies. With PolicyRelay neither end learns the other's address.
const (
	PolicyAll   Policy = "all"
	PolicyRelay Policy = "relay"
)

// Role is what a viewer is to a camera.
type Role string

// The roles. Only owners change a camera's settings.
const (
	RoleOwner  Role = "owner"
	RoleViewer Role = "viewer"
)

// Reasons of a bye.
const (
	ReasonLeft      = "left"       // the viewer closed the page or pressed stop
	ReasonRevoked   = "revoked"    // the viewer may no longer see this camera
	ReasonLoggedOut = "logged_out" // the viewer's login ended
	ReasonShutdown  = "shutdown"   // the camera is stopping
	ReasonFailed    = "failed"     // the connection between viewer and camera was lost
	ReasonPrivate   = "private"    // the camera's privacy mode began
	ReasonUnpaired  = "unpaired"   // only paired devices may watch, and the viewer's is none, or none any more
)

// Code tells a program why something was refused; the Error's message tells a person.
type Code string

// The refusals.
const (
	CodeBadMessage   Code = "bad_message"         // not JSON, a missing field, too large
	CodeVersion      Code = "unsupported_version" // v is not 1
	CodeNotFound     Code = "not_found"           // no such camera, or not yours: deliberately the same
	CodeUnauthorised Code = "unauthorised"        // the session is not this viewer's
	CodePending      Code = "sign_up_unfinished"  // finish the sign-up first
	CodeOffline      Code = "offline"             // the camera is not connected
	CodeBusy         Code = "busy"                // the camera serves as many viewers as it can
	CodeSourceLost   Code = "source_lost"         // the camera is connected but has no picture
	CodeRateLimited  Code = "rate_limited"        // too many messages
	CodeReplayed     Code = "replayed"            // this message, or a newer one, was already handled
	CodeNoCodec      Code = "no_common_codec"     // viewer and camera share no codec
	CodeUnknown      Code = "unknown_session"     // the session has ended or never began
	CodePrivate      Code = "private"             // the camera's privacy mode is on
	CodeUnpaired     Code = "unpaired"            // only paired devices may watch, and the viewer's is none
	CodeMethod       Code = "unknown_method"      // the camera has no such method
	CodeInternal     Code = "internal"            // our fault; see the log
)

// Error is a refusal: what happened and what to do next.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
	// RetryAfter is in seconds; 0 means that trying again by itself is pointless.
	RetryAfter int `json:"retry_after,omitempty"`
}

// Error returns the text for a log.
func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.Code, e.Message) }

// Visits reports whether an offer is one of a visit, for neither picture nor sound: by it devices are paired. Whatever it
// is taken for, a visit has no track to send.
func (m *Message) Visits() bool {
	return strings.Contains(m.SDP, "m=application") && !strings.Contains(m.SDP, "m=video") && !strings.Contains(m.SDP, "m=audio")
}

// Errors of [Decode] and [Message.Validate]. Every other failure of theirs wraps ErrBadMessage.
var (
	ErrBadMessage = errors.New("bad message")
	ErrVersion    = errors.New("unsupported protocol version")
)

// Decode parses and validates one message of at most [MaxMessage] bytes. Unknown fields are
// ignored, so that version 1 can grow; unknown versions and types are refused.
func Decode(data []byte) (Message, error) {
	var m Message
	if len(data) > MaxMessage {
		return m, fmt.Errorf("%w: %d bytes, at most %d", ErrBadMessage, len(data), MaxMessage)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&m); err != nil {
		return Message{}, fmt.Errorf("%w: not a JSON message", ErrBadMessage)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Message{}, fmt.Errorf("%w: data after the message", ErrBadMessage)
	}
	if err := m.Validate(); err != nil {
		return Message{}, err
	}
	return m, nil
}

// Encode validates m, sets its version and returns its JSON.
func Encode(m Message) ([]byte, error) {
	m.V = Version
	if err := m.Validate(); err != nil {
		return nil, err
	}
	data, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", m.Type, err)
	}
	if len(data) > MaxMessage {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrBadMessage, len(data), MaxMessage)
	}
	return data, nil
}
