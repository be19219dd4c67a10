package web

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

// Each broken link has its words.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	g := newPortal(t).page()
	g.open("/login")
	none := map[string]string{"portal": "good", "relay-udp": "unknown", "relay-tcp": "unknown", "relay-tls": "unknown"}
	with := func(changes ...string) map[string]string {
		states := map[string]string{}
		for id, state := range none {
			states[id] = state
		}
		for i := 0; i < len(changes); i += 2 {
			states[changes[i]] = changes[i+1]
		}
		return states
	}
	type view struct {
		Live   bool     `json:"live"`
		Path   string   `json:"path"`
		Camera string   `json:"camera"`
		There  []string `json:"there"`
	}
	for _, tc := range []struct {
		states map[string]string
		view   view
		want   string
	}{
		{with("portal", "bad"), view{Camera: "online"}, "does not reach the portal"},
		{none, view{Camera: "offline"}, "Check its power"},
		{none, view{Camera: "no_picture"}, "no picture to send"},
		{none, view{Camera: "online", Live: true, Path: "direct"}, "Everything works."},
		{with("relay-udp", "good"), view{Camera: "online", Live: true, Path: "relayed"}, "goes through a relay"},
		{none, view{Camera: "online", There: []string{"host"}}, "the portal has no relay"},
		{with("relay-udp", "bad", "relay-tls", "bad"), view{Camera: "online", There: []string{"relay"}}, "lets no relay through"},
		{with("relay-tls", "good"), view{Camera: "online", There: []string{}}, "has not answered"},
		{with("relay-udp", "good"), view{Camera: "online", There: []string{"host", "srflx"}}, "the camera did not get one"},
		{with("relay-udp", "good"), view{Camera: "online", There: []string{"host", "relay"}}, "should be possible"},
	} {
		got := module[string](g, "checks.js", fmt.Sprintf(`(({ there, ...view }) => m.verdict((id) => (%s)[id], { ...view, there: there && new Set(there) }))(%s)`,
			quoted(t, tc.states), quoted(t, tc.view)))
		assert.Contains(t, got, tc.want, "%v %+v", tc.states, tc.view)
	}
}

func TestServersByTransport(t *testing.T) {
	t.Parallel()
	g := newPortal(t).page()
	g.open("/login")
	servers := `[{urls:['stun:a','turn:a','turn:a?transport=udp','turn:a?transport=tcp'],username:'u'},{urls:'turns:b:443?transport=tcp'},{urls:'stuns:c'}]`
	for kind, want := range map[string][]string{
		"stun": {"stun:a", "stuns:c"}, "udp": {"turn:a", "turn:a?transport=udp"}, "tcp": {"turn:a?transport=tcp"}, "tls": {"turns:b:443?transport=tcp"},
	} {
		got := module[[]string](g, "checks.js", fmt.Sprintf(`m.serversOf(%s, %q).map(({ urls }) => urls)`, servers, kind))
		assert.Equal(t, want, got, kind)
	}
}

// The panel looks when it is opened, and says where the fault is.
func TestDiagnosisPanel(t *testing.T) {
	t.Parallel()
	p, fake, g, camera := watching(t)
	states := func() map[string]string {
		text := js[string](g, `JSON.stringify(Object.fromEntries([...document.querySelectorAll('[data-check]')].map((e) => [e.dataset.check, e.dataset.state])))`)
		var all map[string]string
		require.NoError(t, json.Unmarshal([]byte(text), &all))
		return all
	}
	g.click("#diagnosis summary")
	g.says("[data-verdict]", "Everything works.")
	assert.Equal(t, map[string]string{
		"portal": "good", "camera": "good", "stun": "unknown", "relay-udp": "unknown", "relay-tcp": "unknown", "relay-tls": "unknown",
		"here": "good", "there": "good",
	}, states())
	axe, err := os.ReadFile(axePath)
	require.NoError(t, err)
	js[any](g, string(axe)+";0")
	assert.Empty(t, js[string](g, violations("")), "accessibility")
	for _, scheme := range []string{"light", "dark"} {
		g.looks(1000, 1400, scheme)
		shoot(g, "diagnosis-"+scheme)
	}

	fake.bye(signaling.ReasonShutdown)
	p.presence.set(camera, offline("Offline: the camera was shut down"))
	g.state("offline")
	g.click("#why")
	g.click("#diagnosis button")
	g.says("[data-verdict]", "Check its power")
	assert.Equal(t, "bad", states()["camera"])
}
