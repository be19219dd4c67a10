package web

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSecureHeadersAreOnEveryAnswer(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, _ := p.member("owner")
	for _, path := range []string{"/login", "/home", "/nothing", "/api/v1/account", "/api/v1/nothing", "/healthz", p.assetURL("app.css")} {
		header := c.get(path).header
		assert.Equal(t, policy, header.Get("Content-Security-Policy"), path)
		assert.NotContains(t, policy, "unsafe")
		for _, name := range []string{"X-Content-Type-Options", "Referrer-Policy", "Permissions-Policy", "Cross-Origin-Opener-Policy"} {
			assert.NotEmpty(t, header.Get(name), "%s %s", path, name)
		}
		assert.Empty(t, header.Get("Strict-Transport-Security"), "http cannot promise https")
	}
}

func (p *portal) assetURL(name string) string {
	p.t.Helper()
	url, err := p.server.assets.url(name)
	require.NoError(p.t, err)
	return url
}

func TestPagesHaveNothingInline(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	newcomer, _ := p.newcomer("newcomer")
	for _, body := range []string{c.get("/home").body, c.get("/cameras/" + camera).body, newcomer.get("/setup").body, p.client().get("/signup").body} {
		assert.NotContains(t, body, "<style")
		assert.NotContains(t, body, " style=")
		assert.NotContains(t, body, " onclick=")
		assert.NotContains(t, body, "<script>")
		assert.NotContains(t, body, "//cdn")
	}
}

func TestCookieOverHTTPAndHTTPS(t *testing.T) {
	t.Parallel()
	plain := newPortal(t)
	id, code := plain.camera()
	cookie := plain.client().post("/signup", signUpForm("owner", id, code)).header.Get("Set-Cookie")
	assert.Contains(t, cookie, "seccam_session=")
	for _, want := range []string{"Path=/", "HttpOnly", "SameSite=Lax"} {
		assert.Contains(t, cookie, want)
	}
	assert.NotContains(t, cookie, "Secure")
	assert.NotContains(t, cookie, "Domain")

	secure := newPortalWith(t, func(cfg *Config) { cfg.PublicURL = "https://cams.example.org" })
	id, code = secure.camera()
	answer := secure.client().post("/signup", signUpForm("owner", id, code))
	cookie = answer.header.Get("Set-Cookie")
	assert.Contains(t, cookie, "__Host-seccam=")
	assert.Contains(t, cookie, "Secure")
	assert.NotEmpty(t, answer.header.Get("Strict-Transport-Security"))
}

func TestTokensAreHashedInTheStore(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, _ := p.member("owner")
	_, found, err := p.store.Logins().FindCtx(t.Context(), c.cookie())
	require.NoError(t, err)
	assert.False(t, found)
}

// TestIdleLimitMoves visits once a day for longer than the idle limit, then stays away.
func TestIdleLimitMoves(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, _ := p.member("owner")
	assert.Empty(t, c.get("/home").header.Get("Set-Cookie"), "nothing to write within the hour")
	p.clock.advance(2 * time.Hour)
	assert.NotEmpty(t, c.get("/home").header.Get("Set-Cookie"))
	p.clock.advance(8 * 24 * time.Hour)
	assert.Equal(t, "/login", c.get("/home").header.Get("Location"))
}

func TestLoginAlive(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, _ := p.member("owner")
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	ctx, err := p.server.logins.Load(request.Context(), c.cookie())
	require.NoError(t, err)
	alive := p.server.alive(ctx)
	assert.True(t, alive(ctx), "asked with a context that holds the session as it was")
	require.Equal(t, http.StatusSeeOther, c.post("/logout", nil).status)
	assert.False(t, alive(ctx))
	assert.False(t, alive(t.Context()))
}

func TestAliveKeepsLoginsWhenTheDatabaseIsDown(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, _ := p.member("owner")
	ctx, err := p.server.logins.Load(t.Context(), c.cookie())
	require.NoError(t, err)
	alive := p.server.alive(ctx)
	require.NoError(t, p.store.Close())
	assert.True(t, alive(ctx))
	assert.Contains(t, p.log.String(), "check login")
}

