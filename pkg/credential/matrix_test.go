package credential

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"seccam/pkg/doccheck"
	"seccam/pkg/signaling"
)

// matrixWho are the columns of the table, with their rights. A camera whose key was revoked has no connection,
// and so none.
var matrixWho = []struct {
	name  string
	rules []Rule
}{
	{"the camera", CameraRules("c1")},
	{"another camera", CameraRules("c2")},
	{"revoked camera", nil},
	{"the session's portal", PortalRules("p1")},
	{"another portal", PortalRules("p2")},
	{"tool, reads", ToolRules("c1", "tool-x", ToolRights{})},
	{"tool, --rpc", ToolRules("c1", "tool-x", ToolRights{RPC: true})},
	{"tool, --snapshot", ToolRules("c1", "tool-x", ToolRights{Snapshot: true})},
	{"tool, --restart", ToolRules("c1", "tool-x", ToolRights{Restart: true})},
	{"tool, --configure", ToolRules("c1", "tool-x", ToolRights{Config: true})},
	{"tool of another camera", ToolRules("c2", "tool-y", ToolRights{RPC: true, Snapshot: true, Restart: true, Config: true})},
}

// matrixTopics are every topic of a camera, and filters that reach further than one may. P is to publish, S to
// subscribe, (S) to subscribe at the embedded broker, which delivers of it what the rows above have.
var matrixTopics = []struct {
	topic string
	want  []string
}{
	//                                           camera other revoked portal other reads rpc   snap  restart config others
	{"seccam/v1/cameras/c1/status", []string{"PS", "–", "–", "S", "S", "S", "S", "S", "S", "S", "–"}},
	{"seccam/v1/cameras/c1/telemetry", []string{"P", "–", "–", "S", "S", "S", "S", "S", "S", "S", "–"}},
	{"seccam/v1/cameras/c1/events/motion", []string{"P", "–", "–", "S", "S", "S", "S", "S", "S", "S", "–"}},
	{"seccam/v1/cameras/c1/config/desired", []string{"S", "–", "–", "P", "P", "S", "S", "S", "S", "PS", "–"}},
	{"seccam/v1/cameras/c1/config/reported", []string{"P", "–", "–", "S", "S", "S", "S", "S", "S", "S", "–"}},
	{"seccam/v1/cameras/c1/sessions/p1/s/to-camera", []string{"S", "–", "–", "P", "–", "–", "–", "–", "–", "–", "–"}},
	{"seccam/v1/cameras/c1/sessions/p1/s/to-viewer", []string{"P", "–", "–", "S", "–", "–", "–", "–", "–", "–", "–"}},
	{"seccam/v1/cameras/c1/rpc/ping", []string{"S", "–", "–", "P", "P", "–", "P", "–", "–", "–", "–"}},
	{"seccam/v1/cameras/c1/rpc/info", []string{"S", "–", "–", "P", "P", "–", "P", "–", "–", "–", "–"}},
	{"seccam/v1/cameras/c1/rpc/logs", []string{"S", "–", "–", "P", "P", "–", "P", "–", "–", "–", "–"}},
	{"seccam/v1/cameras/c1/rpc/selftest", []string{"S", "–", "–", "P", "P", "–", "P", "–", "–", "–", "–"}},
	{"seccam/v1/cameras/c1/rpc/restart", []string{"S", "–", "–", "P", "P", "–", "–", "–", "P", "–", "–"}},
	{"seccam/v1/cameras/c1/rpc/config", []string{"S", "–", "–", "P", "P", "–", "–", "–", "–", "P", "–"}},
	{"seccam/v1/cameras/c1/rpc/anything", []string{"S", "–", "–", "P", "P", "–", "–", "–", "–", "–", "–"}},
	{"seccam/v1/cameras/c1/rpc/snapshot", []string{"S", "–", "–", "P", "P", "–", "–", "P", "–", "–", "–"}},
	{"seccam/v1/cameras/c1/rpc/privacy", []string{"S", "–", "–", "P", "P", "–", "–", "–", "–", "–", "–"}},
	{"seccam/v1/cameras/c1/replies/portal-p1", []string{"P", "–", "–", "S", "–", "–", "–", "–", "–", "–", "–"}},
	{"seccam/v1/cameras/c1/replies/tool-x", []string{"P", "–", "–", "–", "–", "–", "S", "S", "S", "S", "–"}},
	{"seccam/v1/cameras/c1/anything", []string{"–", "–", "–", "–", "–", "–", "–", "–", "–", "–", "–"}},
	{"seccam/v1/cameras/c1/#", []string{"–", "–", "–", "–", "–", "(S)", "(S)", "(S)", "(S)", "(S)", "–"}},
	{"seccam/v1/cameras/+/status", []string{"–", "–", "–", "S", "S", "–", "–", "–", "–", "–", "–"}},
	{"seccam/v1/cameras/+/sessions/+/+/to-viewer", []string{"–", "–", "–", "–", "–", "–", "–", "–", "–", "–", "–"}},
	{"#", []string{"–", "–", "–", "–", "–", "–", "–", "–", "–", "–", "–"}},
	{"$share/g/seccam/v1/cameras/c1/status", []string{"–", "–", "–", "–", "–", "–", "–", "–", "–", "–", "–"}},
	{"$SYS/#", []string{"–", "–", "–", "–", "–", "–", "–", "–", "–", "–", "–"}},
}

func TestMatrixOfTopics(t *testing.T) {
	kinds := map[signaling.Kind]bool{}
	for _, row := range matrixTopics {
		require.Len(t, row.want, len(matrixWho), row.topic)
		for i, who := range matrixWho {
			got := ""
			if !strings.ContainsAny(row.topic, "+#") && Allowed(who.rules, Publish, row.topic) {
				got += "P"
			}
			if Allowed(who.rules, Subscribe, row.topic) {
				got += "S"
			} else if strings.HasPrefix(who.name, "tool") && AllowedWhole(who.rules, row.topic) {
				got += "(S)"
			}
			if got == "" {
				got = "–"
			}
			require.Equal(t, row.want[i], got, "%s on %s", who.name, row.topic)
		}
		example := strings.NewReplacer("c1", NewCode(), "/s/", "/"+strings.Repeat("0", signaling.ViewerIDLength)+"-1/").Replace(row.topic)
		if topic, err := signaling.ParseTopic(example); err == nil {
			kinds[topic.Kind] = true
		}
	}
	for kind := signaling.KindStatus; kind <= signaling.KindConfigReported; kind++ {
		require.True(t, kinds[kind], "no topic of kind %d is in the table", kind)
	}
}

// TestMatrixIsInTheDocs compares the table in docs/access.md; `go test -run InTheDocs -update` writes it.
func TestMatrixIsInTheDocs(t *testing.T) {
	var table bytes.Buffer
	names := make([]string, len(matrixWho))
	for i, who := range matrixWho {
		names[i] = who.name
	}
	fmt.Fprintf(&table, "| topic | %s |\n|---|%s\n", strings.Join(names, " | "), strings.Repeat("---|", len(names)))
	for _, row := range matrixTopics {
		fmt.Fprintf(&table, "| `%s` | %s |\n", row.topic, strings.Join(row.want, " | "))
	}
	doccheck.Section(t, "../../docs/access.md", "topics", table.String())
}
