package web

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/portal/signon"
)

const (
	clientID     = "seccam"
	clientSecret = "client secret of the portal"
)

// provider is an OpenID Connect provider over HTTP whose person is always logged in.
type provider struct {
	t      *testing.T
	server *httptest.Server
	key    *rsa.PrivateKey

	mu      sync.Mutex
	subject string
	codes   map[string]url.Values      // asked for by
	change  func(claims jwt.MapClaims) // forges an ID token
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{t: t, subject: "robin-17", codes: map[string]url.Values{}, change: func(jwt.MapClaims) {}}
	var err error
	p.key, err = rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		p.answer(w, object{"issuer": p.server.URL, "authorization_endpoint": p.server.URL + "/authorize", "token_endpoint": p.server.URL + "/token",
			"jwks_uri": p.server.URL + "/keys", "id_token_signing_alg_values_supported": []string{"RS256"}, "response_types_supported": []string{"code"}})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		p.answer(w, object{"keys": []object{{"kty": "RSA", "kid": "k", "alg": "RS256", "use": "sig",
			"n": base64.RawURLEncoding.EncodeToString(p.key.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(p.key.E)).Bytes())}}})
	})
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	p.server = httptest.NewServer(mux)
	t.Cleanup(p.server.Close)
	return p
}

func (p *provider) answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	assert.NoError(p.t, json.NewEncoder(w).Encode(body))
}

