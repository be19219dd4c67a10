package web

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestConfigByTheAPI(t *testing.T) {
	p := newPortal(t)
	owner, camera := p.member("ann")
	path := "/cameras/" + camera + "/config"
	call := func(method string, request any) (int, object) {
		t.Helper()
		var body object
		answer := owner.api(method, path, request, &body)
		return answer.status, body
	}
	status, body := call(http.MethodGet, nil)
	require.Equal(t, http.StatusOK, status, body)
	require.Equal(t, "unset", body["outcome"])

	status, body = call(http.MethodPut, object{"values": object{"video.fps": 15, "log_level": "debug"}})
	require.Equal(t, http.StatusOK, status, body)
	require.Equal(t, "pending", body["outcome"])
	require.Equal(t, map[string]any{"video.fps": 15.0, "log_level": "debug"}, body["desired"])

	for key, value := range map[string]any{"source": "exec:sh", "video.width": 641, "portal_url": "https://evil.example"} {
		status, body = call(http.MethodPut, object{"values": object{"video.fps": 10, key: value}})
		require.Equal(t, http.StatusUnprocessableEntity, status, body)
		require.Contains(t, body["errors"], "values."+key)
	}
	status, body = call(http.MethodPut, object{})
	require.Equal(t, http.StatusUnprocessableEntity, status, body)
	_, body = call(http.MethodGet, nil)
	require.Equal(t, map[string]any{"video.fps": 15.0, "log_level": "debug"}, body["desired"], "nothing of what is wrong was kept")
}
