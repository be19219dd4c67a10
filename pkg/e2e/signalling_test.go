package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/pkg/signaling"
)

// two is a portal with two people, each with a camera of their own.
type two struct {
	*lab
	mine, theirs *camera
	me, them     *client
}

func newTwo(t *testing.T) *two {
	t.Helper()
	w := &two{lab: newLab(t)}
	w.mine, w.theirs = w.provision(), w.provision()
	w.startCamera(w.mine)
	w.startCamera(w.theirs)
	w.me, w.them = w.signUp("owner", w.mine), w.signUp("neighbour", w.theirs)
	return w
}

func refusal(t *testing.T, s *socket, code signaling.Code) signaling.Message {
	t.Helper()
	m := s.await(signaling.TypeError, signaling.TypeAnswer)
	require.Equal(t, signaling.TypeError, m.Type, "it was answered")
	require.Equal(t, code, m.Error.Code, m.Error.Message)
	require.NotEmpty(t, m.Error.Message)
	return m
}

// The cheapest proof that a connection and the portal are alive and well.
func requireWorks(t *testing.T, s *socket, camera string, n int) {
	t.Helper()
	v := newView(t, s, camera, n)
	v.offer()
	v.awaitKeyFrame()
}

func TestViewersShareOneCameraAndLeaveAlone(t *testing.T) {
	_, c, person := newHousehold(t)
	first, second := person.dial(""), person.dial("")
	first.awaitStatus(c.id, true)
	a, b := newView(t, first, c.id, 1), newView(t, second, c.id, 1)
	a.offer()
	b.offer()
	a.awaitKeyFrame()
	b.awaitKeyFrame()
	first.send(signaling.Message{Type: signaling.TypeBye, Session: a.session, Camera: c.id})
	b.awaitFrames(20)
	require.NoError(t, second.conn.Close(websocket.StatusGoingAway, "")) // as closing a tab does
	c.process.await(`(?i)session ended|viewer left|view ended|bye`)
}

func TestAbuse07_ForeignCameraOnTheSocket(t *testing.T) {
	w := newTwo(t)
	s := w.me.dial("")
	for _, camera := range []string{w.theirs.id, credential.NewCode(), "", "../" + w.mine.id, "+", strings.ToUpper(w.mine.id)} {
		for _, kind := range []signaling.Message{
			{Type: signaling.TypeOffer, SDP: "v=0"}, {Type: signaling.TypeCandidate, Candidate: &signaling.Candidate{}}, {Type: signaling.TypeBye},
		} {
			kind.Camera, kind.Session = camera, s.viewer.Session(1)
			s.send(kind)
			refusal(t, s, signaling.CodeNotFound)
		}
	}
	requireWorks(t, s, w.mine.id, 2)
}

func TestAbuse12_SocketAfterLogout(t *testing.T) {
	l, c, person := newHousehold(t)
	s := person.dial("")
	v := newView(t, s, c.id, 1)
	v.offer()
	v.awaitKeyFrame()
	status, _ := person.call("POST", "/api/v1/logout", nil)
	require.Equal(t, http.StatusNoContent, status)
	select {
	case code := <-s.closed:
		require.Equal(t, websocket.StatusCode(4401), code)
	case <-time.After(patience):
		t.Fatal("the socket is open after the log-out")
	}
	c.process.await(signaling.ReasonLoggedOut) // the camera was told to end the view
	_, resp, err := person.dialRaw("", l.url)
	require.Error(t, err)
	require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
}

func TestAbuse13_SocketNamesAnothersSession(t *testing.T) {
	w := newTwo(t)
	mine, theirs := w.me.dial(""), w.them.dial("")
	view := newView(t, theirs, w.theirs.id, 1)
	view.offer()
	view.awaitKeyFrame()

	// Their session, with their camera and with mine.
	for _, camera := range []string{w.theirs.id, w.mine.id} {
		mine.send(signaling.Message{Type: signaling.TypeBye, Session: view.session, Camera: camera})
		refusal(t, mine, signaling.CodeUnauthorised)
		mine.send(signaling.Message{Type: signaling.TypeOffer, Session: view.session, Camera: camera, SDP: "v=0"})
		refusal(t, mine, signaling.CodeUnauthorised)
	}
	view.awaitFrames(10)

	// Their viewer id is not mine to continue; mine is.
	thief := w.me.dial("?viewer=" + string(theirs.viewer))
	require.NotEqual(t, theirs.viewer, thief.viewer)
	again := w.me.dial("?viewer=" + string(mine.viewer))
	require.Equal(t, mine.viewer, again.viewer)

	// A session of mine is with one camera only.
	requireWorks(t, again, w.mine.id, 1)
	view.awaitFrames(10)
}

