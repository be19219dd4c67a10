package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"
)

// cutWithin is how long somebody may see on whose right ended.
const cutWithin = 5 * time.Second

// Abuse 09: a token that is revoked while somebody watches by it. Others see on.
func TestAbuse09_RevokedWhileWatching(t *testing.T) {
	_, c, person := newHousehold(t)
	first, second := person.viewToken(c.id, 0), person.viewToken(c.id, 0)
	a, b := newPlayer(t, first.tokenURL, "", webrtc.Configuration{}), newPlayer(t, second.url, second.secret, webrtc.Configuration{})
	a.watch()
	b.watch()
	status, _ := person.call("DELETE", "/api/v1/cameras/"+c.id+"/tokens/"+first.id, nil)
	require.Equal(t, http.StatusNoContent, status)
	require.Less(t, a.awaitEnd(), cutWithin)
	c.process.await(`viewer gone.*viewers=1`)
	resp, _ := a.request("PATCH", a.location, fragmentMedia, fragmentOf(a.pc.LocalDescription().SDP), a.etag)
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
	b.awaitFrames(30)
}

// Abuse 09: also when the portal that began the view was killed, and remembers nothing of it.
func TestAbuse09_RevokedAfterThePortalWasKilled(t *testing.T) {
	l, c, person := newHousehold(t)
	token := person.viewToken(c.id, 0)
	p := newPlayer(t, token.tokenURL, "", webrtc.Configuration{})
	p.watch()
	l.portal.kill()
	l.startPortal()
	person.dial("").awaitStatus(c.id, true)
	p.awaitFrames(60)
	status, _ := person.call("DELETE", "/api/v1/cameras/"+c.id+"/tokens/"+token.id, nil)
	require.Equal(t, http.StatusNoContent, status)
	require.Less(t, p.awaitEnd(), cutWithin)
	c.process.await(`the viewer's right to watch ended`)
}

// Abuse 09: also when the portal died before it could tell the camera: it does when the camera is back.
func TestAbuse09_RevokedAsThePortalDies(t *testing.T) {
	l, c, person := newHousehold(t)
	token := person.viewToken(c.id, 0)
	p := newPlayer(t, token.tokenURL, "", webrtc.Configuration{})
	p.watch()
	status, _ := person.call("DELETE", "/api/v1/cameras/"+c.id+"/tokens/"+token.id, nil)
	l.portal.kill()
	require.Equal(t, http.StatusNoContent, status)
	l.startPortal()
	person.dial("").awaitStatus(c.id, true)
	require.Less(t, p.awaitEnd(), cutWithin)
}

// Abuse 10: a token that expires while somebody watches, and the portal is not even there.
func TestAbuse10_ExpiresWhileWatching(t *testing.T) {
	l, c, person := newHousehold(t)
	const life = 6 * time.Second
	ends := time.Now().Add(life)
	token := person.viewToken(c.id, life)
	p := newPlayer(t, token.tokenURL, "", webrtc.Configuration{})
	p.watch()
	l.portal.stop()
	p.awaitEnd()
	require.WithinRange(t, time.Now(), ends, ends.Add(cutWithin))
	c.process.await(`the viewer's time is over`)
	l.startPortal()
	resp, _ := p.request("POST", token.tokenURL, sdpMedia, p.pc.LocalDescription().SDP, "")
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
}

// Abuse 06: whoever watches by what the old owner gave away is cut off when the camera changes hands.
func TestAbuse06_ReleasedWhileWatching(t *testing.T) {
	_, c, person := newHousehold(t)
	token := person.viewToken(c.id, 0)
	p := newPlayer(t, token.url, token.secret, webrtc.Configuration{})
	p.watch()
	status, _ := person.call("DELETE", "/api/v1/cameras/"+c.id, nil)
	require.Equal(t, http.StatusOK, status)
	require.Less(t, p.awaitEnd(), cutWithin)
	resp, _ := p.request("POST", p.endpoint, sdpMedia, p.pc.LocalDescription().SDP, "")
	require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
}

// Abuse 08: who watches by a token is no owner to the camera: no settings, no say.
func TestAbuse08_WatcherIsNoOwner(t *testing.T) {
	_, c, person := newHousehold(t)
	p := newPlayer(t, person.viewToken(c.id, 0).tokenURL, "", webrtc.Configuration{})
	channel, err := p.pc.CreateDataChannel("control", nil)
	require.NoError(t, err)
	said := make(chan string, 64)
	channel.OnMessage(func(m webrtc.DataChannelMessage) { said <- string(m.Data) })
	channel.OnOpen(func() { _ = channel.SendText(`{"type":"set","name":"brightness","value":1}`) })
	p.watch()
	timeout := time.After(patience)
	for refused := false; !refused; {
		select {
		case text := <-said:
			require.NotRegexp(t, `"type":"controls","controls":\[\{`, text, "it is offered none")
			refused = strings.Contains(text, "only the camera's owner") || strings.Contains(text, "Only the camera's owner")
		case <-timeout:
			t.Fatal("the camera did not refuse")
		}
	}
}

// Abuse 07, 11 and 37: another's camera, another site's page, and nonsense, with the real programs.
func TestAbuse07_WHEPOfAnothersCamera(t *testing.T) {
	w := newTwo(t)
	mine := w.me.viewToken(w.mine.id, 0)
	theirs := "/api/v1/cameras/" + w.theirs.id + "/whep"
	p := newPlayer(t, w.url+theirs, mine.secret, webrtc.Configuration{})
	p.gathered(nil)
	offer := p.pc.LocalDescription().SDP
	for _, endpoint := range []string{w.url + theirs, w.url + theirs + "/x"} {
		for _, method := range []string{"POST", "PATCH", "DELETE"} {
			resp, body := p.request(method, endpoint, map[string]string{"POST": sdpMedia, "PATCH": fragmentMedia}[method], offer, "*")
			// Where there is no route the token is one that opens nothing.
			require.Contains(t, []int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusUnauthorized}, resp.StatusCode, body)
		}
	}
	req, err := http.NewRequest("POST", w.url+"/api/v1/cameras/"+w.mine.id+"/whep", strings.NewReader(offer))
	require.NoError(t, err)
	req.Header.Set("Content-Type", sdpMedia)
	req.Header.Set("Origin", "https://evil.example")
	resp, err := w.me.http.Do(req)
	require.NoError(t, err)
	_ = resp.Body.Close()
	require.Equal(t, http.StatusForbidden, resp.StatusCode, "a cookie is not for other sites' pages")

	own := newPlayer(t, mine.url, mine.secret, webrtc.Configuration{})
	own.watch()
	for _, bad := range []string{"", "\x00\xff", "a=candidate:x", strings.Repeat("a=candidate:1 1 udp 1 ::1 9 typ host\r\n", 2000), strings.Repeat("x", 1<<20)} {
		for _, ifMatch := range []string{"", "*", own.etag} {
			resp, body := own.request("PATCH", own.location, fragmentMedia, bad, ifMatch)
			require.Less(t, resp.StatusCode, http.StatusInternalServerError, "%.40q: %s", bad, body)
		}
		resp, body := own.request("POST", own.endpoint, sdpMedia, bad, "")
		require.Contains(t, []int{http.StatusBadRequest, http.StatusRequestEntityTooLarge}, resp.StatusCode, "%.40q: %s", bad, body)
	}
	own.awaitFrames(30)
	require.NotContains(t, w.portal.text(), strings.TrimPrefix(mine.secret, "view_"), "the token is in no log, at the most talkative level")
	require.NotContains(t, w.mine.process.text(), strings.TrimPrefix(mine.secret, "view_"))
}
