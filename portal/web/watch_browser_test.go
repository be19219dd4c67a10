package web

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

// watching opens the watch page of a member's camera that answers.
func watching(t *testing.T) (*portal, *fakeCamera, *page, string) {
	t.Helper()
	p := newPortal(t)
	c, camera := p.member("owner")
	fake := newFakeCamera(p)
	p.pin(camera, fake.fingerprint())
	g := p.page().as(c)
	g.open("/cameras/" + camera)
	g.state("live")
	return p, fake, g, camera
}

// plays waits for a frame that is newer than now.
func (g *page) plays() {
	g.t.Helper()
	g.until(`new Promise((shown) => document.getElementById('video').requestVideoFrameCallback(() => shown(true)))`)
}

func (g *page) session() string {
	g.t.Helper()
	return js[string](g, `document.getElementById('player').dataset.session`)
}

func TestWatch(t *testing.T) {
	t.Parallel()
	_, fake, g, camera := watching(t)
	g.plays()
	g.until(`document.getElementById('player').dataset.path === 'direct'`)
	g.until(`document.getElementById('stat-resolution').innerText === '320 × 180'`)
	g.until(`/[1-9]\d* fps/.test(document.getElementById('stat-fps').innerText)`)
	g.until(`/\d ms/.test(document.getElementById('stat-delay').innerText)`)
	assert.Equal(t, "Connected", g.text("#stat-connection"))
	assert.Contains(t, g.text("#certificate"), "is pinned")
	first := g.session()
	assert.True(t, strings.HasSuffix(first, "-1"), first)
	g.until(`document.getElementById('announcement').textContent === 'Live picture'`)
	spent := js[float64](g, `performance.getEntriesByName('seccam:first-frame')[0].startTime - performance.getEntriesByName('seccam:click')[0].startTime`)
	t.Logf("from the start to the first frame: %.0f ms", spent)

	g.click("#play")
	g.state("idle")
	assert.Equal(t, []signaling.SessionID{signaling.SessionID(first)}, fake.left())
	g.click("#overlay-action")
	g.state("live")
	assert.True(t, strings.HasSuffix(g.session(), "-2"))
	spent = js[float64](g, `performance.getEntriesByName('seccam:first-frame')[1].startTime - performance.getEntriesByName('seccam:click')[1].startTime`)
	t.Logf("from the click to the first frame: %.0f ms", spent)
	g.open("/home")
	g.until(`document.querySelector('[data-camera="` + camera + `"]')`)
	require.Eventually(t, func() bool { return len(fake.left()) == 2 }, waitDeadline, 10*time.Millisecond, "leaving the page says bye")
}

func TestKeysAndControls(t *testing.T) {
	t.Parallel()
	_, _, g, _ := watching(t)
	key := func(key string) {
		js[any](g, fmt.Sprintf(`document.body.dispatchEvent(new KeyboardEvent('keydown', { key: %q, bubbles: true })) && 0`, key))
	}
	assert.Equal(t, "true", js[string](g, `document.getElementById('mute').getAttribute('aria-pressed')`))
	key("m")
	g.until(`document.getElementById('mute').getAttribute('aria-pressed') === 'false' && !document.getElementById('video').muted`)
	key("M")
	g.until(`document.getElementById('video').muted`)
	js[any](g, `(() => { const make = URL.createObjectURL; URL.createObjectURL = (b) => { document.documentElement.dataset.blob = b.type + ' ' + (b.size > 1000); return make(b) }; HTMLAnchorElement.prototype.click = function () { document.documentElement.dataset.download = this.download } })()`)
	key("p")
	g.until(`document.documentElement.dataset.blob === 'image/jpeg true'`)
	assert.Regexp(t, `^Camera-[0-9A-Z]{5}-\d{4}-\d\d-\d\dT\d{6}Z\.jpg$`, js[string](g, `document.documentElement.dataset.download`))
	key(" ")
	g.state("idle")
	key("s")
	g.state("live")
}

