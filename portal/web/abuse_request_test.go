package web

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/portal/fleet"
)

func TestAbuse11_ForeignOrigin(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, _ := p.member("owner")
	upgrade := func(c *client, origin string) int {
		c.head = http.Header{
			"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"AAAAAAAAAAAAAAAAAAAAAA=="},
		}
		if origin != "" {
			c.head.Set("Origin", origin)
		}
		return c.get("/api/v1/signal").status
	}
	for _, origin := range []string{"", "null", "https://evil.example", "http://127.0.0.1:1", p.url + ".evil.example", "http://evil.example/" + p.url} {
		assert.Equal(t, http.StatusForbidden, upgrade(c, origin), origin)
	}
	assert.Zero(t, p.signals.count())
	assert.Equal(t, http.StatusUnauthorized, upgrade(p.client(), p.url))
}

func TestAbuse14_CrossSitePost(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	for _, head := range []http.Header{
		{"Origin": {"https://evil.example"}}, {"Sec-Fetch-Site": {"cross-site"}}, {"Sec-Fetch-Site": {"same-site"}},
	} {
		c.head = head
		for _, path := range []string{"/logout", "/cameras/" + camera + "/release", "/cameras/new", "/login", "/signup", "/api/v1/logout", "/api/v1/cameras"} {
			assert.Equal(t, http.StatusForbidden, c.post(path, nil).status, "%v %s", head, path)
		}
		assert.Equal(t, http.StatusForbidden, c.api(http.MethodDelete, "/cameras/"+camera, nil, nil).status)
		assert.Equal(t, http.StatusForbidden, c.api(http.MethodPatch, "/cameras/"+camera, object{"name": "x"}, nil).status)
	}
	c.head = http.Header{"Origin": {p.url}}
	assert.Equal(t, http.StatusSeeOther, c.post("/logout", nil).status)
}

func TestAbuse15_SessionFixation(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	known, _ := p.member("intruder")
	victim := p.client()
	p.member("owner")
	u, err := url.Parse(p.url)
	require.NoError(t, err)
	// The victim is given a session that the attacker knows, then one that was made up.
	for _, planted := range []string{known.cookie(), "made-up"} {
		victim.http.Jar.SetCookies(u, []*http.Cookie{{Name: "seccam_session", Value: planted, Path: "/"}})
		require.Equal(t, http.StatusSeeOther, victim.post("/login", fields("username", "owner", "password", password)).status)
		assert.NotEqual(t, planted, victim.cookie())
		attacker := p.client()
		attacker.head.Set("Cookie", "seccam_session="+planted)
		assert.Equal(t, "/login", attacker.get("/home").header.Get("Location"))
	}
	before := victim.cookie()
	id, code := p.camera()
	require.Equal(t, http.StatusSeeOther, victim.post("/signup", signUpForm("newcomer", id, code)).status)
	assert.NotEqual(t, before, victim.cookie(), "a sign-up is a log-in too")
}

// TestAbuse17_CredentialStuffing is throttled whatever the headers say, and the owner still gets in
// from elsewhere.
func TestAbuse17_CredentialStuffing(t *testing.T) {
	t.Parallel()
	p := newPortalWith(t, func(cfg *Config) { cfg.TrustedProxies = []string{"192.0.2.1/32"} })
	p.member("owner")
	attacker := p.client()
	guess := func(n string) reply {
		attacker.head.Set("X-Forwarded-For", n)
		attacker.head.Set("X-Real-Ip", n)
		return attacker.post("/login", fields("username", "owner", "password", "guess "+n))
	}
	last := reply{}
	for i := range guessBurst + 1 {
		last = guess("203.0.113." + string(rune('0'+i%10)))
	}
	assert.Equal(t, http.StatusTooManyRequests, last.status)

	behind := newPortalWith(t, func(cfg *Config) { cfg.TrustedProxies = []string{"127.0.0.0/8"} })
	behind.member("owner")
	attacker = behind.client()
	for range guessBurst + 1 {
		last = guess("203.0.113.1")
	}
	require.Equal(t, http.StatusTooManyRequests, last.status)
	owner := behind.client()
	owner.head.Set("X-Forwarded-For", "198.51.100.7")
	assert.Equal(t, http.StatusSeeOther, owner.post("/login", fields("username", "owner", "password", password)).status)
}

var linked = regexp.MustCompile(`(?:href|action|src)="([^"]*)"`)

