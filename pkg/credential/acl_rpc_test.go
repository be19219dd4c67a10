package credential

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

// Who may call which method, and hear which replies.
func TestMethodRules(t *testing.T) {
	const mine, other = "c1", "c2"
	tool := func(rights ToolRights) []Rule { return ToolRules(mine, "tool-x", rights) }
	rpc, snapshot, both := tool(ToolRights{RPC: true}), tool(ToolRights{Snapshot: true}), tool(ToolRights{RPC: true, Snapshot: true})
	restart, all := tool(ToolRights{Restart: true}), ToolRules("+", "tool-x", ToolRights{RPC: true, Snapshot: true, Restart: true})
	for _, tc := range []struct {
		who    string
		rules  []Rule
		action Action
		topic  string
		want   bool
	}{
		{"none", tool(ToolRights{}), Publish, signaling.RPCTopic(mine, "ping"), false},
		{"none", tool(ToolRights{}), Publish, signaling.RPCTopic(mine, "snapshot"), false},
		{"none", tool(ToolRights{}), Subscribe, signaling.ReplyTopic(mine, "tool-x"), false},
		{"rpc", rpc, Publish, signaling.RPCTopic(mine, "ping"), true},
		{"rpc", rpc, Publish, signaling.RPCTopic(mine, "snapshot"), false},
		{"rpc", rpc, Publish, signaling.RPCTopic(mine, "privacy"), false},
		{"rpc", rpc, Publish, signaling.RPCTopic(other, "ping"), false},
		{"rpc", rpc, Subscribe, signaling.ReplyTopic(mine, "tool-x"), true},
		{"rpc", rpc, Subscribe, signaling.ReplyTopic(mine, "tool-y"), false},
		{"rpc", rpc, Subscribe, signaling.RPCFilter(mine), false},
		{"snapshot", snapshot, Publish, signaling.RPCTopic(mine, "snapshot"), true},
		{"snapshot", snapshot, Publish, signaling.RPCTopic(mine, "ping"), false},
		{"snapshot", snapshot, Publish, signaling.RPCTopic(mine, "privacy"), false},
		{"snapshot", snapshot, Publish, signaling.RPCTopic(other, "snapshot"), false},
		{"snapshot", snapshot, Subscribe, signaling.ReplyTopic(mine, "tool-x"), true},
		{"both", both, Publish, signaling.RPCTopic(mine, "snapshot"), true},
		{"both", both, Publish, signaling.RPCTopic(mine, "ping"), true},
		{"both", both, Publish, signaling.RPCTopic(mine, "privacy"), false},
		{"both", both, Publish, signaling.RPCTopic(mine, "restart"), false},
		{"restart", restart, Publish, signaling.RPCTopic(mine, "restart"), true},
		{"restart", restart, Publish, signaling.RPCTopic(other, "restart"), false},
		{"restart", restart, Publish, signaling.RPCTopic(mine, "logs"), false},
		{"restart", restart, Subscribe, signaling.ReplyTopic(mine, "tool-x"), true},
		{"all cameras", all, Publish, signaling.RPCTopic(mine, "anything"), false},
		{"all cameras", all, Publish, signaling.RPCTopic(other, "snapshot"), true},
		{"all cameras", all, Publish, signaling.RPCTopic(other, "privacy"), false},
		{"all cameras", all, Subscribe, signaling.RepliesFilter("tool-x"), true},
		{"all cameras", all, Subscribe, signaling.RepliesFilter("+"), false},
		{"camera", CameraRules(mine), Subscribe, signaling.RPCFilter(mine), true},
		{"camera", CameraRules(mine), Subscribe, signaling.RPCFilter(other), false},
		{"camera", CameraRules(mine), Publish, signaling.ReplyTopic(mine, "tool-x"), true},
		{"camera", CameraRules(mine), Publish, signaling.ReplyTopic(other, "tool-x"), false},
		{"camera", CameraRules(mine), Publish, signaling.RPCTopic(mine, "snapshot"), false},
		{"camera", CameraRules(mine), Subscribe, signaling.ReplyTopic(mine, "tool-x"), false},
		{"portal", PortalRules("p1"), Publish, signaling.RPCTopic(mine, "privacy"), true},
		{"portal", PortalRules("p1"), Publish, signaling.RPCTopic(mine, "snapshot"), true},
		{"portal", PortalRules("p1"), Subscribe, signaling.RepliesFilter("portal-p1"), true},
		{"portal", PortalRules("p1"), Subscribe, signaling.RepliesFilter("portal-p2"), false},
		{"portal", PortalRules("p1"), Subscribe, signaling.RepliesFilter("p1"), false},
		{"portal", PortalRules("p1"), Subscribe, signaling.RPCFilter("+"), false},
		{"portal", PortalRules("p1"), Publish, signaling.ReplyTopic(mine, "portal-p1"), false},
	} {
		require.Equal(t, tc.want, Allowed(tc.rules, tc.action, tc.topic), "%s %s %s", tc.who, tc.action, tc.topic)
	}
}

