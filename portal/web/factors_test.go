package web

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/portal/factor"
	"seccam/portal/store"
)

// app is an authenticator app with one secret in it.
type app struct {
	p      *portal
	secret string
}

// code is what the app shows now.
func (a app) code() string {
	a.p.t.Helper()
	code, err := totp.GenerateCode(a.secret, a.p.clock.now())
	require.NoError(a.p.t, err)
	return code
}

// next waits until the app shows another code.
func (a app) next() string {
	a.p.clock.advance(30 * time.Second)
	return a.code()
}

var listed = regexp.MustCompile(`<li>([0-9A-Z-]{23})</li>`)

// withApp adds an authenticator app to a member by the pages and returns it with the recovery codes.
func (p *portal) withApp(c *client) (app, []string) {
	p.t.Helper()
	page := c.get("/account/codes")
	require.Equal(p.t, http.StatusOK, page.status)
	a := app{p, strings.ReplaceAll(between(p.t, page.body, `id="secret">`, "<"), " ", "")}
	answer := c.post("/account/codes", fields("code", a.code()))
	require.Equal(p.t, http.StatusOK, answer.status, answer.body)
	var codes []string
	for _, found := range listed.FindAllStringSubmatch(answer.body, -1) {
		codes = append(codes, found[1])
	}
	require.Len(p.t, codes, 10)
	return a, codes
}

// halfIn is a client that gave the right password and nothing else.
func (p *portal) halfIn(name string) *client {
	p.t.Helper()
	c := p.client()
	require.Equal(p.t, "/login/second", c.post("/login", fields("username", name, "password", password)).header.Get("Location"))
	return c
}

func TestOneTimeCodes(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, _ := p.member("owner")
	first := c.get("/account/codes")
	assert.Contains(t, first.body, `src="data:image/png;base64,`)
	assert.Equal(t, between(t, first.body, `id="secret">`, "<"), between(t, c.get("/account/codes").body, `id="secret">`, "<"), "a reload keeps the secret")
	wrong := c.post("/account/codes", fields("code", "000000"))
	assert.Equal(t, http.StatusUnprocessableEntity, wrong.status)
	assert.Contains(t, wrong.body, "This code is not right")
	assert.Equal(t, http.StatusOK, p.again("owner").get("/home").status, "an unconfirmed app counts for nothing")
	a, _ := p.withApp(c)
	assert.Equal(t, http.StatusConflict, c.get("/account/codes").status)

	half := p.halfIn("owner")
	assert.Contains(t, half.get("/login/second").body, `autocomplete="one-time-code"`)
	assert.Equal(t, http.StatusUnprocessableEntity, half.post("/login/second", fields("code", "123")).status)
	assert.Equal(t, "/home", half.post("/login/second", fields("code", a.next()[:3]+" "+a.code()[3:])).header.Get("Location"))
	assert.Equal(t, http.StatusOK, half.get("/home").status)
	assert.Equal(t, "password and one-time code", half.logins()[0].Method)
	require.Equal(t, "/account?done=codes-removed", half.post("/account/codes/remove", nil).header.Get("Location"))
	assert.Equal(t, http.StatusOK, p.again("owner").get("/home").status, "the password is enough again")
	assert.Equal(t, http.StatusConflict, half.post("/account/recovery", nil).status, "no factor, no recovery codes")
}

// TestHalfLogInReachesNothing crosses a half log-in with every route that needs a login.
func TestHalfLogInReachesNothing(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	p.withApp(c)
	half := p.halfIn("owner")
	for _, route := range p.server.echo.Routes() {
		if strings.Contains(route.Path, "whep") || strings.HasPrefix(route.Path, "/static") || route.Method == "echo_route_not_found" {
			continue
		}
		path := strings.NewReplacer(":id", camera, ":login", "x", ":passkey", "x", ":token", "x", ":notice", "1").Replace(route.Path)
		if strings.Contains(path, "/login") && !strings.Contains(path, "/logins") || strings.Contains(path, "signup") || strings.Contains(path, "logout") ||
			strings.Contains(path, "/password/") || strings.Contains(path, "/email/verify") {
			continue // open to everybody, or the second step itself
		}
		answer := half.do(route.Method, path, "application/json", strings.NewReader("{}"))
		switch {
		case !strings.HasPrefix(path, apiPrefix):
			assert.Contains(t, []int{http.StatusSeeOther, http.StatusOK, http.StatusNotFound, http.StatusGone}, answer.status, path)
			if (strings.Contains(path, "camera") || strings.Contains(path, "account") || strings.Contains(path, "home") || strings.Contains(path, "setup")) &&
				answer.status != http.StatusNotFound { // there is no other provider here
				assert.Equal(t, "/login", answer.header.Get("Location"), "%s %s", route.Method, path)
			}
		case strings.Contains(path, "device") || strings.Contains(path, "openapi"):
		default:
			assert.Contains(t, []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusGone, http.StatusNotFound}, answer.status, "%s %s", route.Method, path)
		}
	}
	assert.Equal(t, http.StatusUnauthorized, half.api(http.MethodGet, "/account", nil, nil).status)
	p.clock.advance(halfTime)
	assert.Equal(t, "/login", half.get("/login/second").header.Get("Location"), "it is short-lived")
	assert.Equal(t, http.StatusUnauthorized, half.api(http.MethodPost, "/login/second", object{"code": "1"}, nil).status)
	assert.Equal(t, "/login", p.client().get("/login/second").header.Get("Location"))
}

