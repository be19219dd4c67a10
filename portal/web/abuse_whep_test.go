package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
)

// Abuse 07: whoever may not watch a camera learns not even that it exists.
func TestAbuse07_ForeignCameraByWHEP(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	owner, camera := p.member("owner")
	neighbour, theirs := p.member("neighbour")
	token := neighbour.token(theirs)
	view := neighbour.offer(apiPrefix + "/cameras/" + theirs + "/whep").header.Get("Location")
	p.mqtt.took()
	for _, id := range []string{theirs, credential.NewCode(), "x"} {
		address := apiPrefix + "/cameras/" + id + "/whep"
		for name, c := range map[string]*client{"cookie": owner, "token": p.player(owner.token(camera).Token)} {
			assert.Equal(t, http.StatusNotFound, c.offer(address).status, name)
			assert.Equal(t, http.StatusNotFound, c.do(http.MethodDelete, address+"/x", "", nil).status, name)
			assert.Equal(t, http.StatusNotFound, c.patch(address+"/x", "*", whepFragment).status, name)
		}
		assert.Equal(t, http.StatusUnauthorized, p.player("").offer(address).status)
		assert.Equal(t, "Bearer", p.player("").offer(address).header.Get("WWW-Authenticate"))
		assert.Equal(t, http.StatusNotFound, owner.api(http.MethodGet, "/cameras/"+id+"/tokens", nil, nil).status)
		assert.Equal(t, http.StatusNotFound, owner.api(http.MethodPost, "/cameras/"+id+"/tokens", object{"name": "x"}, nil).status)
		assert.Equal(t, http.StatusNotFound, owner.api(http.MethodDelete, "/cameras/"+id+"/tokens/"+token.ID, nil, nil).status)
		assert.Equal(t, http.StatusNotFound, owner.post("/cameras/"+id+"/tokens", fields("token_name", "x")).status)
	}
	// Another token's id, and another's view, under a camera of one's own.
	assert.Equal(t, http.StatusNotFound, owner.api(http.MethodDelete, "/cameras/"+camera+"/tokens/"+token.ID, nil, nil).status)
	assert.Equal(t, http.StatusNotFound, owner.post("/cameras/"+camera+"/tokens/"+token.ID+"/revoke", nil).status)
	assert.Equal(t, http.StatusNotFound, owner.do(http.MethodDelete, strings.Replace(view, theirs, camera, 1), "", nil).status)
	assert.Equal(t, http.StatusNotFound, owner.do(http.MethodDelete, view, "", nil).status)
	assert.Equal(t, http.StatusNotFound, p.player(token.Token).do(http.MethodDelete, view, "", nil).status, "their own, but by login")
	assert.Empty(t, p.mqtt.took())
	assert.Equal(t, http.StatusOK, neighbour.do(http.MethodDelete, view, "", nil).status)
}

// Abuse 08: a token is for one camera and for watching; it opens nothing else.
func TestAbuse08_TokenOpensNothingElse(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	owner, camera := p.member("owner")
	player := p.player(owner.token(camera).Token)
	for _, path := range []string{"/account", "/cameras", "/cameras/" + camera, "/cameras/" + camera + "/privacy", "/cameras/" + camera + "/tokens", "/signal"} {
		status := player.api(http.MethodGet, path, nil, nil).status
		assert.Contains(t, []int{http.StatusUnauthorized, http.StatusForbidden}, status, path)
	}
	for _, path := range []string{"/cameras/" + camera + "/tokens", "/cameras/" + camera + "/snapshot"} {
		assert.Equal(t, http.StatusUnauthorized, player.api(http.MethodPost, path, object{"name": "x"}, nil).status, path)
	}
	assert.Equal(t, "/login", player.get("/home").header.Get("Location"))
}

// Abuse 10: what is expired, revoked, or was given by somebody who has the camera no more.
func TestAbuse10_TokenThatHoldsNoMore(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	owner, camera := p.member("owner")
	second := p.secondCamera(owner, "Garden")
	p.presence.set(second, online())
	revoked, released := owner.token(camera), owner.token(second)
	require.Equal(t, http.StatusNoContent, owner.api(http.MethodDelete, "/cameras/"+camera+"/tokens/"+revoked.ID, nil, nil).status)
	require.Equal(t, http.StatusOK, owner.api(http.MethodDelete, "/cameras/"+second, nil, nil).status)
	p.mqtt.took()
	for _, token := range []string{revoked.Token, released.Token, "", "x", "view_" + strings.Repeat("a", 26), revoked.ID} {
		for _, id := range []string{camera, second} {
			c := p.client()
			c.head.Set("Authorization", "Bearer "+token)
			refused := c.offer(apiPrefix + "/cameras/" + id + "/whep")
			assert.Equal(t, http.StatusUnauthorized, refused.status)
			assert.Equal(t, `Bearer error="invalid_token"`, refused.header.Get("WWW-Authenticate"))
		}
		if token != "" {
			assert.Equal(t, http.StatusNotFound, p.player("").offer(apiPrefix+"/whep/"+token).status)
		}
	}
	basic := p.client()
	basic.head.Set("Authorization", "Basic eDp5")
	assert.Equal(t, http.StatusUnauthorized, basic.offer(apiPrefix+"/cameras/"+camera+"/whep").status)
	assert.Empty(t, p.mqtt.took())
	subjects, err := p.store.RevocationsAfter(t.Context(), 0)
	require.NoError(t, err)
	require.Len(t, subjects, 4, "every portal is told of both, and of the end of an ownership")
	assert.Equal(t, "view-"+camera+"-"+revoked.ID, subjects[0].Subject)
	assert.Equal(t, "view-"+second+"-"+released.ID, subjects[1].Subject)
}