// TestLostSocketLeavesThePicture cuts the signalling: the picture goes on in the same session, and
// the page comes back with the same viewer id.
func TestLostSocketLeavesThePicture(t *testing.T) {
	t.Parallel()
	p, fake, g, _ := watching(t)
	g.tolerate("WebSocket", "503")
	session := g.session()
	p.signals.setRefuse(true)
	p.signals.closeAll()
	p.waitForOpened(3)
	g.plays()
	assert.Equal(t, "live", js[string](g, `document.getElementById('main').dataset.state`))
	p.signals.setRefuse(false)
	p.waitForSockets(4)
	assert.Equal(t, session, g.session())
	assert.Len(t, fake.offered(), 1)
	assert.Equal(t, signaling.SessionID(session).Viewer(), p.signals.all()[0].viewer)
}

// waitForOpened waits until n WebSockets were asked for.
func (p *portal) waitForOpened(n int) {
	p.t.Helper()
	require.Eventually(p.t, func() bool { return p.signals.count() >= n }, waitDeadline, 10*time.Millisecond)
}

// TestNewNetworkRestartsICE changes the network: a second offer in the same session, no interruption.
func TestNewNetworkRestartsICE(t *testing.T) {
	t.Parallel()
	_, fake, g, _ := watching(t)
	session := signaling.SessionID(g.session())
	js[any](g, `dispatchEvent(new Event('online')) && 0`)
	require.Eventually(t, func() bool { return len(fake.offered()) == 2 }, waitDeadline, 10*time.Millisecond)
	assert.Equal(t, []signaling.SessionID{session, session}, fake.offered())
	g.plays()
	g.state("live")
	assert.Equal(t, string(session), g.session())
}

// TestFrozenPictureStartsANewSession stops the frames while the connection stays.
func TestFrozenPictureStartsANewSession(t *testing.T) {
	t.Parallel()
	_, fake, g, _ := watching(t)
	fake.freeze()
	g.state("recovering")
	g.state("live")
	assert.True(t, strings.HasSuffix(g.session(), "-2"))
	assert.Len(t, fake.left(), 1, "the first one was ended")
}

func TestVanishedCameraIsFoundAgain(t *testing.T) {
	t.Parallel()
	p, fake, g, camera := watching(t)
	fake.setSilent(true)
	fake.drop()
	p.presence.set(camera, offline("Offline: the connection to the camera was lost"))
	g.state("offline")
	assert.Contains(t, g.text("#overlay-text"), "the connection to the camera was lost")
	assert.Contains(t, g.text("[data-presence]"), "the connection to the camera was lost")
	fake.setSilent(false)
	p.presence.set(camera, online())
	g.state("live")
	g.plays()
}

// TestOfflineCameraLeavesALivePicture says offline while frames arrive: the camera lost the portal
// and not the viewer.
func TestOfflineCameraLeavesALivePicture(t *testing.T) {
	t.Parallel()
	p, fake, g, camera := watching(t)
	p.presence.set(camera, offline("Offline"))
	g.until(`document.querySelector('[data-presence]').dataset.state === 'offline'`)
	g.plays()
	g.plays()
	assert.Equal(t, "live", js[string](g, `document.getElementById('main').dataset.state`))
	assert.Len(t, fake.offered(), 1)
}

