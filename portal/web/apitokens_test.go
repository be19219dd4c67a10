package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/portal/account"
)

// apiToken makes an API token of the client's person, and returns it with a client that shows it and nothing
// else.
func (c *client) apiToken(scopes ...account.Scope) (apiTokenBody, *client) {
	c.p.t.Helper()
	var token apiTokenBody
	answer := c.api(http.MethodPost, "/account/tokens", object{
		"name": "Script", "scopes": scopes, "expires_at": c.p.clock.now().Add(time.Hour)}, &token)
	require.Equal(c.p.t, http.StatusCreated, answer.status, answer.body)
	program := c.p.client()
	program.head.Set("Authorization", "Bearer "+token.Token)
	return token, program
}

func TestAPITokens(t *testing.T) {
	t.Parallel()
	f := newFamily(t)
	token, program := f.owner.apiToken(account.ScopeCamerasRead, account.ScopeShare)
	var list struct{ Cameras []cameraBody }
	require.Equal(t, http.StatusOK, program.api(http.MethodGet, "/cameras", nil, &list).status)
	require.Len(t, list.Cameras, 1)
	var problemGot problem
	answer := program.api(http.MethodPatch, "/cameras/"+f.camera, object{"name": "x"}, &problemGot)
	assert.Equal(t, http.StatusForbidden, answer.status)
	assert.Equal(t, "scope-missing", problemGot.code())
	assert.Contains(t, answer.header.Get("WWW-Authenticate"), `scope="cameras:write"`)
	var share shareBody
	require.Equal(t, http.StatusCreated, program.api(http.MethodPost, "/cameras/"+f.camera+"/shares", object{"note": "by program"}, &share).status)
	entries := f.owner.auditOf(f.camera, "")
	assert.Equal(t, "token", entries[0].ActorKind)
	assert.Equal(t, "Script of owner", entries[0].Actor)

	var tokens struct{ Tokens []apiTokenBody }
	require.Equal(t, http.StatusOK, f.owner.api(http.MethodGet, "/account/tokens", nil, &tokens).status)
	require.Len(t, tokens.Tokens, 1)
	assert.NotNil(t, tokens.Tokens[0].LastUsedAt)
	assert.Empty(t, tokens.Tokens[0].Token, "shown once")
	assert.NotContains(t, f.log.String(), token.Token)

	assert.Equal(t, http.StatusNotFound, f.viewer.api(http.MethodDelete, "/account/tokens/"+token.ID, nil, nil).status, "not theirs")
	require.Equal(t, http.StatusNoContent, f.owner.api(http.MethodDelete, "/account/tokens/"+token.ID, nil, nil).status)
	assert.Equal(t, http.StatusUnauthorized, program.api(http.MethodGet, "/cameras", nil, nil).status)
	assert.Contains(t, f.revocations(), "pat-"+token.ID)

	_, expiring := f.owner.apiToken(account.ScopeCamerasRead)
	f.clock.advance(time.Hour)
	assert.Equal(t, http.StatusUnauthorized, expiring.api(http.MethodGet, "/cameras", nil, nil).status)
}

