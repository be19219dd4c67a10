package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

// revokeDeadline is how soon whoever lost a right has to be cut off.
const revokeDeadline = 5 * time.Second

// TestAbuse16_WatchedWhileThePasswordChanges cuts the other login's view off at the camera, too.
func TestAbuse16_WatchedWhileThePasswordChanges(t *testing.T) {
	l, c, person := newHousehold(t)
	thief := l.client()
	status, _ := thief.call("POST", "/api/v1/login", map[string]string{"username": "owner", "password": testPassword})
	require.Equal(t, http.StatusOK, status)
	own, stolen := person.dial(""), thief.dial("")
	v := newView(t, stolen, c.id, 1)
	v.offer()
	v.awaitKeyFrame()
	status, body := person.call("PUT", "/api/v1/account/password", map[string]string{
		"current_password": testPassword, "password": "another one entirely", "password_confirm": "another one entirely",
	})
	require.Equal(t, http.StatusNoContent, status, body)
	select {
	case code := <-stolen.closed:
		require.Equal(t, websocket.StatusCode(4401), code)
	case <-time.After(revokeDeadline):
		t.Fatal("the thief's socket is open after the password change")
	}
	c.process.await(signaling.ReasonLoggedOut)
	status, _ = thief.call("GET", "/api/v1/account", nil)
	require.Equal(t, http.StatusUnauthorized, status)
	requireWorks(t, own, c.id, 2)
}