func TestCameraSaysBye(t *testing.T) {
	t.Parallel()
	p, fake, g, camera := watching(t)
	fake.bye(signaling.ReasonShutdown)
	g.state("offline")
	assert.Contains(t, g.text("#overlay-text"), "stopping")
	p.presence.set(camera, offline("Offline: the camera was shut down"))
	g.until(`document.getElementById('overlay-text').innerText.includes('was shut down')`)
	p.presence.set(camera, online())
	g.state("live")
	fake.bye(signaling.ReasonFailed)
	g.until(`document.getElementById('player').dataset.session.endsWith('-3')`)
	g.state("live")
	fake.bye(signaling.ReasonRevoked)
	g.state("refused")
	assert.Contains(t, g.text("#overlay-text"), "no longer see")
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	fake := newFakeCamera(p)
	fake.refuse = &signaling.Error{Code: signaling.CodeBusy, Message: "The camera has 8 viewers, as many as it can.", RetryAfter: 1}
	g := p.page().as(c)
	g.open("/cameras/" + camera)
	g.state("busy")
	assert.Contains(t, g.text("#overlay-text"), "The camera has 8 viewers")
	require.Eventually(t, func() bool { return len(fake.offered()) > 1 }, waitDeadline, 10*time.Millisecond, "tried again by itself")
	for code, state := range map[signaling.Code]string{
		signaling.CodeSourceLost: "nopicture", signaling.CodeNoCodec: "refused", signaling.CodeNotFound: "refused", signaling.CodeInternal: "failed",
	} {
		fake.setRefusal(&signaling.Error{Code: code, Message: "Said by the camera " + string(code)})
		g.open("/cameras/" + camera)
		g.state(state)
		assert.Contains(t, g.text("#overlay-text"), "Said by the camera "+string(code))
	}
	fake.setRefusal(nil)
	g.click("#overlay-action")
	g.state("live")
}

func TestSilentCameraIsAskedAgain(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	fake := newFakeCamera(p)
	fake.setSilent(true)
	g := p.page().as(c)
	g.open("/cameras/" + camera)
	require.Eventually(t, func() bool { return len(fake.offered()) == 2 }, waitDeadline, 10*time.Millisecond)
	fake.setSilent(false)
	g.state("live")
	assert.Len(t, slices.Compact(fake.offered()), len(fake.offered()), "each try is a new session")
}

func TestOfflineAtFirst(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	newFakeCamera(p)
	p.presence.set(camera, offline("Offline: the camera was shut down"))
	g := p.page().as(c)
	g.open("/cameras/" + camera)
	g.state("offline")
	assert.Contains(t, g.text("#overlay-text"), "Offline: the camera was shut down")
	p.waitForSockets(1)
	p.presence.set(camera, signaling.Presence{Online: true, State: signaling.StateNoPicture, Text: "Online, but no picture"})
	g.state("nopicture")
	p.presence.set(camera, online())
	g.state("live")
}

func TestLoggedOutElsewhere(t *testing.T) {
	t.Parallel()
	p, _, g, _ := watching(t)
	p.signals.closeWith(websocket.StatusCode(4401))
	g.state("signedout")
	assert.Contains(t, g.text("#overlay"), "You are logged out")
	g.click("#overlay-action")
	g.arrive("/home") // the fake portal only said so
}

// TestLoginEndedWhileAway finds out by a refused WebSocket, which tells a page no status.
func TestLoginEndedWhileAway(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	g := p.page().as(c)
	g.tolerate("401", "WebSocket")
	g.open("/cameras/" + camera)
	p.waitForSockets(1)
	c.post("/logout", nil)
	p.signals.closeAll()
	g.state("signedout")
}

// TestLastPictureStays looks at what a recovering view shows: the last picture, not black.
func TestLastPictureStays(t *testing.T) {
	t.Parallel()
	_, fake, g, _ := watching(t)
	fake.setSilent(true)
	fake.freeze()
	g.state("recovering")
	colours := js[int](g, `(() => {
		const { width, height } = document.getElementById('still');
		const data = document.getElementById('still').getContext('2d').getImageData(0, 0, width, height).data;
		return new Set(data).size;
	})()`)
	assert.Greater(t, colours, 10)
	shoot(g, "watch-recovering")
	fake.setSilent(false)
	g.state("live")
	assert.False(t, js[bool](g, `document.getElementById('still').checkVisibility()`))
}
