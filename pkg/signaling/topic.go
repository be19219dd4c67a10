package signaling

import (
	"fmt"
	"strings"
)

// Root is the first part of every topic of ours.
const Root = "seccam/v1/cameras/"

// maxTopic bounds what [ParseTopic] looks at, in bytes.
const maxTopic = 256

// Kind says which of our topics a topic is.
type Kind int

// The topics below seccam/v1/cameras/{camera}/.
const (
	KindStatus         Kind = iota + 1 // status: retained presence
	KindTelemetry                      // telemetry: periodic measurements
	KindEvent                          // events/{kind}
	KindToCamera                       // sessions/{portal}/{session}/to-camera
	KindToViewer                       // sessions/{portal}/{session}/to-viewer
	KindRPC                            // rpc/{method}
	KindReply                          // replies/{client}
	KindConfigDesired                  // config/desired: retained, what the camera is to be set to
	KindConfigReported                 // config/reported: retained, how it is set
)

// Topic is a parsed topic name. Portal and Session are set for the session topics, Name (event
// kind, method or client id) for events, rpc and replies.
type Topic struct {
	Kind    Kind
	Camera  string
	Portal  string
	Session SessionID
	Name    string
}

// String returns the topic name; the inverse of [ParseTopic].
func (t Topic) String() string {
	base := Root + t.Camera
	switch t.Kind {
	case KindStatus:
		return base + "/status"
	case KindTelemetry:
		return base + "/telemetry"
	case KindEvent:
		return base + "/events/" + t.Name
	case KindToCamera:
		return base + "/sessions/" + t.Portal + "/" + string(t.Session) + "/to-camera"
	case KindToViewer:
		return base + "/sessions/" + t.Portal + "/" + string(t.Session) + "/to-viewer"
	case KindRPC:
		return base + "/rpc/" + t.Name
	case KindReply:
		return base + "/replies/" + t.Name
	case KindConfigDesired:
		return base + "/config/desired"
	case KindConfigReported:
		return base + "/config/reported"
	}
	return ""
}

// StatusTopic returns the retained presence topic of a camera.
func StatusTopic(camera string) string { return Root + camera + "/status" }

// TelemetryTopic returns the topic of a camera's periodic measurements.
func TelemetryTopic(camera string) string { return Root + camera + "/telemetry" }

// AllStatusFilter matches every camera's status: what a portal subscribes to.
func AllStatusFilter() string { return Root + "+/status" }

// AllTelemetryFilter and AllEventsFilter match what every camera measures and what happens at it.
func AllTelemetryFilter() string { return Root + "+/telemetry" }

// AllEventsFilter is described at [AllTelemetryFilter].
func AllEventsFilter() string { return Root + "+/events/+" }

// ToCameraFilter matches every session message for one camera: what a camera subscribes to.
func ToCameraFilter(camera string) string { return Root + camera + "/sessions/+/+/to-camera" }

// ToViewerFilter matches every camera's messages to the viewers of one portal instance: a portal
// subscribes to it once, so that no view waits for a SUBACK.
func ToViewerFilter(portal string) string { return Root + "+/sessions/" + portal + "/+/to-viewer" }

// RPCTopic returns the topic of a camera's method, one of the Method constants.
func RPCTopic(camera, method string) string { return Root + camera + "/rpc/" + method }

// RPCFilter matches every method of one camera: what a camera subscribes to.
func RPCFilter(camera string) string { return RPCTopic(camera, "+") }

// ReplyTopic returns where a camera answers a client: the Response Topic of its requests. The client
// is named by its token's subject.
func ReplyTopic(camera, client string) string { return Root + camera + "/replies/" + client }

// RepliesFilter matches every camera's replies to one client, who subscribes to it once.
func RepliesFilter(client string) string { return ReplyTopic("+", client) }

// ParseTopic splits a topic name (not a filter) into its parts, or says why it is not one of ours.
func ParseTopic(name string) (Topic, error) {
	rest, ok := strings.CutPrefix(name, Root)
	if !ok || len(name) > maxTopic {
		return Topic{}, fmt.Errorf("topic %.64q: not below %s", name, Root)
	}
	parts := strings.Split(rest, "/")
	for _, part := range parts {
		if !validLevel(part) {
			return Topic{}, fmt.Errorf("topic %.64q: a level is empty or has a character we do not use", name)
		}
	}
	t := Topic{Camera: parts[0]}
	switch {
	case len(parts) == 2 && parts[1] == "status":
		t.Kind = KindStatus
	case len(parts) == 2 && parts[1] == "telemetry":
		t.Kind = KindTelemetry
	case len(parts) == 3 && parts[1] == "config" && configKinds[parts[2]] != 0:
		t.Kind = configKinds[parts[2]]
	case len(parts) == 3 && namedKinds[parts[1]] != 0:
		t.Kind, t.Name = namedKinds[parts[1]], parts[2]
	case len(parts) == 5 && parts[1] == "sessions" && sessionKinds[parts[4]] != 0:
		t.Kind, t.Portal, t.Session = sessionKinds[parts[4]], parts[2], SessionID(parts[3])
		if !t.Session.Valid() {
			return Topic{}, fmt.Errorf("topic %.64q: malformed session", name)
		}
	default:
		return Topic{}, fmt.Errorf("topic %.64q: unknown", name)
	}
	return t, nil
}

var (
	namedKinds   = map[string]Kind{"events": KindEvent, "rpc": KindRPC, "replies": KindReply}
	configKinds  = map[string]Kind{"desired": KindConfigDesired, "reported": KindConfigReported}
	sessionKinds = map[string]Kind{"to-camera": KindToCamera, "to-viewer": KindToViewer}
)

// validLevel allows letters, digits, '-', '_' and '.', so no level is a wildcard or a $-topic.
func validLevel(s string) bool {
	for _, c := range []byte(s) {
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alnum && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return s != ""
}
