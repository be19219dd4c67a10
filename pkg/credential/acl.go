package credential

import (
	"strings"

	"seccam/pkg/signaling"
)

// Action is what a client does with a topic.
type Action string

// The actions of a rule, in EMQX's words.
const (
	Publish   Action = "publish"
	Subscribe Action = "subscribe"
	All       Action = "all"
)

// Rule is one entry of a token's acl claim, in the form that EMQX evaluates by itself. The first
// rule that matches decides; every list of ours ends with a deny of everything.
type Rule struct {
	Permission string `json:"permission"` // "allow" or "deny"
	Action     Action `json:"action"`
	Topic      string `json:"topic"`
}

func allow(action Action, topic string) Rule { return Rule{"allow", action, topic} }

var denyAll = Rule{"deny", All, "#"}

// CameraRules are a camera's rights: its own topics, in the directions of the design, and its own
// status back, by which it repairs what a stale Will has overwritten.
func CameraRules(camera string) []Rule {
	base := signaling.Root + camera
	return []Rule{
		allow(Publish, base+"/status"),
		allow(Subscribe, base+"/status"),
		allow(Publish, base+"/telemetry"),
		allow(Publish, base+"/events/+"),
		allow(Publish, base+"/sessions/+/+/to-viewer"),
		allow(Subscribe, base+"/sessions/+/+/to-camera"),
		allow(Subscribe, base+"/rpc/+"),
		allow(Publish, base+"/replies/+"),
		denyAll,
	}
}

// PortalRules are a portal instance's rights: every camera's presence, and the sessions of its own
// viewers.
func PortalRules(instance string) []Rule {
	base := signaling.Root + "+"
	return []Rule{
		allow(Subscribe, base+"/status"),
		allow(Subscribe, base+"/telemetry"),
		allow(Subscribe, base+"/events/+"),
		allow(Publish, base+"/sessions/"+instance+"/+/to-camera"),
		allow(Subscribe, base+"/sessions/"+instance+"/+/to-viewer"),
		denyAll,
	}
}

// ToolRules are a diagnostic tool's rights on one camera ("+" for all): to read its status,
// telemetry and events, and with rpc to call its methods. Signalling is never among them, since it
// carries TURN credentials.
func ToolRules(camera, client string, rpc bool) []Rule {
	base := signaling.Root + camera
	rules := []Rule{
		allow(Subscribe, base+"/status"),
		allow(Subscribe, base+"/telemetry"),
		allow(Subscribe, base+"/events/+"),
	}
	if rpc {
		rules = append(rules,
			allow(Publish, base+"/rpc/+"),
			allow(Subscribe, base+"/replies/"+client))
	}
	return append(rules, denyAll)
}

// Allowed reports whether rules let a client publish to, subscribe to or receive topic, which may
// be a filter when subscribing. A filter is allowed only if a rule covers all that it matches.
func Allowed(rules []Rule, action Action, topic string) bool {
	if topic == "" || strings.HasPrefix(topic, "$") {
		return false // an alias alone, $share and $SYS are nobody's
	}
	for _, rule := range rules {
		if rule.Action != All && rule.Action != action {
			continue
		}
		if covers(rule.Topic, topic) {
			return rule.Permission == "allow"
		}
		if rule.Permission != "allow" && overlaps(rule.Topic, topic) {
			return false // part of what the filter matches is denied
		}
	}
	return false
}

// covers reports whether every topic that filter matches is matched by rule (MQTT 5, 4.7.1). It
// compares level by level without allocating: it runs for every delivery.
func covers(rule, filter string) bool {
	for {
		r, ruleRest, ruleMore := strings.Cut(rule, "/")
		f, filterRest, filterMore := strings.Cut(filter, "/")
		switch {
		case r == "#":
			return true
		case f == "#" || r != "+" && r != f:
			return false
		case !filterMore:
			return !ruleMore || ruleRest == "#"
		case !ruleMore:
			return false
		}
		rule, filter = ruleRest, filterRest
	}
}

// overlaps reports whether any topic is matched by both filters.
func overlaps(a, b string) bool {
	for {
		x, aRest, aMore := strings.Cut(a, "/")
		y, bRest, bMore := strings.Cut(b, "/")
		switch {
		case x == "#" || y == "#":
			return true
		case x != y && x != "+" && y != "+":
			return false
		case !aMore && !bMore:
			return true
		case !aMore:
			return bRest == "#"
		case !bMore:
			return aRest == "#"
		}
		a, b = aRest, bRest
	}
}