func TestSecondFactorIsThrottled(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, _ := p.member("owner")
	a, _ := p.withApp(c)
	last := reply{}
	for range secondBurst + 1 {
		last = p.halfIn("owner").post("/login/second", fields("code", "000000")) // a new half log-in is no new try
	}
	assert.Equal(t, http.StatusTooManyRequests, last.status)
	p.clock.advance(secondEvery)
	assert.Equal(t, "/home", p.halfIn("owner").post("/login/second", fields("code", a.code())).header.Get("Location"))
}

// TestAbuse19_CodeReplayed uses a code a second time: at once, in another browser, through another portal on the
// same database, and an older one that is still within the clocks' slack.
func TestAbuse19_CodeReplayed(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, _ := p.member("owner")
	a, _ := p.withApp(c)
	enrolled := a.code()
	assert.Equal(t, http.StatusUnprocessableEntity, p.halfIn("owner").post("/login/second", fields("code", enrolled)).status,
		"the code that added the app is used up")
	before := a.next()
	code := a.next()
	require.Equal(t, "/home", p.halfIn("owner").post("/login/second", fields("code", code)).header.Get("Location"))
	half := p.halfIn("owner")
	assert.Equal(t, http.StatusUnprocessableEntity, half.post("/login/second", fields("code", code)).status)
	assert.Equal(t, http.StatusUnprocessableEntity, half.post("/login/second", fields("code", before)).status, "older than one used")
	assert.Contains(t, p.log.String(), "a one-time code was used again")

	other, err := store.Open(t.Context(), p.path, p.clock.now)
	require.NoError(t, err)
	defer func() { require.NoError(t, other.Close()) }()
	user, err := other.UserByName(t.Context(), "owner")
	require.NoError(t, err)
	second, err := factor.New(other, master, p.server.public, p.clock.now, p.server.Log)
	require.NoError(t, err)
	assert.ErrorIs(t, second.UseCode(t.Context(), user.ID, code), factor.ErrWrongCode, "another portal knows, too")
	fresh := a.next()
	results := make(chan error, 2)
	for _, portal := range []*factor.Service{second, p.server.Factors} {
		go func() { results <- portal.UseCode(t.Context(), user.ID, fresh) }()
	}
	one, two := <-results, <-results
	assert.True(t, (one == nil) != (two == nil), "of two at once one wins: %v, %v", one, two)
}

func TestRecoveryCodes(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, _ := p.member("owner")
	_, codes := p.withApp(c)
	assert.Contains(t, c.get("/account").body, "10 of 10 left")
	half := p.halfIn("owner")
	wrong := half.post("/login/second", fields("recovery_code", "nonsense"))
	assert.Equal(t, http.StatusUnprocessableEntity, wrong.status)
	assert.Contains(t, wrong.body, "<details class=\"more\" id=\"recovery\" open>")
	assert.Equal(t, "/home", half.post("/login/second", fields("recovery_code", strings.ToLower(codes[0]))).header.Get("Location"))
	assert.Contains(t, half.get("/account").body, "9 of 10 left")
	again := p.halfIn("owner")
	assert.Equal(t, http.StatusUnprocessableEntity, again.post("/login/second", fields("recovery_code", codes[0])).status, "each works once")
	other, _ := p.member("kim")
	p.withApp(other)
	assert.Equal(t, http.StatusUnprocessableEntity, p.halfIn("kim").post("/login/second", fields("recovery_code", codes[1])).status, "not another's")

	assert.Contains(t, c.get("/account/recovery").body, "9 codes left")
	renewed := c.post("/account/recovery", nil)
	assert.Len(t, listed.FindAllString(renewed.body, -1), 10)
	assert.Equal(t, http.StatusUnprocessableEntity, again.post("/login/second", fields("recovery_code", codes[1])).status, "the old ones are worthless")
	for _, code := range codes {
		assert.NotContains(t, p.log.String(), code)
	}
}