func take(t *testing.T, l limit, key string) time.Duration {
	t.Helper()
	wait, err := l.take(t.Context(), key)
	require.NoError(t, err)
	return wait
}

func TestLimiter(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	l := newLimiter("x", 2, time.Second, func() time.Time { return now })
	assert.Zero(t, take(t, l, "a"))
	assert.Zero(t, take(t, l, "a"))
	assert.InDelta(t, time.Second, take(t, l, "a"), float64(time.Millisecond))
	assert.InDelta(t, time.Second, take(t, l, "a"), float64(time.Millisecond), "a refused request costs nothing")
	assert.Zero(t, take(t, l, "b"), "another key has its own burst")
	now = now.Add(time.Second)
	assert.Zero(t, take(t, l, "a"))
}

func TestLimiterIsBounded(t *testing.T) {
	t.Parallel()
	l := newLimiter("x", 1, time.Hour, new(clock).now)
	for i := range limiterKeys {
		take(t, l, strconv.Itoa(i))
	}
	assert.NotZero(t, take(t, l, "0"), "remembered, and used last now")
	take(t, l, "one more")
	assert.Len(t, l.entries, limiterKeys)
	assert.Equal(t, limiterKeys, l.recent.Len())
	assert.NotZero(t, take(t, l, "0"))
	assert.Zero(t, take(t, l, "1"), "the one unused longest was forgotten")
}

func TestAddressKey(t *testing.T) {
	t.Parallel()
	for ip, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8:1:2:3::4": "2001:db8:1:2::/64",
		"fe80::1%eth0": "fe80::/64", "nonsense": "nonsense",
	} {
		assert.Equal(t, want, addressKey(ip))
	}
}

// TestEnoughSignUpsForAutomation lets ten sign-ups a minute from one address pass, for minutes.
func TestEnoughSignUpsForAutomation(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	for range 100 {
		assert.Zero(t, take(t, p.server.limits.signUp, "127.0.0.1"))
		p.clock.advance(6 * time.Second)
	}
}

func TestSignUpsAreThrottled(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c := p.client()
	last := reply{}
	for range signUpBurst + 1 {
		last = c.post("/signup", nil)
	}
	assert.Equal(t, http.StatusTooManyRequests, last.status)
	p.clock.advance(signUpEvery)
	assert.Equal(t, http.StatusUnprocessableEntity, c.post("/signup", nil).status)
}

// Whoever guesses gains nothing by asking another portal: the tries are of the account, whichever is asked.
func TestThrottlesAreSharedByPortals(t *testing.T) {
	here := newPortal(t)
	here.member("owner")
	there, err := newServer(Config{PublicURL: here.url}, here.server.Deps) // with its own state, as in another process
	require.NoError(t, err)
	guess := func(s *server) int {
		request := httptest.NewRequest(http.MethodPost, "/login", strings.NewReader(fields("username", "owner", "password", password).Encode()))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		answer := httptest.NewRecorder()
		s.echo.ServeHTTP(answer, request)
		return answer.Code
	}
	require.Equal(t, http.StatusSeeOther, guess(there))
	for range guessBurst {
		require.Zero(t, take(t, here.server.limits.guess, "192.0.2.1 owner")) // httptest's address
	}
	assert.Equal(t, http.StatusTooManyRequests, guess(there))
	here.clock.advance(guessEvery)
	assert.Equal(t, http.StatusSeeOther, guess(there))
	assert.Equal(t, http.StatusSeeOther, guess(here.server), "who was right has all tries again, everywhere")
}

// Tries are counted where they are kept, or not made at all.
func TestNoTriesWhileTheDatabaseIsDown(t *testing.T) {
	p := newPortal(t)
	require.NoError(t, p.store.Close())
	answer := p.client().post("/login", fields("username", "owner", "password", password))
	assert.Equal(t, http.StatusInternalServerError, answer.status)
	assert.Contains(t, p.log.String(), "throttle log-in")
}

func TestSuccessfulLogInsAreNoGuesses(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	p.member("owner")
	for range guessBurst + 3 {
		answer := p.client().post("/login", fields("username", "owner", "password", password))
		require.Equal(t, http.StatusSeeOther, answer.status)
	}
	assert.False(t, strings.Contains(p.log.String(), "ERROR"))
}
