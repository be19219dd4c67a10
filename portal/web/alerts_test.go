package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// called is a server that a webhook leads to.
func called(t *testing.T, status int) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	t.Cleanup(server.Close)
	return server.URL
}

// The page as a browser without JavaScript uses it.
func TestAlertsPage(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	owner, _ := p.member("owner")
	stranger, _ := p.member("stranger")
	const page = "/account/alerts"
	assert.NotContains(t, owner.get(page).body, `id="webhook-list"`)
	wrong := owner.post(page, fields("url", "https://10.0.0.1/<script>"))
	assert.Equal(t, http.StatusUnprocessableEntity, wrong.status)
	assert.Contains(t, wrong.body, "not on the Internet")
	assert.Contains(t, wrong.body, `value="https://10.0.0.1/&lt;script&gt;"`, "what was typed stays")

	address := called(t, http.StatusTeapot)
	assert.Equal(t, page+"?done=webhook-added", owner.post(page, fields("url", address)).header.Get("Location"))
	body := owner.get(page).body
	assert.Contains(t, body, "Not called yet")
	assert.Contains(t, body, "whsec_")
	id := between(t, body, `data-webhook="`, `"`)
	for _, action := range []string{"/try", "/remove"} {
		assert.Equal(t, http.StatusNotFound, stranger.post(page+"/"+id+action, nil).status)
	}
	assert.Equal(t, page, owner.post(page+"/"+id+"/try", nil).header.Get("Location"))
	assert.Contains(t, owner.get(page).body, "The address answered 418")
	assert.Equal(t, page+"?done=webhook-removed", owner.post(page+"/"+id+"/remove", nil).header.Get("Location"))

	owner.post(page, fields("url", called(t, http.StatusOK)))
	id = between(t, owner.get(page).body, `data-webhook="`, `"`)
	assert.Equal(t, page+"?done=webhook-called", owner.post(page+"/"+id+"/try", nil).header.Get("Location"))
	assert.Contains(t, owner.get(page).body, "it arrived")
	for range webhookBurst {
		owner.post(page+"/"+id+"/try", nil)
	}
	assert.Equal(t, http.StatusTooManyRequests, owner.post(page+"/"+id+"/try", nil).status)
}

func TestWebhooksAPI(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	owner, _ := p.member("owner")
	stranger, _ := p.member("stranger")
	const path = "/webhooks"
	var list struct{ Webhooks []webhookBody }
	owner.api("GET", path, nil, &list)
	require.Empty(t, list.Webhooks)
	require.Equal(t, http.StatusUnprocessableEntity, owner.api("POST", path, map[string]any{"url": "https://127.0.0.1.example/\x00"}, nil).status)
	require.Equal(t, http.StatusBadRequest, owner.api("POST", path, map[string]any{"url": 7}, nil).status)
	var hook webhookBody
	owner.api("POST", path, map[string]any{"url": called(t, http.StatusOK)}, &hook)
	require.Contains(t, hook.Secret, "whsec_")
	stranger.api("GET", path, nil, &list)
	require.Empty(t, list.Webhooks)
	require.Equal(t, http.StatusNotFound, stranger.api("POST", path+"/"+hook.ID+"/try", nil, nil).status)
	require.Equal(t, http.StatusNotFound, stranger.api("DELETE", path+"/"+hook.ID, nil, nil).status)
	var tried struct {
		Arrived bool
		Error   string
	}
	owner.api("POST", path+"/"+hook.ID+"/try", nil, &tried)
	require.True(t, tried.Arrived, tried.Error)
	require.Equal(t, http.StatusNoContent, owner.api("DELETE", path+"/"+hook.ID, nil, nil).status)
}

// alertScenes are the page in its states.
func alertScenes(p *portal) []scene {
	member, _ := p.member("owner")
	return []scene{
		{"alerts-none", func(g *page) { g.as(member).open("/account/alerts") }},
		{"alerts", func(g *page) {
			for _, status := range []int{http.StatusOK, http.StatusBadGateway} {
				member.post("/account/alerts", fields("url", called(p.t, status)))
			}
			for _, part := range strings.Split(member.get("/account/alerts").body, `data-webhook="`)[1:] {
				member.post("/account/alerts/"+part[:strings.Index(part, `"`)]+"/try", nil)
			}
			member.post("/account/alerts", fields("url", "https://home.example.org/alerts/a-path-that-nobody-can-guess-and-that-is-long"))
			g.as(member).open("/account/alerts")
		}},
		{"alerts-refused", func(g *page) {
			g.tolerate("422")
			g.as(member).open("/account/alerts")
			g.fill("#url", "https://192.168.1.2/")
			g.click("#add-webhook")
			g.until(`document.getElementById('url-error').offsetHeight > 0`)
		}},
	}
}

func TestAlertScenes(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	checkScenes(p, alertScenes(p))
}