// Abuse 14: another site's page may use a token, which a browser never adds by itself; never a cookie.
func TestAbuse14_ForeignOriginWithCookie(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	owner, camera := p.member("owner")
	token, address := owner.token(camera).Token, apiPrefix+"/cameras/"+camera+"/whep"
	p.mqtt.took()
	for _, head := range []http.Header{{"Origin": {"https://evil.example"}}, {"Sec-Fetch-Site": {"cross-site"}}, {"Sec-Fetch-Site": {"same-site"}}} {
		owner.head = head.Clone()
		for _, answer := range []reply{owner.offer(address), owner.patch(address+"/x", "*", whepFragment), owner.do(http.MethodDelete, address+"/x", "", nil)} {
			assert.Equal(t, http.StatusForbidden, answer.status)
			assert.Empty(t, answer.header.Get("Access-Control-Allow-Origin"), "the page does not even see that")
		}
		assert.Equal(t, http.StatusForbidden, owner.api(http.MethodPost, "/cameras/"+camera+"/tokens", object{"name": "x"}, nil).status)
		assert.Empty(t, p.mqtt.took())

		// With a token it may, and the cookie that came along counts for nothing.
		for path, authorization := range map[string]string{address: "Bearer " + token, apiPrefix + "/whep/" + token: ""} {
			owner.head = head.Clone()
			if authorization != "" {
				owner.head.Set("Authorization", authorization)
			}
			answer := owner.offer(path)
			require.Equal(t, http.StatusCreated, answer.status, answer.body)
			assert.Equal(t, "*", answer.header.Get("Access-Control-Allow-Origin"))
			assert.Empty(t, answer.header.Get("Access-Control-Allow-Credentials"))
			for _, exposed := range []string{"Location", "ETag", "Link"} {
				assert.Contains(t, answer.header.Get("Access-Control-Expose-Headers"), exposed)
			}
			assert.Empty(t, answer.header.Get("Set-Cookie"))
			assert.NotEmpty(t, p.mqtt.took()[0].Grant, "it watches by the token, not by the login")
		}
		owner.head.Set("Authorization", "Bearer x")
		refused := owner.offer(address)
		assert.Equal(t, http.StatusUnauthorized, refused.status, "though the cookie is the owner's")
		assert.Equal(t, "*", refused.header.Get("Access-Control-Allow-Origin"), "the page can see why")
	}
	preflight := p.client()
	preflight.head = http.Header{"Origin": {"https://player.example"}, "Access-Control-Request-Method": {"PATCH"}, "Access-Control-Request-Headers": {"authorization,content-type,if-match"}}
	answer := preflight.do(http.MethodOptions, address+"/x", "", nil)
	assert.Contains(t, answer.header.Get("Access-Control-Allow-Methods"), "PATCH")
	for _, name := range []string{"Authorization", "Content-Type", "If-Match"} {
		assert.Contains(t, answer.header.Get("Access-Control-Allow-Headers"), name)
	}
}

// Abuse 12: a view by login ends with the login, and lasts a day at most.
func TestAbuse12_ViewByLogin(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	owner, camera := p.member("owner")
	require.Equal(t, http.StatusCreated, owner.offer(apiPrefix+"/cameras/"+camera+"/whep").status)
	until := time.UnixMilli(p.mqtt.took()[0].Until)
	assert.WithinDuration(t, p.clock.now().Add(loginView), until, time.Minute)
	require.Equal(t, http.StatusSeeOther, owner.post("/logout", nil).status)
	p.mqtt.hub.EndLogin(p.ended()[0])
	heard := p.mqtt.took()
	require.Len(t, heard, 1)
	assert.Equal(t, "logged_out", heard[0].Reason)
	assert.Equal(t, http.StatusUnauthorized, owner.offer(apiPrefix+"/cameras/"+camera+"/whep").status)
}

// Abuse 36: a token in the path is in no log, no other answer and no address that an answer leads to.
func TestAbuse36_TokenInThePath(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	owner, camera := p.member("owner")
	token := owner.token(camera)
	random := strings.TrimPrefix(token.Token, "view_")
	c, address := p.player(""), apiPrefix+"/whep/"+token.Token
	made := c.offer(address)
	c.patch(made.header.Get("Location"), "", whepFragment)
	c.patch(made.header.Get("Location"), made.header.Get("ETag"), "hello")
	p.mqtt.set(func(f *fakeMQTT) { f.down = true })
	refused := c.offer(address)
	for _, answer := range []reply{made, refused, c.get(address), c.get(address + "/x"), c.do(http.MethodOptions, address, "", nil)} {
		assert.NotContains(t, answer.body, random)
		answer.header.Del("Location") // of the view, for who made it
		for name, values := range answer.header {
			assert.NotContains(t, strings.Join(values, " "), random, name)
		}
	}
	assert.Equal(t, "no-referrer", made.header.Get("Referrer-Policy"))
	require.NoError(t, p.store.Close()) // an internal error is logged with all that is known
	broken := c.offer(address)
	assert.Equal(t, http.StatusInternalServerError, broken.status)
	assert.NotContains(t, broken.body, random)
	assert.NotContains(t, p.log.String(), random)
	assert.Contains(t, p.log.String(), token.ID, "its id may be")
}
