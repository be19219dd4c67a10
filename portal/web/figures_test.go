package web

import (
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/portal/account"
)

func TestRequestsAreCounted(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, _ := p.member("owner")
	counted := func(class, outcome string) float64 {
		return testutil.ToFloat64(p.server.Figures.requests.WithLabelValues(class, outcome))
	}
	before := counted("login", "refused")
	require.Equal(t, http.StatusUnauthorized, p.client().post("/login", fields("username", "owner", "password", "wrong")).status)
	assert.InDelta(t, before+1, counted("login", "refused"), 0)
	assert.InDelta(t, 1, counted("login", "redirected"), 0, "who logged in is sent on")
	c.get("/home")
	c.api(http.MethodGet, "/cameras", nil, nil)
	c.get("/healthz")
	p.client().api(http.MethodGet, "/admin/cameras", nil, nil)
	for class, outcome := range map[string]string{"page": "ok", "api": "ok", "health": "ok", "admin": "refused"} {
		assert.InDelta(t, 1, counted(class, outcome), 0, class)
	}
	problems, err := testutil.CollectAndLint(p.server.Figures)
	require.NoError(t, err)
	assert.Empty(t, problems)
}

// Steps of logging in are counted by what was shown and what it came to, and throttles by their names.
func TestLogInsAreCounted(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, _ := p.member("owner")
	logIns := func(by, result string) float64 {
		return testutil.ToFloat64(p.server.Figures.logIns.WithLabelValues(by, result))
	}
	throttled := func(name string) float64 {
		return testutil.ToFloat64(p.server.Figures.throttled.WithLabelValues(name))
	}
	before := logIns(account.ByPassword, "ok")
	require.Equal(t, "/home", p.client().post("/login", fields("username", "owner", "password", password)).header.Get("Location"))
	assert.InDelta(t, before+1, logIns(account.ByPassword, "ok"), 0)
	for range guessBurst + 1 {
		p.client().post("/login", fields("username", "nobody", "password", "wrong"))
	}
	assert.InDelta(t, guessBurst, logIns(account.ByPassword, "refused"), 0)
	assert.InDelta(t, 1, logIns(account.ByPassword, "throttled"), 0)
	assert.InDelta(t, 1, throttled("guess"), 0)
	assert.Zero(t, throttled("log-in"))

	a, _ := p.withApp(c)
	half := p.halfIn("owner")
	assert.InDelta(t, 1, logIns(account.ByPassword, "second_asked"), 0)
	half.post("/login/second", fields("code", "000000"))
	assert.InDelta(t, 1, logIns(account.ByCode, "refused"), 0)
	half.post("/login/second", fields("code", a.next()))
	assert.InDelta(t, 1, logIns(account.ByCode, "ok"), 0)
}

// Every route is of a class that says more than that it is a route.
func TestRoutesHaveClasses(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	for _, route := range p.server.echo.Routes() {
		class := routeClass(route.Path)
		assert.NotEqual(t, "none", class, route.Path)
		if strings.HasPrefix(route.Path, apiPrefix) {
			assert.NotEqual(t, "page", class, route.Path)
		}
	}
}
