package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

// neighbours are an owner with a running camera, and somebody else with one of their own.
type neighbours struct {
	*two
	share string // by which them watch mine
}

func newNeighbours(t *testing.T) *neighbours {
	t.Helper()
	n := &neighbours{two: newTwo(t)}
	n.share = n.shareMine(nil)
	return n
}

// shareMine has the neighbour accept a share of my camera.
func (n *neighbours) shareMine(terms map[string]any) string {
	n.t.Helper()
	form := map[string]any{"username": "neighbour"}
	for key, value := range terms {
		form[key] = value
	}
	status, body := n.me.call("POST", "/api/v1/cameras/"+n.mine.id+"/shares", form)
	require.Equal(n.t, http.StatusCreated, status, body)
	share := body["id"].(string)
	status, body = n.them.call("POST", "/api/v1/invitations/"+share+"/accept", nil)
	require.Equal(n.t, http.StatusNoContent, status, body)
	return share
}

func (n *neighbours) endShare() {
	n.t.Helper()
	status, body := n.me.call("DELETE", "/api/v1/cameras/"+n.mine.id+"/shares/"+n.share, nil)
	require.Equal(n.t, http.StatusNoContent, status, body)
}

// watchMine opens a page of somebody's who watches my camera.
func (n *neighbours) watchMine(by *client, session int) (*socket, *view) {
	n.t.Helper()
	s := by.dial("")
	v := newView(n.t, s, n.mine.id, session)
	v.offer()
	v.awaitKeyFrame()
	return s, v
}

// requireRefused expects that somebody gets no picture of my camera.
func (n *neighbours) requireRefused(by *client) {
	n.t.Helper()
	s := by.dial("")
	s.send(signaling.Message{Type: signaling.TypeOffer, Session: s.viewer.Session(1), Camera: n.mine.id, SDP: "v=0"})
	refusal(n.t, s, signaling.CodeNotFound)
}

// Abuse 09: a share that ends while somebody watches by it. The owner sees on, and the viewer's page stays.
func TestAbuse09_ShareEndedWhileWatching(t *testing.T) {
	n := newNeighbours(t)
	_, own := n.watchMine(n.me, 1)
	_, v := n.watchMine(n.them, 1)
	n.endShare()
	require.Less(t, v.awaitEnd(), cutWithin)
	n.mine.process.await(`viewer gone.*viewers=1`)
	n.requireRefused(n.them)
	requireWorks(t, n.them.dial(""), n.theirs.id, 1)
	own.awaitFrames(30)
}

// Abuse 09: also when the portal that began the view was killed, and remembers nothing of it.
func TestAbuse09_ShareEndedAfterThePortalWasKilled(t *testing.T) {
	t.Parallel()
	n := newNeighbours(t)
	_, v := n.watchMine(n.them, 1)
	n.portal.kill()
	n.startPortal()
	n.me.dial("").awaitStatus(n.mine.id, true)
	v.awaitFrames(30)
	n.endShare()
	require.Less(t, v.awaitEnd(), cutWithin)
	n.mine.process.await(`the viewer's right to watch ended`)
}

// Abuse 09: through whichever portal of several the view was begun, and the share was ended.
func TestAbuse09_ShareEndedThroughAnotherPortal(t *testing.T) {
	n := newNeighbours(t)
	other := n.secondPortal()
	there := *n.them
	there.base = other
	u, err := url.Parse(n.url)
	require.NoError(t, err)
	o, err := url.Parse(other)
	require.NoError(t, err)
	there.http.Jar.SetCookies(o, there.http.Jar.Cookies(u))
	_, v := n.watchMine(&there, 1)
	n.endShare()
	require.Less(t, v.awaitEnd(), cutWithin)
	n.requireRefused(&there)
}

// secondPortal starts another portal on the same database and broker, and returns its address.
func (l *lab) secondPortal() string {
	l.t.Helper()
	file := filepath.Join(l.dir, "second.yml")
	text := fmt.Sprintf("listen: 127.0.0.1:0\npublic_url: %s\ndatabase: portal.db\nstate_dir: .\nlog_level: debug\nbroker_url: %s\nmqtt_url: %s\n",
		l.url, l.mqttURL, l.mqttURL)
	require.NoError(l.t, os.WriteFile(file, []byte(text), 0o600))
	p := start(l.t, "second portal", portalBinary, "serve", "--config", file)
	found := p.await(`portal ready.* listen=(\S+)`)
	p.await("signalling is up")
	return "http://" + found[1]
}

// A share that ends by itself does so at the camera, also if no portal is there.
func TestAbuse09_ShareExpiresWithoutThePortal(t *testing.T) {
	t.Parallel()
	n := &neighbours{two: newTwo(t)}
	const life = 6 * time.Second
	ends := time.Now().Add(life)
	n.share = n.shareMine(map[string]any{"expires_at": ends})
	_, v := n.watchMine(n.them, 1)
	n.portal.stop()
	v.awaitEnd()
	require.WithinRange(t, time.Now(), ends, ends.Add(cutWithin))
	n.mine.process.await(`the viewer's time is over`)
}

