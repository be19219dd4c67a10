package credential

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestRoleRules(t *testing.T) {
	const session = "/sessions/p1/s/"
	base := "seccam/v1/cameras/c1"
	other := "seccam/v1/cameras/c2"
	camera, portal := CameraRules("c1"), PortalRules("p1")
	tool, caller := ToolRules("c1", "tool-x", ToolRights{}), ToolRules("c1", "tool-x", ToolRights{RPC: true})
	for _, tc := range []struct {
		who    string
		rules  []Rule
		action Action
		topic  string
		want   bool
	}{
		{"camera", camera, Publish, base + "/status", true},
		{"camera", camera, Publish, other + "/status", false},
		{"camera", camera, Publish, base + session + "to-viewer", true},
		{"camera", camera, Publish, base + session + "to-camera", false},
		{"camera", camera, Publish, other + session + "to-viewer", false},
		{"camera", camera, Subscribe, base + "/sessions/+/+/to-camera", true},
		{"camera", camera, Subscribe, "seccam/v1/cameras/+/sessions/+/+/to-camera", false},
		{"camera", camera, Subscribe, base + "/#", false},
		{"camera", camera, Subscribe, "#", false},
		{"camera", camera, Subscribe, "+/+/+/+/+", false},
		{"camera", camera, Subscribe, "$share/g/" + base + "/status", false},
		{"camera", camera, Subscribe, "$SYS/#", false},
		{"camera", camera, Publish, "", false},
		{"portal", portal, Subscribe, "seccam/v1/cameras/+/status", true},
		{"portal", portal, Publish, base + session + "to-camera", true},
		{"portal", portal, Publish, base + "/sessions/p2/s/to-camera", false},
		{"portal", portal, Subscribe, "seccam/v1/cameras/+/sessions/p1/+/to-viewer", true},
		{"portal", portal, Subscribe, "seccam/v1/cameras/+/sessions/+/+/to-viewer", false},
		{"portal", portal, Publish, base + "/status", false},
		{"tool", tool, Subscribe, base + "/status", true},
		{"tool", tool, Subscribe, other + "/status", false},
		{"tool", tool, Subscribe, base + session + "to-camera", false},
		{"tool", tool, Publish, base + "/rpc/ping", false},
		{"caller", caller, Publish, base + "/rpc/ping", true},
		{"caller", caller, Subscribe, base + "/replies/tool-x", true},
		{"caller", caller, Subscribe, base + "/replies/tool-y", false},
		{"caller", caller, Publish, base + "/status", false},
		{"nobody", nil, Subscribe, base + "/status", false},
	} {
		require.Equal(t, tc.want, Allowed(tc.rules, tc.action, tc.topic), "%s %s %s", tc.who, tc.action, tc.topic)
	}
}

func TestAFilterThatReachesADeniedTopicIsDenied(t *testing.T) {
	rules := []Rule{{"deny", Subscribe, "a/secret"}, {"allow", Subscribe, "a/+"}, denyAll}
	require.True(t, Allowed(rules, Subscribe, "a/b"))
	require.False(t, Allowed(rules, Subscribe, "a/secret"))
	require.False(t, Allowed(rules, Subscribe, "a/+"), "it matches a/secret, too")
}

// matches is the plain definition of MQTT 5 section 4.7, for topics of a few levels.
func matches(filter, topic []string) bool {
	switch {
	case len(filter) > 0 && filter[0] == "#":
		return true
	case len(filter) == 0 || len(topic) == 0:
		return len(filter) == len(topic)
	case filter[0] != "+" && filter[0] != topic[0]:
		return false
	case len(topic) == 1 && len(filter) == 2 && filter[1] == "#":
		return true // "a/#" matches "a"
	}
	return matches(filter[1:], topic[1:])
}

func TestCoversAndOverlapsAgreeWithTheDefinition(t *testing.T) {
	topics := allTopics(3)
	level := rapid.SampledFrom([]string{"a", "b", "+"})
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) []string {
			f := rapid.SliceOfN(level, 1, 3).Draw(t, name)
			if rapid.Bool().Draw(t, name+"#") {
				f = append(f, "#")
			}
			return f
		}
		rule, filter := draw("rule"), draw("filter")
		coversAll, overlapsAny := true, false
		for _, topic := range topics {
			if matches(filter, topic) {
				coversAll = coversAll && matches(rule, topic)
				overlapsAny = overlapsAny || matches(rule, topic)
			}
		}
		if covers(join(rule), join(filter)) && !coversAll {
			t.Fatalf("%v does not cover %v", rule, filter)
		}
		if overlapsAny && !overlaps(join(rule), join(filter)) {
			t.Fatalf("%v overlaps %v", rule, filter)
		}
	})
}

func allTopics(depth int) [][]string {
	if depth == 0 {
		return [][]string{{}}
	}
	var list [][]string
	for _, rest := range append(allTopics(depth-1), nil) {
		for _, l := range []string{"a", "b", "c"} {
			list = append(list, append([]string{l}, rest...))
		}
	}
	return list
}

func join(levels []string) string {
	s := levels[0]
	for _, l := range levels[1:] {
		s += "/" + l
	}
	return s
}

func TestAllowedDoesNotAllocate(t *testing.T) {
	rules := CameraRules("c1")
	n := testing.AllocsPerRun(100, func() {
		Allowed(rules, Subscribe, "seccam/v1/cameras/c1/sessions/p/s/to-camera")
	})
	require.Zero(t, n, "it runs for every delivery")
}