func TestFactorsByAPI(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, _ := p.member("owner")
	var offer struct{ Secret, URL string }
	require.Equal(t, http.StatusCreated, c.api(http.MethodPost, "/account/codes", nil, &offer).status)
	assert.True(t, strings.HasPrefix(offer.URL, "otpauth://totp/SecCam"), offer.URL)
	a := app{p, strings.ReplaceAll(offer.Secret, " ", "")}
	var added recoveryBody
	require.Equal(t, http.StatusUnprocessableEntity, c.api(http.MethodPost, "/account/codes/confirm", object{"code": "1"}, nil).status)
	require.Equal(t, http.StatusOK, c.api(http.MethodPost, "/account/codes/confirm", object{"code": a.code()}, &added).status)
	assert.Len(t, added.RecoveryCodes, 10)
	assert.Equal(t, http.StatusNotFound, c.api(http.MethodPost, "/account/codes/confirm", object{"code": a.code()}, nil).status)
	var state struct {
		Codes bool
		Left  int `json:"recovery_codes_left"`
	}
	c.api(http.MethodGet, "/account/factors", nil, &state)
	assert.True(t, state.Codes)
	assert.Equal(t, 10, state.Left)

	half := p.client()
	var want wanted
	require.Equal(t, http.StatusAccepted, half.api(http.MethodPost, "/login", object{"username": "owner", "password": password}, &want).status)
	assert.Equal(t, []string{"code", "recovery_code"}, want.SecondFactor)
	assert.Equal(t, http.StatusUnauthorized, half.api(http.MethodGet, "/account", nil, nil).status)
	assert.Equal(t, http.StatusOK, half.api(http.MethodPost, "/login/second", object{"code": a.next()}, nil).status)
	assert.Equal(t, http.StatusOK, half.api(http.MethodGet, "/account", nil, nil).status)

	p.clock.advance(11 * time.Minute)
	for _, delicate := range []struct{ method, path string }{
		{"POST", "/account/codes"}, {"DELETE", "/account/codes"}, {"POST", "/account/recovery"}, {"POST", "/account/codes/confirm"},
		{"POST", "/account/passkeys/options"}, {"POST", "/account/passkeys"}, {"DELETE", "/account/passkeys/x"},
	} {
		assert.Equal(t, http.StatusForbidden, c.api(delicate.method, delicate.path, object{}, nil).status, delicate)
	}
	require.Equal(t, http.StatusNoContent, c.api(http.MethodPost, "/account/proof", object{"current_password": password}, nil).status)
	assert.Equal(t, http.StatusCreated, c.api(http.MethodPost, "/account/recovery", nil, &added).status)
	assert.Equal(t, http.StatusNoContent, c.api(http.MethodDelete, "/account/codes", nil, nil).status)
	assert.Equal(t, http.StatusNotFound, c.api(http.MethodDelete, "/account/codes", nil, nil).status)
}

// TestSecretsAreSealed looks for the secret in everything that was written.
func TestSecretsAreSealed(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, _ := p.member("owner")
	a, codes := p.withApp(c)
	for _, secret := range append(codes, a.secret) {
		for _, data := range p.written() {
			assert.NotContains(t, strings.ToUpper(data), strings.ToUpper(secret))
			assert.NotContains(t, strings.ToUpper(data), strings.ReplaceAll(secret, "-", ""))
		}
	}
}

// written is every file of the database, and the log.
func (p *portal) written() []string {
	p.t.Helper()
	files, err := filepath.Glob(p.path + "*")
	require.NoError(p.t, err)
	require.NotEmpty(p.t, files)
	all := []string{p.log.String()}
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(p.t, err)
		all = append(all, string(data))
	}
	return all
}

func TestPasskeysNeedAName(t *testing.T) {
	t.Parallel()
	p := newPortal(t) // at http://127.0.0.1
	c, _ := p.member("owner")
	assert.Contains(t, c.get("/account").body, "passkeys need a name")
	assert.NotContains(t, p.client().get("/login").body, `id="passkey"`)
	assert.Equal(t, http.StatusConflict, c.get("/account/passkeys").status)
	for _, path := range []string{"/login/passkey/options", "/account/passkeys/options", "/account/proof/passkey/options"} {
		assert.Equal(t, http.StatusConflict, c.api(http.MethodPost, path, nil, nil).status, path)
	}
	plain := newPortalWith(t, func(cfg *Config) { cfg.PublicURL = "http://cams.example.org" })
	assert.Contains(t, plain.server.Factors.WhyNoPasskeys(), "https")
	secure := newPortalWith(t, func(cfg *Config) { cfg.PublicURL = "https://cams.example.org" })
	assert.Empty(t, secure.server.Factors.WhyNoPasskeys())
}

// TestFactorPages renders each page once, without a browser.
func TestFactorPages(t *testing.T) {
	t.Parallel()
	p := newNamedPortal(t)
	c, _ := p.member("owner")
	guarded, _ := p.member("guarded")
	p.withApp(guarded)
	half := p.halfIn("guarded")
	for _, visit := range []struct {
		c    *client
		path string
		has  string
	}{
		{c, "/account", `id="add-passkey"`}, {c, "/account/codes", `class="qr"`}, {c, "/account/passkeys", `id="passkey"`},
		{c, "/account/proof", `id="proof-form"`}, {guarded, "/account", `id="codes-on"`}, {guarded, "/account/recovery", `id="new-codes"`},
		{half, "/login/second", `id="recovery-form"`}, {p.client(), "/login", `id="passkey"`}, {p.client(), "/signup", `id="passkey"`},
	} {
		page := visit.c.get(visit.path)
		assert.Equal(t, http.StatusOK, page.status, visit.path)
		assert.Contains(t, page.body, visit.has, visit.path)
	}
}
