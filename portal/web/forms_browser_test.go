package web

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"

	"seccam/pkg/signaling"
	"seccam/portal/account"
)

func TestSignUpInABrowser(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	id, code := p.camera()
	g := p.page()
	g.open("/signup")
	kept := func() string {
		return js[string](g, `[...document.querySelectorAll('[data-rule]')].map((r) => r.dataset.ok === 'true' ? r.dataset.rule : '-').join(' ')`)
	}
	assert.Equal(t, "- -", kept(), "nothing is kept by nothing")
	g.fill("#username", "owner")
	g.fill("#password", "owner")
	assert.Equal(t, "- -", kept())
	g.fill("#password", " hood is 1")
	assert.Equal(t, "length -", kept())
	js[string](g, `document.getElementById('password').value = ''`)
	g.fill("#password", password)
	assert.Equal(t, "length username", kept())

	g.fill("#camera_id", strings.ToLower(id[:19])+"!")
	g.fill("#claim_code", code)
	assert.Contains(t, g.text("#camera_id-error"), "typing mistake", "said when the field is left")
	assert.True(t, js[bool](g, `document.getElementById('camera_id').getAttribute('aria-describedby').includes('camera_id-error')`))
	js[string](g, `document.getElementById('camera_id').value = ''`)
	g.fill("#camera_id", id)
	assert.Equal(t, strings.ToUpper(id[:5]+"-"+id[5:10]+"-"+id[10:15]+"-"+id[15:]), js[string](g, `document.getElementById('camera_id').value`))
	g.until(`document.getElementById('camera_id-error').hidden`)

	g.fill("#password_confirm", password+"x")
	g.click("#password + .reveal")
	assert.Equal(t, "text", js[string](g, `document.getElementById('password').type`))
	assert.Contains(t, g.text("#password_confirm-error"), "differ")
	js[string](g, `document.getElementById('password_confirm').value = ''`)
	g.fill("#password_confirm", password)
	g.click("#sign-up")
	g.arrive("/setup")
}

func TestServerErrorsStandByTheirFields(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	g := p.page()
	g.tolerate("422")
	g.open("/signup")
	g.fill("#username", "owner")
	g.click("#sign-up")
	g.until(`document.getElementById('failure')`)
	for _, field := range []string{"camera_id", "claim_code", "password"} {
		assert.NotEmpty(t, g.text("#"+field+"-error"), field)
		assert.Equal(t, "true", js[string](g, fmt.Sprintf(`document.getElementById(%q).getAttribute('aria-invalid')`, field)))
	}
	assert.Equal(t, "owner", js[string](g, `document.getElementById('username').value`))
}

// TestCodeFieldLeavesTheCursorAlone types into the middle of a code.
func TestCodeFieldLeavesTheCursorAlone(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	g := p.page()
	g.open("/signup")
	g.fill("#camera_id", "aaaaabbbbb")
	js[any](g, `document.getElementById('camera_id').setSelectionRange(3, 3)`)
	js[any](g, `document.execCommand('insertText', false, 'x')`)
	assert.Equal(t, "AAAXA-ABBBB-B", js[string](g, `document.getElementById('camera_id').value`))
	assert.Equal(t, 4, js[int](g, `document.getElementById('camera_id').selectionStart`))
}

func TestSetupInABrowser(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.newcomer("owner")
	g := p.page().as(c)
	g.open("/setup")
	dot := func(state string) {
		t.Helper()
		g.until(fmt.Sprintf(`document.getElementById('setup-status').dataset.state === %q`, state))
	}
	dot("missing")
	p.waitForSockets(1)
	assert.True(t, p.signals.lastLogin().Pending)
	assert.Contains(t, g.text("#setup-status"), "Not connected yet")
	opened := p.signals.count()
	g.click("#test-connection")
	dot("checking")
	dot("missing")
	assert.Greater(t, p.signals.count(), opened, "asked anew")
	assert.True(t, js[bool](g, `document.getElementById('next').disabled`))

	p.presence.set(camera, online())
	dot("seen")
	p.presence.set(camera, offline("Offline"))
	dot("seen")
	g.click("#next")
	g.arrive("/home")
	assert.Contains(t, g.text("#notice"), "Welcome")
}

func TestSetupExpiresInABrowser(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, _ := p.newcomer("owner")
	p.clock.advance(account.SignUpTime - 3*time.Second)
	g := p.page().as(c)
	g.open("/setup")
	g.until(`!document.getElementById('setup-expired').hidden`)
	assert.True(t, js[bool](g, `document.getElementById('setup-open').hidden`))
	assert.Contains(t, g.text("#setup-expired"), "Start over")
}

func TestHomeIsLive(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	g := p.page().as(c)
	g.tolerate("409") // a picture may be asked for at the moment at which the camera goes offline
	g.open("/home")
	card := fmt.Sprintf(`[data-camera="%s"] [data-presence]`, camera)
	shows := func(state string) {
		t.Helper()
		g.until(fmt.Sprintf(`document.querySelector('%s').dataset.state === %q`, card, state))
	}
	shows(signaling.StateOnline)
	g.until(`performance.getEntriesByType('resource').some((r) => r.name.endsWith('home.js'))`)
	p.waitForSockets(1)
	p.presence.set(camera, offline("Offline: the camera was shut down"))
	shows(signaling.StateOffline)
	assert.Contains(t, g.text(card), "Offline: the camera was shut down · last seen just now")

	p.signals.closeAll() // a restarting portal
	p.waitForSockets(2)
	p.presence.set(camera, online())
	shows(signaling.StateOnline)
	g.tolerate("401")
	p.signals.closeWith(websocket.StatusCode(4401))
	g.until(`location.pathname === '/home' && performance.getEntriesByType('navigation').length === 1`) // the cookie still holds: login leads back
}

// waitForSockets waits until n WebSockets were opened in all and one is open now.
func (p *portal) waitForSockets(n int) {
	p.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(waitDeadline)
	for p.signals.count() < n || len(p.signals.all()) == 0 {
		select {
		case <-tick.C:
		case <-deadline:
			p.t.Fatalf("%d WebSockets were opened, wanted %d", p.signals.count(), n)
		}
	}
}

// TestPagesWorkWithoutScript goes from the sign-up to the cameras with scripts off.
func TestPagesWorkWithoutScript(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	id, code := p.camera()
	g := p.page()
	g.scriptsOff()
	g.open("/signup")
	g.fill("#camera_id", id)
	g.fill("#claim_code", code)
	g.fill("#username", "owner")
	g.fill("#password", password)
	g.fill("#password_confirm", password)
	g.click("#sign-up")
	g.arrive("/setup")
	p.presence.set(id, online())
	g.click("#test-connection")
	g.until(`!document.querySelector('#next').disabled && document.readyState === 'complete'`)
	g.click("#next")
	g.arrive("/home")
	g.click("[data-watch]")
	g.arrive("/cameras/" + id)
}
