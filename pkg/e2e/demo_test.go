package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type demoFacts struct {
	PortalURL    string         `json:"portal_url"`
	CameraID     string         `json:"camera_id"`
	ClaimCode    string         `json:"claim_code"`
	Claimed      bool           `json:"claimed"`
	MQTTURL      string         `json:"mqtt_url"`
	MosquittoSub string         `json:"mosquitto_sub"`
	PIDs         map[string]int `json:"pids"`
}

// runDemo starts the demo and reads what it wrote for people and scripts.
func runDemo(t *testing.T, dir string) (*process, demoFacts) {
	t.Helper()
	t.Setenv("PORTAL_PORT", "0")
	t.Setenv("MQTT_PORT", "0")
	demo := start(t, "demo", portalBinary, "demo", "--camerad", cameradBinary, "--dir", dir, "--source", "testpattern")
	t.Cleanup(func() {
		if t.Failed() {
			log, err := os.ReadFile(filepath.Join(dir, "portal.log"))
			t.Logf("the demo's portal: %s %v", log, err)
		}
	})
	demo.await("Stop with Ctrl-C")
	data, err := os.ReadFile(filepath.Join(dir, "demo.json"))
	require.NoError(t, err)
	var facts demoFacts
	require.NoError(t, json.Unmarshal(data, &facts))
	return demo, facts
}

func TestDemo(t *testing.T) {
	dir := t.TempDir()
	demo, facts := runDemo(t, dir)
	require.False(t, facts.Claimed)
	l := &lab{t: t, url: facts.PortalURL}
	person := l.signUp("owner", &camera{id: facts.CameraID, code: facts.ClaimCode})
	requireWorks(t, person.dial(""), facts.CameraID, 1)
	output, err := exec.Command("sh", "-c", facts.MosquittoSub+" -C 1 -W 20").CombinedOutput()
	require.NoError(t, err, "%s: %s", facts.MosquittoSub, output)
	require.Contains(t, string(output), `"online":true`)

	demo.stop()
	for name, pid := range facts.PIDs {
		require.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH, "%s has ended", name)
	}

	// A second run goes on with the same camera and account.
	_, again := runDemo(t, dir)
	require.Equal(t, facts.CameraID, again.CameraID)
	require.True(t, again.Claimed)
	l = &lab{t: t, url: again.PortalURL}
	person = l.client()
	status, body := person.call("POST", "/api/v1/login", map[string]string{"username": "owner", "password": testPassword})
	require.Equal(t, http.StatusOK, status, body)
	s := person.dial("")
	s.awaitStatus(facts.CameraID, true)
	requireWorks(t, s, facts.CameraID, 1)

	// A program that somebody stops is reported, with the line that starts it again.
	demo, facts = runDemo(t, t.TempDir())
	require.NoError(t, syscall.Kill(facts.PIDs["camerad"], syscall.SIGKILL))
	demo.await(`camerad has ended. Start it again with:\n\s+\S+camerad run --config`)
	require.Eventually(t, func() bool { return syscall.Kill(facts.PIDs["portal"], 0) == nil }, patience, time.Millisecond)
}
