package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// again logs a member in once more, from another browser.
func (p *portal) again(name string) *client {
	p.t.Helper()
	c := p.client()
	require.Equal(p.t, http.StatusSeeOther, c.post("/login", fields("username", name, "password", password)).status)
	return c
}

type loginList struct {
	Logins []openLogin `json:"logins"`
}

func (c *client) logins() []openLogin {
	c.p.t.Helper()
	var list loginList
	require.Equal(c.p.t, http.StatusOK, c.api(http.MethodGet, "/account/logins", nil, &list).status)
	return list.Logins
}

// ended is the subjects of all revocations, in order.
func (p *portal) ended() []string {
	p.t.Helper()
	list, err := p.store.RevocationsAfter(p.t.Context(), 0)
	require.NoError(p.t, err)
	var subjects []string
	for _, revocation := range list {
		subjects = append(subjects, revocation.Subject)
	}
	return subjects
}

func TestLoginsAreListedAndEnd(t *testing.T) {
	t.Parallel()
	p := newPortalWith(t, func(cfg *Config) { cfg.TrustedProxies = []string{"127.0.0.0/8"} })
	c, _ := p.member("owner")
	phone := p.client()
	phone.head.Set("User-Agent", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1")
	phone.head.Set("X-Forwarded-For", "192.168.1.20")
	require.Equal(t, http.StatusSeeOther, phone.post("/login", fields("username", "owner", "password", password)).status)
	stranger, _ := p.member("kim")

	list := c.logins()
	require.Len(t, list, 2)
	assert.True(t, list[0].Current)
	assert.Equal(t, "This machine", list[0].Place)
	other := list[1]
	assert.Equal(t, "Safari on iPhone", other.Device)
	assert.Equal(t, "192.168.1.20", other.Address)
	assert.Equal(t, "This network", other.Place)
	page := c.get("/account").body
	assert.Contains(t, page, "Safari on iPhone")
	assert.Contains(t, page, "This device")

	p.clock.advance(time.Hour)
	phone.head.Set("X-Forwarded-For", "203.0.113.9")
	require.Equal(t, http.StatusOK, phone.get("/home").status)
	moved := c.logins()[1]
	assert.Equal(t, "203.0.113.9", moved.Address, "of the latest visit")
	assert.Greater(t, moved.LastUsedAt.Sub(other.LastUsedAt), 59*time.Minute)

	assert.Equal(t, http.StatusNotFound, stranger.post("/account/logins/"+other.ID+"/end", nil).status)
	assert.Equal(t, http.StatusNotFound, stranger.api(http.MethodDelete, "/account/logins/"+other.ID, nil, nil).status)
	assert.Equal(t, "/account?done=login-ended", c.post("/account/logins/"+other.ID+"/end", nil).header.Get("Location"))
	assert.Equal(t, "/login", phone.get("/home").header.Get("Location"))
	assert.Equal(t, []string{"login-" + other.ID}, p.ended())
	assert.Equal(t, http.StatusNotFound, c.api(http.MethodDelete, "/account/logins/"+other.ID, nil, nil).status)
	assert.Len(t, c.logins(), 1)
}

func TestLogOutEverywhere(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, _ := p.member("owner")
	second, third := p.again("owner"), p.again("owner")
	require.Equal(t, http.StatusNoContent, c.api(http.MethodDelete, "/account/logins?where=elsewhere", nil, nil).status)
	assert.Len(t, c.logins(), 1)
	for _, gone := range []*client{second, third} {
		assert.Equal(t, http.StatusUnauthorized, gone.api(http.MethodGet, "/account", nil, nil).status)
	}
	assert.Equal(t, http.StatusUnprocessableEntity, c.api(http.MethodDelete, "/account/logins?where=there", nil, nil).status)

	second = p.again("owner")
	assert.Equal(t, "/account?done=logins-ended", c.post("/account/logins/end", fields("where", "elsewhere")).header.Get("Location"))
	assert.Equal(t, "/login", second.get("/home").header.Get("Location"))
	second = p.again("owner")
	assert.Equal(t, "/login?done=signed-out-everywhere", c.post("/account/logins/end", nil).header.Get("Location"))
	assert.Empty(t, c.cookie())
	assert.Equal(t, "/login", second.get("/home").header.Get("Location"))
	assert.Len(t, p.ended(), 5)
	second = p.again("owner")
	require.Equal(t, http.StatusNoContent, second.api(http.MethodDelete, "/account/logins", nil, nil).status)
	assert.Equal(t, "/login", second.get("/home").header.Get("Location"))
	third = p.again("owner")
	own := third.logins()[0]
	assert.Equal(t, "/login?done=signed-out", third.post("/account/logins/"+own.ID+"/end", nil).header.Get("Location"))
}

// TestAbuse16_PasswordChangeEndsSessions changes the password while others are logged in with a page open.
func TestAbuse16_PasswordChangeEndsSessions(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, _ := p.member("owner")
	thief := p.again("owner")
	ctx, err := p.server.logins.Load(t.Context(), thief.cookie())
	require.NoError(t, err)
	alive := p.server.alive(ctx) // what the thief's WebSocket is asked again and again
	require.True(t, alive(t.Context()))
	id := thief.logins()[0].ID

	const better = "battery staple 2"
	change := fields("current_password", "not it", "password", better, "password_confirm", better)
	refused := thief.post("/account/password", change)
	assert.Equal(t, http.StatusUnprocessableEntity, refused.status, "a cookie is not the password")
	assert.Contains(t, refused.body, "This is not your password.")
	change.Set("current_password", password)
	assert.Equal(t, "/account?done=password-changed", c.post("/account/password", change).header.Get("Location"))

	assert.Equal(t, []string{"login-" + id}, p.ended(), "which every portal cuts the WebSockets and views of")
	assert.False(t, alive(t.Context()))
	assert.Equal(t, "/login", thief.get("/home").header.Get("Location"))
	assert.Equal(t, http.StatusOK, c.get("/home").status, "who changed it stays")
	old := p.client().post("/login", fields("username", "owner", "password", password))
	assert.Equal(t, http.StatusUnauthorized, old.status)
	fresh := p.client()
	assert.Equal(t, http.StatusSeeOther, fresh.post("/login", fields("username", "owner", "password", better)).status)

	body := object{"current_password": better, "password": password, "password_confirm": password}
	require.Equal(t, http.StatusNoContent, fresh.api(http.MethodPut, "/account/password", body, nil).status)
	assert.Equal(t, "/login", c.get("/home").header.Get("Location"))
}

func TestPasswordChangeIsChecked(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, _ := p.member("owner")
	for _, wrong := range []object{
		{"current_password": password, "password": "short", "password_confirm": "short"},
		{"current_password": password, "password": password, "password_confirm": password},
		{"current_password": password, "password": "battery staple 2", "password_confirm": "battery staple 3"},
		{"current_password": strings.Repeat("x", 2000), "password": "battery staple 2", "password_confirm": "battery staple 2"},
	} {
		assert.Equal(t, http.StatusUnprocessableEntity, c.api(http.MethodPut, "/account/password", wrong, nil).status, wrong)
	}
	assert.Empty(t, p.ended())
	guess := object{"current_password": "guess", "password": "battery staple 2", "password_confirm": "battery staple 2"}
	last := reply{}
	for range guessBurst + 1 {
		last = c.api(http.MethodPut, "/account/password", guess, nil)
	}
	assert.Equal(t, http.StatusTooManyRequests, last.status, "a stolen cookie is no place to guess at")
	assert.Equal(t, http.StatusTooManyRequests, c.api(http.MethodPost, "/account/proof", object{"current_password": "x"}, nil).status)
}

func TestProof(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, _ := p.member("owner")
	guarded := p.server.proven(p.server.accountPage)
	p.server.echo.GET("/account/delicate", guarded, p.server.loadLogin)
	assert.Equal(t, http.StatusOK, c.get("/account/delicate").status, "the log-in was a proof")
	p.clock.advance(11 * time.Minute)
	to := c.get("/account/delicate").header.Get("Location")
	assert.Equal(t, "/account/proof?next=%2Faccount%2Fdelicate", to)
	assert.Contains(t, c.get(to).body, `value="/account/delicate"`)
	wrong := c.post("/account/proof", fields("current_password", "x", "next", "/account/delicate"))
	assert.Equal(t, http.StatusUnprocessableEntity, wrong.status)
	assert.Contains(t, wrong.body, `value="/account/delicate"`)
	right := c.post("/account/proof", fields("current_password", password, "next", "/account/delicate"))
	assert.Equal(t, "/account/delicate", right.header.Get("Location"))
	assert.Equal(t, http.StatusOK, c.get("/account/delicate").status)
	for _, next := range []string{"https://evil.example", "//evil.example", "/account//evil.example", "/home", "/account/\\evil"} {
		answer := c.post("/account/proof", fields("current_password", password, "next", next))
		assert.Equal(t, "/account", answer.header.Get("Location"), next)
	}
	p.clock.advance(11 * time.Minute)
	require.Equal(t, http.StatusNoContent, c.api(http.MethodPost, "/account/proof", object{"current_password": password}, nil).status)
	assert.Equal(t, http.StatusOK, c.get("/account/delicate").status)
}

// TestSessionsLeaveNothing looks for rows that outlive the login they belong to.
func TestSessionsLeaveNothing(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, _ := p.member("owner")
	ctx, err := p.server.logins.Load(t.Context(), c.cookie())
	require.NoError(t, err)
	key := p.server.logins.sessionKey(ctx)
	_, found, err := p.store.Logins().FindCtx(t.Context(), key)
	require.NoError(t, err)
	require.True(t, found, "the session is kept under this key")
	require.Equal(t, http.StatusNoContent, c.api(http.MethodPost, "/logout", nil, nil).status)
	_, found, err = p.store.Logins().FindCtx(t.Context(), key)
	require.NoError(t, err)
	assert.False(t, found)

	// A request that was on its way when the login ended writes the session back: it is worth nothing.
	again := p.again("owner")
	ctx, err = p.server.logins.Load(t.Context(), again.cookie())
	require.NoError(t, err)
	other := p.again("owner")
	require.Equal(t, http.StatusNoContent, other.api(http.MethodDelete, "/account/logins?where=elsewhere", nil, nil).status)
	_, _, err = p.server.logins.Commit(ctx)
	require.NoError(t, err)
	assert.Equal(t, "/login", again.get("/home").header.Get("Location"))
}

func TestDeviceNames(t *testing.T) {
	t.Parallel()
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0.0.0 Safari/537.36": "Chrome on Linux",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:121.0) Gecko/20100101 Firefox/121.0":                          "Firefox on macOS",
		"curl/7.88.1": "curl", "": "An unknown program", strings.Repeat("x", 300): strings.Repeat("x", 40),
	} {
		assert.Equal(t, want, deviceName(agent))
	}
}
