package web

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestLinksOfMailsInABrowser follows both kinds of links. The token leaves the address at once, and the portal sees it
// in a form only.
func TestLinksOfMailsInABrowser(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, _ := p.member("owner")
	require.Equal(t, http.StatusSeeOther, c.post("/account/email", fields("email", "owner@example.org")).status)
	_, token := p.link()
	g := p.page()
	g.open("/verify#" + token)
	g.until(`location.hash === '' && document.querySelector('[data-token-field]').hidden`)
	g.click("#verify")
	g.arrive("/verified")

	g.open("/login")
	g.click(`a[href="/forgot"]`)
	g.arrive("/forgot")
	g.fill("#who", "owner")
	g.click("#send-link")
	g.arrive("/forgot/sent")
	_, token = p.link()
	g.tolerate("422", "410")
	g.open("/reset#" + token)
	g.until(`location.hash === ''`)
	g.fill("#password", "short")
	g.fill("#password_confirm", "short")
	g.click("#reset")
	g.until(`document.querySelector('#password-error:not([hidden])') && document.querySelector('[data-token-field]').hidden`)
	g.fill("#password", "battery staple 2")
	g.fill("#password_confirm", "battery staple 2")
	g.click("#reset")
	g.arrive("/login")
	assert.Contains(t, g.text("#notice"), "Your password is changed")
	assert.NotContains(t, p.log.String(), token)

	// Without scripts the token can be pasted, and a used one says so.
	plain := p.page()
	plain.tolerate("410")
	plain.scriptsOff()
	plain.open("/reset")
	plain.fill("#token", token)
	plain.fill("#password", "battery staple 3")
	plain.fill("#password_confirm", "battery staple 3")
	plain.click("#reset")
	plain.until(`document.querySelector('[data-problem="410"] a[href="/forgot"]')`)
}