// authorize sends the person back with a code at once.
func (p *provider) authorize(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if query.Get("client_id") != clientID || query.Get("code_challenge_method") != "S256" || query.Get("nonce") == "" || query.Get("state") == "" {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	code := rand.Text()
	p.mu.Lock()
	p.codes[code] = query
	p.mu.Unlock()
	http.Redirect(w, r, query.Get("redirect_uri")+"?"+url.Values{"code": {code}, "state": {query.Get("state")}}.Encode(), http.StatusFound)
}

// token exchanges a code once, for whoever knows the client's secret and the verifier.
func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	id, secret, _ := r.BasicAuth()
	if id == "" {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	if unescaped, err := url.QueryUnescape(secret); err == nil {
		secret = unescaped
	}
	p.mu.Lock()
	asked, known := p.codes[r.PostForm.Get("code")]
	delete(p.codes, r.PostForm.Get("code"))
	claims := jwt.MapClaims{"iss": p.server.URL, "aud": clientID, "sub": p.subject, "nonce": asked.Get("nonce"), "preferred_username": "robin@id",
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()}
	p.change(claims)
	p.mu.Unlock()
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	if !known || id != clientID || secret != clientSecret || base64.RawURLEncoding.EncodeToString(sum[:]) != asked.Get("code_challenge") {
		w.WriteHeader(http.StatusBadRequest)
		p.answer(w, object{"error": "invalid_grant"})
		return
	}
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	token.Header["kid"] = "k"
	signed, err := token.SignedString(p.key)
	assert.NoError(p.t, err)
	p.answer(w, object{"access_token": "a", "token_type": "Bearer", "id_token": signed})
}

// portalOf is a portal by which people may log in by the provider.
func (p *provider) portalOf() *portal {
	p.t.Helper()
	portal := newPortal(p.t)
	secret := filepath.Join(p.t.TempDir(), "oidc.secret")
	require.NoError(p.t, os.WriteFile(secret, []byte(clientSecret+"\n"), 0o600))
	cfg := signon.Config{Issuer: p.server.URL, ClientID: clientID, ClientSecretFile: secret, Name: "Example ID"}
	require.NoError(p.t, cfg.Validate())
	var err error
	portal.server.SignOn, err = signon.New(cfg, portal.url, portal.clock.now, slog.New(slog.NewTextHandler(portal.log, nil)))
	require.NoError(p.t, err)
	p.t.Cleanup(portal.server.SignOn.Close)
	return portal
}

// go to the provider and take what it answers with, as a path of the portal.
func (p *provider) visit(address string) string {
	p.t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	browser := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := browser.Get(address)
	require.NoError(p.t, err)
	require.NoError(p.t, resp.Body.Close())
	back, err := url.Parse(resp.Header.Get("Location"))
	require.NoError(p.t, err)
	return back.RequestURI()
}

// trip is a whole log-in up to the portal's answer to the callback.
func (p *provider) trip(c *client) reply {
	p.t.Helper()
	away := c.get("/login/sso")
	require.Equal(p.t, http.StatusSeeOther, away.status, away.body)
	return c.get(p.visit(away.header.Get("Location")))
}

func TestSignUpAndLogInByAnotherProvider(t *testing.T) {
	t.Parallel()
	id := newProvider(t)
	p := id.portalOf()
	assert.Contains(t, p.client().get("/login").body, "Log in with Example ID")
	c := p.client()
	require.Equal(t, "/signup/sso", id.trip(c).header.Get("Location"))
	page := c.get("/signup/sso")
	assert.Contains(t, page.body, "robin@id")
	camera, code := p.camera()
	wrong := c.post("/signup/sso", fields("username", "x", "camera_id", camera, "claim_code", code))
	assert.Equal(t, http.StatusUnprocessableEntity, wrong.status)
	require.Equal(t, "/setup", c.post("/signup/sso", fields("username", "robin", "camera_id", camera, "claim_code", code)).header.Get("Location"))
	p.presence.set(camera, online())
	require.Equal(t, http.StatusSeeOther, c.post("/setup/confirm", nil).status)

	again := p.client()
	assert.Equal(t, "/home", id.trip(again).header.Get("Location"))
	assert.Equal(t, "Example ID", again.logins()[0].Method)
	assert.Contains(t, again.get("/account").body, "data-identity")
	assert.Equal(t, "/login", p.client().get("/signup/sso").header.Get("Location"), "only after the provider's word")

	var list struct {
		Identities []linkedBody `json:"identities"`
	}
	require.Equal(t, http.StatusOK, again.api(http.MethodGet, "/account/identities", nil, &list).status)
	require.Len(t, list.Identities, 1)
	assert.Equal(t, http.StatusConflict, again.api(http.MethodDelete, "/account/identities/"+list.Identities[0].ID, nil, nil).status, "the only way in")
	const fresh = "battery staple 2"
	require.Equal(t, http.StatusNoContent, again.api(http.MethodPut, "/account/password", object{"password": fresh, "password_confirm": fresh}, nil).status)
	assert.Equal(t, "/account?done=identity-removed", again.post("/account/identities/"+list.Identities[0].ID+"/remove", nil).header.Get("Location"))
	assert.Equal(t, "/signup/sso", id.trip(p.client()).header.Get("Location"), "it is nobody's again")
	for _, data := range p.written() {
		assert.NotContains(t, data, clientSecret)
	}
}

// TestIdentitiesAreLinkedBySubjectOnly links one on purpose, and never by a mail address.
func TestIdentitiesAreLinkedBySubjectOnly(t *testing.T) {
	t.Parallel()
	id := newProvider(t)
	p := id.portalOf()
	c, _ := p.member("owner")
	p.withEmail(c, "owner@example.org")
	id.change = func(claims jwt.MapClaims) { claims["email"], claims["email_verified"] = "owner@example.org", true }
	assert.Equal(t, "/signup/sso", id.trip(p.client()).header.Get("Location"), "the same mail address is no link")

	page := c.post("/account/identities", nil)
	address := html.UnescapeString(between(t, page.body, `href="`+id.server.URL, `"`))
	assert.Equal(t, "/account?done=identity-linked", c.get(id.visit(id.server.URL+address)).header.Get("Location"))
	assert.Equal(t, "/home", id.trip(p.client()).header.Get("Location"))
	kim, _ := p.member("kim")
	page = kim.post("/account/identities", nil)
	address = html.UnescapeString(between(t, page.body, `href="`+id.server.URL, `"`))
	assert.Equal(t, http.StatusConflict, kim.get(id.visit(id.server.URL+address)).status, "one account each")

	p.withApp(c)
	assert.Equal(t, "/login/second", id.trip(p.client()).header.Get("Location"), "a second factor is wanted all the same")
	id.mu.Lock()
	id.subject = "somebody-else"
	id.mu.Unlock()
	assert.Equal(t, "/signup/sso", id.trip(p.client()).header.Get("Location"))
}

func TestForgedSignOnsAreRefused(t *testing.T) {
	t.Parallel()
	id := newProvider(t)
	p := id.portalOf()
	c, _ := p.member("owner")
	page := c.post("/account/identities", nil)
	address := html.UnescapeString(between(t, page.body, `href="`+id.server.URL, `"`))
	back := id.visit(id.server.URL + address)
	assert.Equal(t, http.StatusUnauthorized, p.client().get(back).status, "the state is of another browser")
	other, _ := p.member("kim")
	assert.Equal(t, http.StatusUnauthorized, other.get(back).status)
	require.Equal(t, http.StatusSeeOther, c.get(back).status)
	assert.Equal(t, http.StatusUnauthorized, c.get(back).status, "once")

	for name, forge := range map[string]func(jwt.MapClaims){
		"nonce":    func(claims jwt.MapClaims) { claims["nonce"] = "another" },
		"audience": func(claims jwt.MapClaims) { claims["aud"] = "another" },
		"issuer":   func(claims jwt.MapClaims) { claims["iss"] = "https://evil.example" },
		"expired":  func(claims jwt.MapClaims) { claims["exp"] = time.Now().Add(-time.Hour).Unix() },
		"nobody":   func(claims jwt.MapClaims) { claims["sub"] = "" },
	} {
		id.mu.Lock()
		id.change = forge
		id.mu.Unlock()
		assert.Equal(t, http.StatusUnauthorized, id.trip(p.client()).status, name)
	}
	id.mu.Lock()
	id.change = func(jwt.MapClaims) {}
	id.mu.Unlock()

	p.forgive() // this test is about forgeries
	visitor := p.client()
	away := visitor.get("/login/sso").header.Get("Location")
	assert.Equal(t, http.StatusUnauthorized, visitor.get(signon.CallbackPath+"?error=access_denied&state=x").status)
	assert.Equal(t, http.StatusUnauthorized, visitor.get(id.visit(away)).status, "used up by the refusal")
	late := visitor.get("/login/sso").header.Get("Location")
	p.clock.advance(11 * time.Minute)
	assert.Equal(t, http.StatusUnauthorized, visitor.get(id.visit(late)).status, "too late")
	assert.Equal(t, http.StatusNotFound, newPortal(t).client().get("/login/sso").status, "off by default")
}

func TestProviderIsDown(t *testing.T) {
	t.Parallel()
	id := newProvider(t)
	p := id.portalOf()
	id.server.Close()
	answer := p.client().get("/login/sso")
	assert.Equal(t, http.StatusBadGateway, answer.status)
	assert.Contains(t, answer.body, "cannot be reached")
}

func TestSignOnConfig(t *testing.T) {
	t.Parallel()
	none, err := signon.New(signon.Config{}, "https://x", nil, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	assert.Nil(t, none)
	assert.NoError(t, signon.Config{}.Validate())
	assert.ErrorContains(t, signon.Config{ClientID: "x"}.Validate(), "oidc.issuer")
	bad := signon.Config{Issuer: "http://id.example.org"}
	for _, key := range []string{"oidc.issuer", "oidc.client_id", "oidc.name"} {
		assert.ErrorContains(t, bad.Validate(), key)
	}
}
