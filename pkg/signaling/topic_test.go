package signaling

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTopicsRoundTrip(t *testing.T) {
	session := string(testSession)
	for name, want := range map[string]Topic{
		"seccam/v1/cameras/c1/status":                               {Kind: KindStatus, Camera: "c1"},
		"seccam/v1/cameras/c1/telemetry":                            {Kind: KindTelemetry, Camera: "c1"},
		"seccam/v1/cameras/c1/events/motion":                        {Kind: KindEvent, Camera: "c1", Name: "motion"},
		"seccam/v1/cameras/c1/rpc/ping":                             {Kind: KindRPC, Camera: "c1", Name: "ping"},
		"seccam/v1/cameras/c1/replies/tool-1":                       {Kind: KindReply, Camera: "c1", Name: "tool-1"},
		"seccam/v1/cameras/c1/sessions/p/" + session + "/to-camera": {Kind: KindToCamera, Camera: "c1", Portal: "p", Session: testSession},
		"seccam/v1/cameras/c1/sessions/p/" + session + "/to-viewer": {Kind: KindToViewer, Camera: "c1", Portal: "p", Session: testSession},
	} {
		got, err := ParseTopic(name)
		require.NoError(t, err, name)
		require.Equal(t, want, got)
		require.Equal(t, name, got.String())
	}
	require.Equal(t, "seccam/v1/cameras/c1/status", StatusTopic("c1"))
	require.Equal(t, "seccam/v1/cameras/c1/telemetry", TelemetryTopic("c1"))
}

func TestParseTopicRefuses(t *testing.T) {
	for _, name := range []string{
		"", "/", "seccam/v1/cameras", "seccam/v1/cameras/", "seccam/v1/cameras//status", "seccam/v1/cameras/c1",
		"seccam/v1/cameras/+/status", "seccam/v1/cameras/c1/#", "seccam/v1/cameras/c1/status/", "seccam/v2/cameras/c1/status",
		"seccam/v1/cameras/c1/sessions/p/short/to-camera", "seccam/v1/cameras/c1/sessions/p/" + string(testSession) + "/to-nobody",
		"seccam/v1/cameras/c1/events", "seccam/v1/cameras/c1/events/a/b", "$SYS/broker", "$share/g/seccam/v1/cameras/c1/status",
		"seccam/v1/cameras/c\x00/status", "seccam/v1/cameras/" + strings.Repeat("c", 300) + "/status",
	} {
		_, err := ParseTopic(name)
		require.Error(t, err, "%q", name)
	}
}

func FuzzParseTopic(f *testing.F) {
	f.Add("seccam/v1/cameras/c1/status")
	f.Add("seccam/v1/cameras/c1/sessions/p/" + string(testSession) + "/to-viewer")
	f.Fuzz(func(t *testing.T, name string) {
		topic, err := ParseTopic(name)
		if err != nil {
			return
		}
		require.Equal(t, name, topic.String())
		require.NotContains(t, name, "#")
		require.NotContains(t, name, "+")
	})
}