// guest makes a guest link of my camera and opens it in a browser of its own.
func (n *neighbours) guest(life time.Duration) (link string, secret string, guest *client) {
	n.t.Helper()
	status, body := n.me.call("POST", "/api/v1/cameras/"+n.mine.id+"/guests", map[string]any{"name": "Sitter", "expires_at": time.Now().Add(life)})
	require.Equal(n.t, http.StatusCreated, status, body)
	_, secret, _ = strings.Cut(body["link"].(string), "#")
	guest = n.client()
	resp := guest.submit("/guest", url.Values{"secret": {secret}})
	require.Equal(n.t, http.StatusSeeOther, resp)
	return body["id"].(string), secret, guest
}

// submit posts a form and returns the status.
func (c *client) submit(path string, form url.Values) int {
	c.t.Helper()
	resp, err := c.http.PostForm(c.base+path, form)
	require.NoError(c.t, err)
	_ = resp.Body.Close()
	return resp.StatusCode
}

func (n *neighbours) watchAsGuest(guest *client) (*socket, *view) {
	n.t.Helper()
	s := guest.dial("?as=guest")
	v := newView(n.t, s, n.mine.id, 1)
	v.offer()
	v.awaitKeyFrame()
	return s, v
}

// Abuse 10: a guest link that is ended while somebody watches by it: 410, and the picture stops.
func TestAbuse10_GuestLinkEndedWhileWatching(t *testing.T) {
	n := &neighbours{two: newTwo(t)}
	link, secret, guest := n.guest(time.Hour)
	_, _, other := n.guest(time.Hour)
	page, v := n.watchAsGuest(guest)
	_, on := n.watchAsGuest(other)
	status, _ := n.me.call("DELETE", "/api/v1/cameras/"+n.mine.id+"/guests/"+link, nil)
	require.Equal(t, http.StatusNoContent, status)
	require.Less(t, v.awaitEnd(), cutWithin)
	require.EqualValues(t, 4403, <-page.closed)
	on.awaitFrames(30)
	status, _ = guest.call("GET", "/guest/watch", nil)
	require.Equal(t, http.StatusGone, status)
	require.Equal(t, http.StatusGone, guest.submit("/guest", url.Values{"secret": {secret}}))
	_, resp, err := guest.dialRaw("?as=guest", n.url)
	require.Error(t, err)
	require.Equal(t, http.StatusGone, resp.StatusCode)
	require.NotContains(t, n.portal.text(), strings.TrimPrefix(secret, "guest_"), "the link is in no log")
}

// Abuse 10: a guest link that expires while somebody watches, and the portal is not even there.
func TestAbuse10_GuestLinkExpiresWhileWatching(t *testing.T) {
	t.Parallel()
	n := &neighbours{two: newTwo(t)}
	const life = 6 * time.Second
	ends := time.Now().Add(life)
	_, secret, guest := n.guest(life)
	_, v := n.watchAsGuest(guest)
	n.portal.stop()
	v.awaitEnd()
	require.WithinRange(t, time.Now(), ends, ends.Add(cutWithin))
	n.startPortal()
	require.Equal(t, http.StatusGone, guest.submit("/guest", url.Values{"secret": {secret}}))
}

// Abuse 06: a camera that is given to somebody else. The former owner's own view ends at the camera, too, even
// if the portal that began it was killed.
func TestAbuse06_TransferredWhileWatching(t *testing.T) {
	n := newNeighbours(t)
	_, own := n.watchMine(n.me, 1)
	_, _, guest := n.guest(time.Hour)
	_, visit := n.watchAsGuest(guest)
	player := newPlayer(t, n.me.viewToken(n.mine.id, 0).tokenURL, "", webrtc.Configuration{})
	player.watch()
	n.portal.kill()
	n.startPortal()
	n.them.dial("").awaitStatus(n.mine.id, true)
	status, body := n.me.call("PUT", "/api/v1/cameras/"+n.mine.id+"/transfer", map[string]any{"username": "neighbour"})
	require.Equal(t, http.StatusOK, status, body)
	status, body = n.them.call("POST", "/api/v1/transfers/"+body["id"].(string)+"/accept", nil)
	require.Equal(t, http.StatusOK, status, body)
	require.Less(t, own.awaitEnd(), cutWithin)
	require.Less(t, visit.awaitEnd(), cutWithin)
	require.Less(t, player.awaitEnd(), cutWithin)
	status, _ = n.me.call("GET", "/api/v1/cameras/"+n.mine.id, nil)
	require.Equal(t, http.StatusNotFound, status)
	n.watchMine(n.them, 1)
	for _, list := range []string{"shares", "guests", "tokens"} {
		status, body = n.them.call("GET", "/api/v1/cameras/"+n.mine.id+"/"+list, nil)
		require.Equal(t, http.StatusOK, status)
		require.Empty(t, body[list])
	}
}