// TestAbuse36_NoSecretsInURLsAndReferrers looks at every page's addresses, forms and headers, and at
// the log.
func TestAbuse36_NoSecretsInURLsAndReferrers(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	newcomer, _ := p.newcomer("newcomer")
	id, code := p.camera()
	wrong := signUpForm("x", id, code)
	released := c.post("/cameras/"+p.secondCamera(c, "")+"/release", nil)
	pages := []reply{
		p.client().post("/signup", wrong), p.client().get("/login"), newcomer.get("/setup"), c.get("/home"), released,
		c.get("/cameras/" + camera), c.get("/cameras/" + camera + "/settings"), c.get("/cameras/" + camera + "/release"), c.get("/cameras/new"),
	}
	secrets := []string{password, code, c.cookie(), newcomer.cookie(), between(t, released.body, `id="claim-code">`, "<")}
	for _, page := range pages {
		assert.Equal(t, "same-origin", page.header.Get("Referrer-Policy"))
		assert.Equal(t, "no-store", page.header.Get("Cache-Control"))
		assert.Equal(t, strings.Count(page.body, "<form"), strings.Count(page.body, `<form method="post"`)+strings.Count(page.body, `<form method="get" action="/setup"`))
		for _, link := range linked.FindAllStringSubmatch(page.body, -1) {
			for _, secret := range secrets {
				assert.NotContains(t, strings.ToLower(link[1]), strings.ToLower(secret))
			}
			assert.True(t, strings.HasPrefix(link[1], "/") || strings.HasPrefix(link[1], "#"), "%s leads elsewhere", link[1])
		}
		assert.NotContains(t, page.body, password)
		assert.NotContains(t, page.body, c.cookie())
	}
	for _, secret := range secrets {
		assert.NotContains(t, p.log.String(), secret)
	}
}

// wrongTyped is fields of the account's bodies, which are strings.
const wrongTyped = `"current_password":1,"code":{},"email":[],"secret":{},"note":1,"fingerprint":{},"credential":1,"token":[],"who":1,"url":1,"batch":1,"cameras":1`

// TestAbuse37_MalformedJSON sends broken JSON to every API route.
func TestAbuse37_MalformedJSON(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	second, _ := p.member("second")
	p.withApp(second)
	half, program := p.halfIn("second"), p.operator(fleet.ScopeProvision)
	bodies := []string{
		``, `{`, `null`, `[]`, `"x"`, `1`, `{"username":1,"camera_id":1,"camera":1,"name":1,"password":[],"proof":{},"key":1,` + wrongTyped + `}`, `{"username":"a`,
		`{} {}`, "\x00\xff", strings.Repeat(`{"a":`, 10_000), `{"name":{},"username":{},"camera":[],"camera_id":{},"key":"%",` + wrongTyped + `}`,
	}
	for _, route := range p.server.echo.Routes() {
		if !strings.HasPrefix(route.Path, apiPrefix) || !strings.Contains("POST PATCH", route.Method) {
			continue
		}
		path := strings.Replace(route.Path, ":id", camera, 1)
		if !p.takesJSON(route.Method, route.Path) {
			continue // it takes no body, or SDP: TestWHEPBodies
		}
		c := c
		if strings.Contains(path, "/login/second") {
			c = half
		} else if strings.HasPrefix(path, adminPrefix) {
			c = program
		}
		p.forgive() // this test is about JSON
		for _, body := range bodies {
			answer := c.do(route.Method, path, "application/json", strings.NewReader(body))
			assert.Contains(t, []int{http.StatusBadRequest, http.StatusRequestEntityTooLarge}, answer.status, "%s %s %.40q: %s", route.Method, path, body, answer.body)
			assert.Equal(t, "application/problem+json", answer.header.Get("Content-Type"))
		}
		answer := c.do(route.Method, path, "text/plain", strings.NewReader(`{}`))
		assert.Equal(t, http.StatusUnsupportedMediaType, answer.status)
	}
	assert.Equal(t, http.StatusOK, c.get("/healthz").status)
}

// takesJSON reports whether the OpenAPI document says that a route has a JSON body.
func (p *portal) takesJSON(method, path string) bool {
	p.t.Helper()
	doc, err := description()
	require.NoError(p.t, err)
	item := doc.Paths.Value(routeParam.ReplaceAllString(path, "{$1}"))
	if item == nil || item.GetOperation(method) == nil { // reserved, and answered with 404
		return false
	}
	body := item.GetOperation(method).RequestBody
	return body != nil && body.Value.Content.Get("application/json") != nil
}
