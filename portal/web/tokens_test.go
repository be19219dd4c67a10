package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The form of the settings page, as a browser without JavaScript uses it.
func TestViewTokensOnTheSettingsPage(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	owner, camera := p.member("owner")
	settings := "/cameras/" + camera + "/settings"
	assert.NotContains(t, owner.get(settings).body, `id="token-list"`)

	wrong := owner.post("/cameras/"+camera+"/tokens", fields("token_name", " ", "token_days", "7"))
	assert.Equal(t, http.StatusUnprocessableEntity, wrong.status)
	assert.Contains(t, wrong.body, "Say who it is for")
	assert.Contains(t, wrong.body, `<option value="7" selected>`, "what was chosen stays")

	made := owner.post("/cameras/"+camera+"/tokens", fields("token_name", "<Kitchen> tablet", "token_days", "1"))
	require.Equal(t, http.StatusCreated, made.status)
	assert.Contains(t, made.body, "&lt;Kitchen&gt; tablet")
	address := between(t, made.body, `id="token-url">`, "<")
	token := between(t, made.body, `id="token">`, "<")
	assert.Equal(t, p.url+apiPrefix+"/whep/"+token, address)
	assert.Equal(t, p.url+apiPrefix+"/cameras/"+camera+"/whep", between(t, made.body, `id="whep-url">`, "<"))

	page := owner.get(settings).body
	assert.NotContains(t, page, strings.TrimPrefix(token, "view_"), "it is shown once")
	assert.Contains(t, page, "Not used yet · until <time")
	require.Equal(t, http.StatusCreated, p.player("").offer(strings.TrimPrefix(address, p.url)).status)
	assert.Contains(t, owner.get(settings).body, "Last used <time")
	p.clock.advance(25 * time.Hour)
	assert.Contains(t, owner.get(settings).body, " · expired")
	assert.Equal(t, http.StatusNotFound, p.player("").offer(strings.TrimPrefix(address, p.url)).status)

	id := between(t, page, `data-token="`, `"`)
	assert.Equal(t, settings+"?done=token-revoked", owner.post("/cameras/"+camera+"/tokens/"+id+"/revoke", nil).header.Get("Location"))
	assert.Contains(t, owner.get(settings+"?done=token-revoked").body, "The link is revoked")
	assert.NotContains(t, owner.get(settings).body, `id="token-list"`)

	for _, days := range []string{"0", "", "soon", "1e9", "-1", "99999999999999999999"} {
		status := owner.post("/cameras/"+camera+"/tokens", fields("token_name", "x", "token_days", days)).status
		assert.Contains(t, []int{http.StatusCreated, http.StatusUnprocessableEntity}, status, days)
	}
}

// tokenScenes are the section about other programs in its states.
func tokenScenes(p *portal) []scene {
	member, camera := p.member("owner")
	p.presence.set(camera, online())
	ready := func(g *page) { g.until(`document.getElementById('privacy').dataset.state === 'ready'`) }
	return []scene{
		{"tokens-none", func(g *page) {
			g.as(member).open("/cameras/" + camera + "/settings")
			ready(g)
		}},
		{"tokens-refused", func(g *page) {
			g.tolerate("422")
			g.as(member).open("/cameras/" + camera + "/settings")
			ready(g)
			g.click("#create-token")
			g.until(`document.getElementById('token_name-error').offsetHeight > 0`)
			ready(g)
		}},
		{"tokens-created", func(g *page) {
			used := member.token(camera)
			require.Equal(p.t, http.StatusCreated, p.player(used.Token).offer(apiPrefix+"/cameras/"+camera+"/whep").status)
			g.as(member).open("/cameras/" + camera + "/settings")
			ready(g)
			g.fill("#token_name", "Home Assistant in the hall, the one with a very long name")
			js[any](g, `document.getElementById('token_days').value = '30'`)
			g.click("#create-token")
			g.until(`document.getElementById('new-token')`)
			ready(g)
		}},
		{"tokens-revoked", func(g *page) {
			g.as(member).open("/cameras/" + camera + "/settings")
			ready(g) // and nothing moves any more
			g.click("[data-token] button")
			g.until(`document.getElementById('notice')`)
			ready(g)
		}},
	}
}

func TestViewTokensAccessibility(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	checkScenes(p, tokenScenes(p))
}
