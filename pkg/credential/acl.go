package credential

import (
	"slices"
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

// NoRules allow nothing: a token for being connected.
func NoRules() []Rule { return []Rule{denyAll} }

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
		allow(Subscribe, signaling.ConfigDesiredTopic(camera)),
		allow(Publish, signaling.ConfigReportedTopic(camera)),
		denyAll,
	}
}

// PortalRules are a portal instance's rights: every camera's presence and methods, the sessions of
// its own viewers and the replies to itself.
func PortalRules(instance string) []Rule {
	base := signaling.Root + "+"
	client := Identity{Role: RolePortal, ID: instance}.Subject()
	return []Rule{
		allow(Subscribe, base+"/status"),
		allow(Subscribe, base+"/telemetry"),
		allow(Subscribe, base+"/events/+"),
		allow(Publish, base+"/sessions/"+instance+"/+/to-camera"),
		allow(Subscribe, base+"/sessions/"+instance+"/+/to-viewer"),
		allow(Publish, signaling.RPCFilter("+")),
		allow(Subscribe, signaling.RepliesFilter(client)),
		allow(Publish, signaling.ConfigDesiredTopic("+")),
		allow(Subscribe, signaling.AllConfigReportedFilter()),
		denyAll,
	}
}

// ToolRights are what a tool may do besides reading. Each allows its own methods and no others, so that a
// method which is new is nobody's until it is given to somebody.
type ToolRights struct {
	RPC      bool // call the methods that show how the camera is, and change nothing
	Snapshot bool // take pictures
	Restart  bool // restart camerad, or the camera's source
	Config   bool // set what of the camera's configuration can be set from afar
}

// methods are those that the rights are for. Privacy mode is the owner's alone.
func (r ToolRights) methods() (all []string) {
	if r.RPC {
		all = append(all, signaling.MethodPing, signaling.MethodInfo, signaling.MethodLogs, signaling.MethodSelftest)
	}
	if r.Snapshot {
		all = append(all, signaling.MethodSnapshot)
	}
	if r.Restart {
		all = append(all, signaling.MethodRestart)
	}
	if r.Config {
		all = append(all, signaling.MethodConfig)
	}
	return all
}

// ToolRules are a diagnostic tool's rights on one camera ("+" for all): to read its status,
// telemetry, events and configuration, and to call methods as its rights say. Signalling is never among the rights, since it
// carries TURN credentials.
func ToolRules(camera, client string, rights ToolRights) []Rule {
	base := signaling.Root + camera
	rules := []Rule{
		allow(Subscribe, base+"/status"),
		allow(Subscribe, base+"/telemetry"),
		allow(Subscribe, base+"/events/+"),
		allow(Subscribe, base+"/config/+"),
	}
	if rights.Config {
		rules = append(rules, allow(Publish, signaling.ConfigDesiredTopic(camera)))
	}
	methods := rights.methods()
	if len(methods) > 0 {
		rules = append(rules, allow(Subscribe, signaling.ReplyTopic(camera, client)))
	}
	for _, method := range methods {
		rules = append(rules, allow(Publish, signaling.RPCTopic(camera, method)))
	}
	return append(rules, denyAll)
}

// GrantedRights are the rights that a tool's claim can give at most. Those that need a permission of their
// own count only where the claim names them: a token that is older than such a right may allow all methods
// without naming any.
func GrantedRights(claim []Rule) ToolRights {
	names := func(method string) bool {
		return slices.ContainsFunc(claim, func(r Rule) bool {
			return r.Permission == "allow" && r.Action == Publish && strings.HasSuffix(r.Topic, "/rpc/"+method)
		})
	}
	return ToolRights{RPC: true, Snapshot: names(signaling.MethodSnapshot), Restart: names(signaling.MethodRestart), Config: names(signaling.MethodConfig)}
}

// AllowedWhole reports whether filter is all of a camera's topics ("…/ID/#"), and rules let a tool read some
// of them. A broker that judges every delivery, as ours does, may grant such a subscription, by which the
// tool then gets what it may read. The rules do not allow it: other brokers would deliver everything.
func AllowedWhole(rules []Rule, filter string) bool {
	base, whole := strings.CutSuffix(filter, "/#")
	return whole && Allowed(rules, Subscribe, base+"/status") && Allowed(rules, Subscribe, base+"/telemetry")
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
