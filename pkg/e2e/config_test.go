package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// awaitConfig waits until a camera has decided about what the API was told last.
func (c *client) awaitConfig(camera, outcome string) map[string]any {
	c.t.Helper()
	var body map[string]any
	require.Eventually(c.t, func() bool {
		var status int
		status, body = c.call("GET", "/api/v1/cameras/"+camera+"/config", nil)
		require.Equal(c.t, http.StatusOK, status, body)
		return body["outcome"] == outcome
	}, patience, 20*time.Millisecond, "%s: %v", outcome, body)
	return body
}

func (c *client) setConfig(camera, values string) map[string]any {
	c.t.Helper()
	status, body := c.call("PUT", "/api/v1/cameras/"+camera+"/config", map[string]any{"values": json.RawMessage(values)})
	require.Equal(c.t, http.StatusOK, status, body)
	return body
}

// A camera is set by its owner, also while it is offline and over a restart of the portal, whose broker loses
// what it retained; a tool sees it; a released camera goes back to its own file.
func TestRemoteConfiguration(t *testing.T) {
	t.Parallel()
	l, c, person := newHousehold(t)
	person.awaitConfig(c.id, "unset")
	person.setConfig(c.id, `{"video.fps":15,"max_viewers":2}`)
	applied := person.awaitConfig(c.id, "applied")
	reported := applied["reported"].(map[string]any)
	require.Equal(t, 15.0, reported["values"].(map[string]any)["video.fps"])
	user, token, _ := l.token("--camera", c.id)
	output, err := l.mosquitto(user, token, user, "seccam/v1/cameras/"+c.id+"/config/reported")
	require.NoError(t, err, output)
	require.Contains(t, output, `"video.fps":15`)

	c.process.stop()
	form := url.Values{"seen": {ftoa(applied["revision"].(float64))}, "video.fps": {"20"}} // as the page's
	require.Equal(t, http.StatusSeeOther, person.submit("/cameras/"+c.id+"/config", form))
	require.Equal(t, http.StatusConflict, person.submit("/cameras/"+c.id+"/config", form), "by now there is another")
	person.awaitConfig(c.id, "pending")
	l.portal.stop()
	l.startPortal()
	l.startCamera(c)
	reported = person.awaitConfig(c.id, "applied")["reported"].(map[string]any)
	require.Equal(t, map[string]any{"video.fps": 20.0}, reported["set"])

	status, body := person.call("DELETE", "/api/v1/cameras/"+c.id, nil)
	require.Equal(t, http.StatusOK, status, body)
	c.process.await(`configuration from afar applied.* values=0`)
}
