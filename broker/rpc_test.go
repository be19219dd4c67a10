package broker

import (
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/pkg/signaling"
)

// A picture is media: a tool that was not given the right to take one is refused, whatever else it
// may do, and nobody's tool touches privacy mode.
func TestMethodsThatAToolMayCall(t *testing.T) {
	f := start(t, testConfig(), nil)
	before := []credential.Rule{ // as tokens with rpc were before there was the right
		{Permission: "allow", Action: credential.Publish, Topic: signaling.RPCFilter(cameraA)},
		{Permission: "deny", Action: credential.All, Topic: "#"},
	}
	everything := []credential.Rule{{Permission: "allow", Action: credential.All, Topic: "#"}}
	rules := func(rights credential.ToolRights) []credential.Rule {
		return credential.ToolRules(cameraA, "tool-x", rights)
	}
	const ok, refused = 0, 0x87
	for name, tc := range map[string]struct {
		rules                            []credential.Rule
		ping, snapshot, restart, privacy byte
	}{
		"reading only": {rules(credential.ToolRights{}), refused, refused, refused, refused},
		"rpc":          {rules(credential.ToolRights{RPC: true}), ok, refused, refused, refused},
		"snapshot":     {rules(credential.ToolRights{Snapshot: true}), refused, ok, refused, refused},
		"restart":      {rules(credential.ToolRights{Restart: true}), refused, refused, ok, refused},
		"all":          {rules(credential.ToolRights{RPC: true, Snapshot: true, Restart: true}), ok, ok, ok, refused},
		"an old token": {before, ok, refused, refused, refused},
		"a wide claim": {everything, ok, refused, refused, refused},
	} {
		t.Run(name, func(t *testing.T) {
			w := f.connect(t, loginFor(t, tool("x"), tc.rules, time.Now(), time.Hour))
			for method, want := range map[string]byte{
				signaling.MethodPing: tc.ping, signaling.MethodSnapshot: tc.snapshot, signaling.MethodRestart: tc.restart, signaling.MethodPrivacy: tc.privacy, "anything": refused,
			} {
				w.publish(signaling.RPCTopic(cameraA, method), "{}", 1, false)
				require.Equal(t, want, w.expect(packets.Puback).ReasonCode, method)
			}
		})
	}
}

// A camera answers only in its own name.
func TestCameraRepliesInItsOwnName(t *testing.T) {
	f := start(t, testConfig(), nil)
	a := f.connectAs(t, camera(cameraA))
	a.publish(signaling.ReplyTopic(cameraB, "portal-p1"), "{}", 1, false)
	require.Equal(t, byte(0x87), a.expect(packets.Puback).ReasonCode)
	require.Equal(t, []byte{0x87}, a.subscribe(1, signaling.RPCFilter(cameraB)))
}