// A broker that evaluates the claim by itself knows no wildcard of methods: what is new is not given out by
// tokens that are older.
func TestMethodsAreNamed(t *testing.T) {
	for _, rights := range []ToolRights{{RPC: true}, {Snapshot: true}, {Restart: true}, {Config: true}, {RPC: true, Snapshot: true, Restart: true, Config: true}} {
		rules := ToolRules("c1", "tool-x", rights)
		for _, rule := range rules {
			require.False(t, rule.Action == Publish && strings.ContainsAny(rule.Topic, "+#"), "%v", rule)
		}
		require.Equal(t, denyAll, rules[len(rules)-1])
	}
}

func TestGrantedRights(t *testing.T) {
	for name, tc := range map[string]struct {
		claim []Rule
		want  ToolRights
	}{
		"snapshot":           {ToolRules("c1", "tool-x", ToolRights{Snapshot: true}), ToolRights{RPC: true, Snapshot: true}},
		"restart":            {ToolRules("+", "tool-x", ToolRights{Restart: true}), ToolRights{RPC: true, Restart: true}},
		"config":             {ToolRules("+", "tool-x", ToolRights{Config: true}), ToolRights{RPC: true, Config: true}},
		"rpc":                {ToolRules("c1", "tool-x", ToolRights{RPC: true}), ToolRights{RPC: true}},
		"as tokens were":     {[]Rule{{"allow", Publish, "seccam/v1/cameras/c1/rpc/+"}, denyAll}, ToolRights{RPC: true}},
		"everything":         {[]Rule{{"allow", All, "#"}}, ToolRights{RPC: true}},
		"a denial by name":   {[]Rule{{"deny", Publish, "seccam/v1/cameras/c1/rpc/restart"}}, ToolRights{RPC: true}},
		"another's, by name": {[]Rule{{"allow", Subscribe, "seccam/v1/cameras/c1/rpc/restart"}}, ToolRights{RPC: true}},
	} {
		require.Equal(t, tc.want, GrantedRights(tc.claim), name)
	}
}

func TestAllTopicsOfACamera(t *testing.T) {
	mine, all := ToolRules("c1", "tool-x", ToolRights{}), ToolRules("+", "tool-x", ToolRights{RPC: true})
	for filter, want := range map[string][2]bool{
		"seccam/v1/cameras/c1/#": {true, true}, "seccam/v1/cameras/c2/#": {false, true}, "seccam/v1/cameras/+/#": {false, true},
		"#": {}, "seccam/#": {}, "seccam/v1/cameras/#": {}, "seccam/v1/cameras/c1/sessions/#": {}, "seccam/v1/cameras/c1/replies/#": {},
		"seccam/v1/cameras/c1/rpc/#": {}, "$share/g/seccam/v1/cameras/c1/#": {}, "seccam/v1/cameras/c1/+": {}, "/#": {},
	} {
		require.Equal(t, want, [2]bool{AllowedWhole(mine, filter), AllowedWhole(all, filter)}, filter)
		require.False(t, Allowed(all, Subscribe, filter), "by the rules alone: %s", filter)
	}
	require.False(t, AllowedWhole(CameraRules("c1"), "seccam/v1/cameras/c1/#"))
}
