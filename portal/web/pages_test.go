package web

import (
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSignUpToHome(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.newcomer("Owner")

	page := c.get("/setup")
	require.Equal(t, http.StatusOK, page.status)
	assert.Contains(t, page.body, `id="next" disabled`)

	early := c.post("/setup/confirm", nil)
	assert.Equal(t, http.StatusConflict, early.status)
	assert.Contains(t, early.body, "has not connected yet")
	assert.Equal(t, "/setup", c.get("/home").header.Get("Location"), "no way around the setup")

	p.presence.set(camera, online())
	assert.NotContains(t, c.get("/setup").body, `id="next" disabled`)
	assert.Equal(t, "/home?done=signed-up", c.post("/setup/confirm", nil).header.Get("Location"))
	home := c.get("/home?done=signed-up")
	assert.Contains(t, home.body, "Owner")
	assert.Contains(t, home.body, "Camera "+strings.ToUpper(camera[:5]))
	assert.Equal(t, "/home", c.get("/").header.Get("Location"))
}

func TestSignUpErrorsKeepWhatWasTyped(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	id, _ := p.camera()
	form := signUpForm("x", id, "nonsense")
	form.Set("password_confirm", "another one 2")
	answer := p.client().post("/signup", form)
	assert.Equal(t, http.StatusUnprocessableEntity, answer.status)
	assert.Contains(t, answer.body, `value="`+id+`"`)
	assert.Contains(t, answer.body, "A user name has 3 to 32")
	assert.Contains(t, answer.body, "not a claim code")
	assert.Contains(t, answer.body, "The two passwords differ")
	assert.NotContains(t, answer.body, password)
}

// TestLabelLeadsToItsForm: what a label says stays in the browser until it is sent.
func TestLabelLeadsToItsForm(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	assert.Equal(t, "/signup", p.client().get("/claim").header.Get("Location"))
	member, _ := p.member("owner")
	assert.Equal(t, "/cameras/new", member.get("/claim").header.Get("Location"))
	newcomer, _ := p.newcomer("newcomer")
	assert.Equal(t, "/setup", newcomer.get("/claim").header.Get("Location"))
	assert.NotContains(t, p.client().get("/signup?id=ABCDE&code=FGHJK").body, "FGHJK", "nothing is taken from an address")
}

func TestCancelFreesNameAndCamera(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	id, code := p.camera()
	c := p.client()
	require.Equal(t, http.StatusSeeOther, c.post("/signup", signUpForm("owner", id, code)).status)
	assert.Equal(t, "/login?done=cancelled", c.post("/setup/cancel", nil).header.Get("Location"))
	assert.Empty(t, c.cookie())
	assert.Equal(t, "/setup", p.client().post("/signup", signUpForm("owner", id, code)).header.Get("Location"))
}

func TestExpiredSignUp(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, _ := p.newcomer("owner")
	p.clock.advance(15*time.Minute + time.Second)
	page := c.get("/setup")
	assert.Equal(t, http.StatusGone, page.status)
	assert.Contains(t, page.body, `href="/signup"`)
	assert.Equal(t, http.StatusOK, c.get("/signup").status, "a new sign-up is possible")
	assert.Equal(t, "/login", c.get("/home").header.Get("Location"))
}

func TestLogInAndOut(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, _ := p.member("owner")
	for _, wrong := range []struct{ name, password string }{{"owner", "wrong"}, {"nobody", password}, {"", ""}} {
		answer := p.client().post("/login", fields("username", wrong.name, "password", wrong.password))
		assert.Equal(t, http.StatusUnauthorized, answer.status)
		assert.Contains(t, answer.body, "The user name or the password is wrong.")
	}
	token := c.cookie()
	assert.Equal(t, "/login?done=signed-out", c.post("/logout", nil).header.Get("Location"))
	assert.Contains(t, c.get("/login?done=signed-out").body, "You are logged out")
	require.Len(t, p.ended(), 1)
	assert.True(t, strings.HasPrefix(p.ended()[0], "login-"))
	c.head.Set("Cookie", "seccam_session="+token)
	assert.Equal(t, "/login", c.get("/home").header.Get("Location"), "the old cookie is worth nothing")
}

func TestPendingUserLogsInToSetup(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	p.newcomer("owner")
	answer := p.client().post("/login", fields("username", "OWNER", "password", password))
	assert.Equal(t, "/setup", answer.header.Get("Location"))
}

func TestRenameAndRelease(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	answer := c.post("/cameras/"+camera+"/rename", fields("name", "  Front   door "))
	assert.Equal(t, "/cameras/"+camera+"/settings?done=renamed", answer.header.Get("Location"))
	assert.Contains(t, c.get("/home").body, "Front door")
	long := c.post("/cameras/"+camera+"/rename", fields("name", strings.Repeat("x", 61)))
	assert.Equal(t, http.StatusUnprocessableEntity, long.status)

	assert.Contains(t, c.get("/cameras/"+camera+"/release").body, "Release Front door?")
	released := c.post("/cameras/"+camera+"/release", nil)
	assert.Equal(t, http.StatusOK, released.status)
	code := between(t, released.body, `id="claim-code">`, `<`)
	assert.Contains(t, p.revocations(), "release-"+camera)
	assert.Contains(t, c.get("/home").body, `id="no-cameras"`)
	assert.Equal(t, http.StatusNotFound, c.post("/cameras/"+camera+"/release", nil).status)

	other, _ := p.member("kim")
	claim := other.post("/cameras/new", fields("camera_id", strings.ToUpper(camera), "claim_code", code, "name", ""))
	assert.Equal(t, "/home?done=claimed", claim.header.Get("Location"))
	assert.NotContains(t, other.get("/home").body, "Front door")
}

func between(t *testing.T, text, before, after string) string {
	t.Helper()
	_, rest, found := strings.Cut(text, before)
	require.True(t, found, "%q is not in %s", before, text)
	value, _, _ := strings.Cut(rest, after)
	return value
}

func TestUnknownRoutes(t *testing.T) {
	t.Parallel()
	c := newPortal(t).client()
	page := c.get("/nothing/here")
	assert.Equal(t, http.StatusNotFound, page.status)
	assert.Contains(t, page.body, `data-problem="404"`)
	api := c.get("/api/v1/nothing")
	assert.Equal(t, http.StatusNotFound, api.status)
	assert.Equal(t, "application/problem+json", api.header.Get("Content-Type"))
	method := c.do(http.MethodPut, "/home", "", nil)
	assert.Equal(t, http.StatusNotFound, method.status, "a wrong method says no more than a wrong path")
	assert.Equal(t, http.StatusNotFound, c.do(http.MethodHead, "/api/v1/nothing", "", nil).status)
}

func TestInternalErrorShowsAnIDOnly(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, _ := p.member("owner")
	require.NoError(t, p.store.Close())
	for _, path := range []string{"/home", "/api/v1/cameras"} {
		answer := c.get(path)
		assert.Equal(t, http.StatusInternalServerError, answer.status)
		id := ""
		if path == "/home" {
			id = between(t, answer.body, `id="error-id">`, `<`)
		} else {
			id = between(t, answer.body, `"id":"`, `"`)
		}
		assert.Contains(t, p.log.String(), "id="+id)
		assert.NotContains(t, answer.body, "sql")
	}
	assert.Equal(t, http.StatusServiceUnavailable, c.get("/readyz").status)
	assert.Equal(t, http.StatusOK, c.get("/healthz").status)
}

func TestPanicIsAnInternalError(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, _ := p.member("owner")
	p.server.Presence = nil
	assert.Equal(t, http.StatusInternalServerError, c.get("/home").status)
	assert.Contains(t, p.log.String(), "panic")
}

func TestBodyCap(t *testing.T) {
	t.Parallel()
	c := newPortal(t).client()
	big := strings.Repeat("x", maxForm+1)
	assert.Equal(t, http.StatusRequestEntityTooLarge, c.post("/login", fields("username", big)).status)
	assert.Equal(t, http.StatusRequestEntityTooLarge,
		c.api(http.MethodPost, "/login", map[string]string{"username": strings.Repeat("x", maxJSON)}, nil).status)
}

func TestStaticFiles(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c := p.client()
	page := c.get("/login").body
	sheet := between(t, page, `rel="stylesheet" href="`, `"`)
	answer := c.get(sheet)
	assert.Equal(t, http.StatusOK, answer.status)
	assert.Equal(t, "text/css; charset=utf-8", answer.header.Get("Content-Type"))
	assert.Contains(t, answer.header.Get("Cache-Control"), "immutable")
	old := c.get("/static/0000/app.css")
	assert.Equal(t, "no-cache", old.header.Get("Cache-Control"))
	c.head.Set("If-None-Match", answer.header.Get("ETag"))
	assert.Equal(t, http.StatusNotModified, c.get(sheet).status)
	for _, path := range []string{"/static/x/none.js", "/static/x/..%2fweb.go", "/static/x/"} {
		assert.Equal(t, http.StatusNotFound, c.get(path).status, path)
	}
}

// TestWatchModules compares what the watch page preloads with what its modules import.
func TestWatchModules(t *testing.T) {
	t.Parallel()
	a, err := newAssets()
	require.NoError(t, err)
	seen := map[string]bool{}
	var follow func(name string)
	follow = func(name string) {
		for _, part := range strings.Split(string(a.files[name]), "from './")[1:] {
			imported, _, _ := strings.Cut(part, "'")
			if !seen[imported] {
				seen[imported] = true
				follow(imported)
			}
		}
	}
	follow("watch.js")
	var want []string
	for name := range seen {
		want = append(want, name)
	}
	assert.ElementsMatch(t, want, watchModules)
}

func TestConfigErrors(t *testing.T) {
	t.Parallel()
	for _, cfg := range []Config{
		{}, {PublicURL: "cams.example.org"}, {PublicURL: "ftp://x"}, {PublicURL: "https://x/path"}, {PublicURL: "https://%"},
		{PublicURL: "http://x", TrustedProxies: []string{"10.0.0.1"}},
	} {
		_, err := New(cfg, Deps{})
		assert.Error(t, err, "%+v", cfg)
	}
}

func TestWordsForTimes(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Second: "just now", 59 * time.Second: "just now", time.Minute: "1 minute ago", 59 * time.Minute: "59 minutes ago",
		time.Hour: "1 hour ago", 47 * time.Hour: "47 hours ago", 48 * time.Hour: "2 days ago",
	} {
		assert.Equal(t, want, ago(d))
	}
	assert.Equal(t, "15:00", minutesAndSeconds(15*time.Minute))
	assert.Equal(t, "0:00", minutesAndSeconds(-time.Second))
}

// TestNoAttributeLooksLikeAScript: html/template takes data-on… for a handler of an event, escapes its value as
// JavaScript and puts blanks around it, so that a page never sees the "true" that it waits for.
func TestNoAttributeLooksLikeAScript(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(templates, "templates/*.html")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := templates.ReadFile(file)
		require.NoError(t, err)
		assert.NotRegexp(t, `\sdata-on[a-z]*=`, string(text), file)
	}
}
