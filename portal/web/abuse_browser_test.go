package web

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAbuse29_SwappedFingerprint(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	fake := newFakeCamera(p)
	p.pin(camera, fake.fingerprint())
	fake.change = swapFingerprint
	g := p.page().as(c)
	g.open("/cameras/" + camera)
	g.state("refused")
	assert.Contains(t, g.text("#overlay-text"), "not the one that belongs to your camera")
	assert.Equal(t, "Not connected", g.text("#stat-connection"))
	assert.LessOrEqual(t, js[int](g, `document.getElementById('video').videoWidth`), 2, "Chromium's own black")
	assert.Equal(t, 0, js[int](g, `performance.getEntriesByName('seccam:first-frame').length`))
	require.Eventually(t, func() bool { return len(fake.left()) == 1 }, waitDeadline, 10*time.Millisecond)
	p.presence.set(camera, offline("Offline"))
	p.presence.set(camera, online())
	g.until(`document.querySelector('[data-presence]').dataset.state === 'online'`)
	assert.Equal(t, "refused", js[string](g, `document.getElementById('main').dataset.state`), "it does not try again by itself")
	assert.Len(t, fake.offered(), 1)
}

// TestAbuse29_OtherCameraWithItsOwnKey is a whole other camera with a matching certificate of its own:
// the connection would hold, and only the pin tells.
func TestAbuse29_OtherCameraWithItsOwnKey(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	p.pin(camera, otherFingerprint)
	fake := newFakeCamera(p)
	g := p.page().as(c)
	g.open("/cameras/" + camera)
	g.state("refused")
	assert.Len(t, fake.offered(), 1)
}

// TestUnpinnedCamera takes the first certificate and holds on to it, until the portal pins another.
func TestUnpinnedCamera(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	newFakeCamera(p)
	g := p.page().as(c)
	g.open("/cameras/" + camera)
	g.state("live")
	assert.Contains(t, g.text("#certificate"), "not pinned yet")
	p.pin(camera, otherFingerprint)
	p.signals.pushStatus(camera)
	g.state("refused")
}

func TestAbuse33_ScriptInCameraName(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	name := `"><script>document.title='owned'</script><img src=x>`
	require.Equal(t, http.StatusSeeOther, c.post("/cameras/"+camera+"/rename", fields("name", name)).status)
	g := p.page().as(c)
	for _, path := range []string{"/home", "/cameras/" + camera, "/cameras/" + camera + "/settings", "/cameras/" + camera + "/release"} {
		answer := c.get(path)
		assert.NotContains(t, answer.body, "<script>document")
		assert.NotContains(t, answer.body, "<img src=x")
		assert.Contains(t, answer.header.Get("Content-Security-Policy"), "script-src 'self'")
		g.open(path)
		assert.NotEqual(t, "owned", js[string](g, `document.title`))
		assert.Equal(t, 0, js[int](g, `document.querySelectorAll('img[src=x], body script').length`))
	}
	// And if one got through: the policy stops it.
	g.tolerate("Content Security Policy", "Content-Security-Policy")
	js[any](g, `(() => { const s = document.createElement('script'); s.textContent = "document.title = 'owned'"; document.body.append(s) })()`)
	assert.NotEqual(t, "owned", js[string](g, `document.title`))
}
