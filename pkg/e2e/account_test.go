package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
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

// TestMailBecomesAFile resets a password by the mails that a portal without a mail server writes.
func TestMailBecomesAFile(t *testing.T) {
	l, _, person := newHousehold(t)
	l.portal.await(`MAILS ARE NOT SENT`)
	status, body := person.call("PUT", "/api/v1/account/email", map[string]string{"email": "owner@example.org"})
	require.Equal(t, http.StatusAccepted, status, body)
	status, body = person.call("POST", "/api/v1/email/verify", map[string]string{"token": l.mailed("verify")})
	require.Equal(t, http.StatusNoContent, status, body)
	stranger := l.client()
	status, _ = stranger.call("POST", "/api/v1/password/forgot", map[string]string{"who": "owner"})
	require.Equal(t, http.StatusAccepted, status)
	const better = "another one entirely"
	form := map[string]string{"token": l.mailed("reset"), "password": better, "password_confirm": better}
	status, body = stranger.call("POST", "/api/v1/password/reset", form)
	require.Equal(t, http.StatusNoContent, status, body)
	status, _ = stranger.call("POST", "/api/v1/password/reset", form)
	require.Equal(t, http.StatusGone, status)
	status, _ = person.call("GET", "/api/v1/account", nil)
	require.Equal(t, http.StatusUnauthorized, status, "every login ended")
	status, _ = stranger.call("POST", "/api/v1/login", map[string]string{"username": "owner", "password": better})
	require.Equal(t, http.StatusOK, status)
	require.NotContains(t, l.portal.text(), form["token"])
}

// mailed waits for a mail with a link of a kind and returns the link's token.
func (l *lab) mailed(kind string) (token string) {
	l.t.Helper()
	// Its host is that of public_url, in which this lab's portal has port 0.
	link := regexp.MustCompile(`http://[\d.]+:0/` + kind + "#(" + kind + "_[a-z2-7]+)")
	require.Eventually(l.t, func() bool {
		files, err := filepath.Glob(filepath.Join(l.dir, "mail", "*.eml"))
		require.NoError(l.t, err)
		for _, file := range files {
			data, err := os.ReadFile(file)
			require.NoError(l.t, err)
			// A long line is folded by quoted-printable's "=".
			if found := link.FindStringSubmatch(strings.ReplaceAll(string(data), "=\r\n", "")); found != nil {
				token = found[1]
				return true
			}
		}
		return false
	}, patience, 20*time.Millisecond, "a mail with a link to "+kind)
	return token
}
