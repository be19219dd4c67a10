package credential

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

// Who may call which method, and hear which replies.
func TestMethodRules(t *testing.T) {
	const mine, other = "c1", "c2"
	tool := func(rights ToolRights) []Rule { return ToolRules(mine, "tool-x", rights) }
	rpc, snapshot, both := tool(ToolRights{RPC: true}), tool(ToolRights{Snapshot: true}), tool(ToolRights{RPC: true, Snapshot: true})
	all := ToolRules("+", "tool-x", ToolRights{RPC: true, Snapshot: true})
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

// A broker that evaluates the claim by itself takes the first rule that matches: the denials of single
// methods come before the permission for all.
func TestDenialsOfMethodsComeFirst(t *testing.T) {
	for _, rights := range []ToolRights{{RPC: true}, {RPC: true, Snapshot: true}} {
		rules := ToolRules("c1", "tool-x", rights)
		every := slices.Index(rules, Rule{"allow", Publish, signaling.RPCFilter("c1")})
		for _, method := range []string{signaling.MethodPrivacy, signaling.MethodSnapshot} {
			named := slices.IndexFunc(rules, func(r Rule) bool { return r.Topic == signaling.RPCTopic("c1", method) })
			require.True(t, named >= 0 && named < every, "%s in %v", method, rules)
		}
		require.Equal(t, denyAll, rules[len(rules)-1])
	}
}

func TestGrantsSnapshot(t *testing.T) {
	require.True(t, GrantsSnapshot(ToolRules("c1", "tool-x", ToolRights{Snapshot: true})))
	require.True(t, GrantsSnapshot(ToolRules("+", "tool-x", ToolRights{RPC: true, Snapshot: true})))
	require.False(t, GrantsSnapshot(ToolRules("c1", "tool-x", ToolRights{RPC: true})))
	require.False(t, GrantsSnapshot([]Rule{{"allow", Publish, "seccam/v1/cameras/c1/rpc/+"}, denyAll}), "as tokens were before")
	require.False(t, GrantsSnapshot([]Rule{{"allow", All, "#"}}))
	require.False(t, GrantsSnapshot(nil))
}