// A token does nothing that needs a proof of who somebody is, nor anything beside it: no cookie helps.
func TestAPITokensReachWhatIsListed(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	all := []account.Scope{}
	for _, known := range account.Scopes {
		all = append(all, known.Scope)
	}
	token, _ := c.apiToken(all...)
	c.head.Set("Authorization", "Bearer "+token.Token) // beside its cookie
	seen := map[string]bool{}
	for _, route := range p.server.echo.Routes() {
		if !strings.HasPrefix(route.Path, apiPrefix) || route.Method == "echo_route_not_found" || route.Name == reserved ||
			strings.HasPrefix(route.Path, adminPrefix) || strings.Contains(route.Path, "/whep") || strings.Contains(route.Path, "/device") || strings.HasSuffix(route.Path, "openapi.json") {
			continue
		}
		name := route.Method + " " + strings.TrimPrefix(route.Path, apiPrefix)
		seen[name] = true
		answer := c.do(route.Method, strings.Replace(route.Path, ":id", camera, 1), "application/json", strings.NewReader("x"))
		if _, listed := tokenScopes[name]; listed {
			assert.NotContains(t, []int{http.StatusUnauthorized, http.StatusForbidden}, answer.status, name)
		} else {
			assert.Equal(t, http.StatusForbidden, answer.status, name)
			assert.Contains(t, answer.body, "not-for-tokens", name)
		}
	}
	for name := range tokenScopes {
		assert.True(t, seen[name], "%s is no route", name)
	}
	c.head.Set("Authorization", "Bearer nonsense")
	assert.Equal(t, http.StatusUnauthorized, c.api(http.MethodGet, "/cameras", nil, nil).status, "no cookie counts")
	c.head.Set("Authorization", "Basic b3duZXI6eA==")
	assert.Equal(t, http.StatusUnauthorized, c.api(http.MethodGet, "/cameras", nil, nil).status)
}

func TestAPITokenWatches(t *testing.T) {
	t.Parallel()
	f := newFamily(t)
	_, program := f.viewer.apiToken(account.ScopeWatch)
	path := apiPrefix + "/cameras/" + f.camera + "/whep"
	answer := program.offer(path)
	require.Equal(t, http.StatusCreated, answer.status, answer.body)
	heard := f.mqtt.took()
	require.NotEmpty(t, heard)
	assert.True(t, strings.HasPrefix(heard[0].Grant, "share-"+f.camera+"-"+f.share), "the end of the share ends it")
	assert.WithinDuration(t, f.clock.now().Add(time.Hour), time.UnixMilli(heard[0].Until), time.Minute, "so does the end of the token")
	require.Equal(t, http.StatusOK, program.do(http.MethodDelete, answer.header.Get("Location"), "", nil).status)
	_, blind := f.viewer.apiToken(account.ScopeCamerasRead)
	assert.Equal(t, http.StatusForbidden, blind.offer(path).status)
	_, stranger := f.owner.apiToken(account.ScopeWatch)
	other := f.secondCamera(f.viewer, "Theirs")
	assert.Equal(t, http.StatusNotFound, stranger.offer(apiPrefix+"/cameras/"+other+"/whep").status)
}

func TestAPITokensOnPages(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, _ := p.member("owner")
	assert.Contains(t, c.get("/account/tokens").body, "There is no token yet")
	require.Equal(t, http.StatusUnprocessableEntity, c.post("/account/tokens", fields("name", "x", "token_days", "30")).status)
	made := c.post("/account/tokens", url.Values{"name": {"Script"}, "scopes": {"watch", "share"}, "token_days": {"30"}})
	require.Equal(t, http.StatusCreated, made.status, made.body)
	secret := between(t, made.body, `id="token">`, "<")
	assert.Regexp(t, `^seccam_pat_[a-z2-7]{26}[0-9a-f]{8}$`, secret)
	list := c.get("/account/tokens").body
	assert.NotContains(t, list, secret)
	assert.Contains(t, list, "watch share")
	require.Equal(t, http.StatusSeeOther, c.post("/account/tokens/"+between(t, list, `data-token="`, `"`)+"/revoke", nil).status)
	p.clock.advance(account.ProofTime)
	assert.Equal(t, "/account/proof?next=%2Faccount%2Ftokens%2Fnew", c.get("/account/tokens/new").header.Get("Location"))
	assert.Equal(t, http.StatusForbidden, c.api(http.MethodPost, "/account/tokens", object{"name": "x"}, nil).status, "a proof is needed")
}

func TestGuessedAPITokensAreThrottled(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	guesser := p.client()
	guesser.head.Set("Authorization", "Bearer seccam_pat_aaaaaaaaaaaaaaaaaaaaaaaaaa00000000")
	var answer reply
	for range tokenBurst + 1 {
		answer = guesser.api(http.MethodGet, "/cameras", nil, nil)
	}
	assert.Equal(t, http.StatusTooManyRequests, answer.status)
}