func TestAbuse27_OversizedFrameOnTheSocket(t *testing.T) {
	_, c, person := newHousehold(t)
	s := person.dial("")
	huge := make([]byte, 4<<20)
	for i := range huge {
		huge[i] = ' '
	}
	_ = s.conn.Write(t.Context(), websocket.MessageText, huge) // the portal may close before all is written
	select {
	case <-s.closed:
	case <-time.After(patience):
		t.Fatal("the socket is open after a frame over the cap")
	}
	requireWorks(t, person.dial(""), c.id, 1)
}

func TestAbuse37_MalformedFramesOnTheSocket(t *testing.T) {
	l := newLab(t)
	c := l.provision()
	l.startCamera(c)
	s := l.signUp("owner", c).dial("")
	session := string(s.viewer.Session(1))
	for data, code := range map[string]signaling.Code{
		``:                       signaling.CodeBadMessage,
		`hello`:                  signaling.CodeBadMessage,
		`{`:                      signaling.CodeBadMessage,
		`null`:                   signaling.CodeVersion,
		`[]`:                     signaling.CodeBadMessage,
		`{"v":"one"}`:            signaling.CodeBadMessage,
		`{"v":1,"type":{}}`:      signaling.CodeBadMessage,
		`{"v":9,"type":"offer"}`: signaling.CodeVersion,
		`{"v":1,"type":"offer","session":"` + session + `","camera":"` + c.id + `"}`:                                        signaling.CodeBadMessage,
		`{"v":1,"type":"answer","session":"` + session + `","camera":"` + c.id + `","sdp":"v=0"}`:                           signaling.CodeBadMessage,
		`{"v":1,"type":"offer","session":"` + session + `","camera":"` + c.id + `","sdp":"not an sdp"}`:                     signaling.CodeBadMessage,
		`{"v":1,"type":"candidate","session":"` + session + `","camera":"` + c.id + `","candidate":{"candidate":"\u0000"}}`: "",
	} {
		s.sendRaw([]byte(data))
		if code != "" {
			refusal(t, s, code)
		}
	}
	require.NoError(t, s.conn.Write(t.Context(), websocket.MessageBinary, []byte{0, 1, 2}))
	refusal(t, s, signaling.CodeBadMessage)
	requireWorks(t, s, c.id, 2)
}

// Abuse 38: whatever a browser says about itself is ignored; the topic and the login say who it is.
func TestAbuse38_ClientSuppliedIdentity(t *testing.T) {
	w := newTwo(t)
	s := w.me.dial("")
	s.sendRaw([]byte(`{"v":1,"type":"bye","session":"` + string(s.viewer.Session(1)) + `","camera":"` + w.theirs.id +
		`","user":"neighbour","user_id":2,"from":"neighbour","viewer":"` + string(s.viewer) + `"}`))
	refusal(t, s, signaling.CodeNotFound)
	requireWorks(t, s, w.mine.id, 2)
}

// Abuse 33, the protocol's part: what is not a login gets no socket at all.
func TestSocketNeedsALogin(t *testing.T) {
	l := newLab(t)
	_, resp, err := l.client().dialRaw("", l.url)
	require.Error(t, err)
	require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
}

func TestAbuse11_ForeignOriginOnTheSocket(t *testing.T) {
	_, _, person := newHousehold(t)
	for _, origin := range []string{"https://evil.example", "null", "http://127.0.0.1:1"} {
		_, resp, err := person.dialRaw("", origin)
		require.Error(t, err, origin)
		require.Equal(t, http.StatusForbidden, resp.StatusCode, origin)
	}
	person.dial("")
}

// An unfinished sign-up sees whether its camera connects, and nothing else.
func TestPendingSignUpCannotWatch(t *testing.T) {
	l := newLab(t)
	c := l.provision()
	l.startCamera(c)
	person := l.client()
	status, body := person.call("POST", "/api/v1/signup", map[string]string{
		"username": "owner", "camera_id": c.id, "claim_code": c.code, "password": testPassword, "password_confirm": testPassword,
	})
	require.Equal(t, http.StatusCreated, status, body)
	s := person.dial("")
	s.awaitStatus(c.id, true)
	s.send(signaling.Message{Type: signaling.TypeOffer, Session: s.viewer.Session(1), Camera: c.id, SDP: "v=0"})
	refusal(t, s, signaling.CodePending)
}

func TestReleasedCameraIsCut(t *testing.T) {
	_, c, person := newHousehold(t)
	s := person.dial("")
	v := newView(t, s, c.id, 1)
	v.offer()
	v.awaitKeyFrame()
	status, body := person.call("DELETE", "/api/v1/cameras/"+c.id, nil)
	require.Equal(t, http.StatusOK, status, body)
	select {
	case m := <-v.ended:
		require.Equal(t, signaling.ReasonRevoked, m.Reason)
	case <-time.After(patience):
		t.Fatal("the view goes on after the release")
	}
	c.process.await(signaling.ReasonRevoked)
}
