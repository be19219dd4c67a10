package web

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"seccam/portal/account"
)

// accountScenes covers the pages about one's own account.
func accountScenes(p *portal) []scene {
	var list []scene
	add := func(name string, open func(g *page)) { list = append(list, scene{name, open}) }
	member, _ := p.member("owner")
	add("account", func(g *page) {
		phone := p.client()
		phone.head.Set("User-Agent", "Mozilla/5.0 (Linux; Android 13; Pixel 7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Mobile Safari/537.36")
		require.Equal(p.t, http.StatusSeeOther, phone.post("/login", fields("username", "owner", "password", password)).status)
		g.as(member).open("/account")
	})
	add("account-proof", func(g *page) { g.as(member).open("/account/proof") })
	add("codes", func(g *page) { g.as(member).open("/account/codes") })
	add("login-passkey", func(g *page) { g.open("/login") })
	add("signup-passkey", func(g *page) { g.open("/signup") })
	add("recovery-codes", func(g *page) {
		guarded, _ := p.member("guarded")
		p.withApp(guarded)
		g.as(guarded).open("/account/recovery")
		g.click("#new-codes")
		g.until(`document.querySelector('#codes')`)
	})
	add("second", func(g *page) { g.as(p.halfIn("guarded")).open("/login/second") })
	add("second-wrong", func(g *page) {
		g.tolerate("422")
		g.as(p.halfIn("guarded")).open("/login/second")
		g.click("#recovery summary")
		g.fill("#recovery_code", "ABCDE")
		g.click("#send-recovery")
		g.until(`document.querySelector('#recovery_code-error:not([hidden])')`)
	})
	add("passkey", func(g *page) { g.as(member).open("/account/passkeys") })
	add("passkey-added", func(g *page) {
		g.authenticator()
		g.as(member).open("/account/passkeys")
		g.fill("#name", "My phone")
		g.click("#passkey")
		g.until(`document.querySelectorAll('#codes li').length === 10`)
	})
	add("email", func(g *page) { g.as(member).open("/account/email") })
	add("forgot", func(g *page) { g.open("/forgot") })
	add("forgot-sent", func(g *page) { g.open("/forgot/sent") })
	add("reset", func(g *page) { g.open("/reset#reset_x") })
	add("verify-pasted", func(g *page) { g.open("/verify") })
	add("verified", func(g *page) { g.open("/verified") })
	add("account-factors", func(g *page) {
		g.as(member).open("/account")
	})
	add("delete", func(g *page) { g.as(member).open("/account/delete") })
	add("deleted", func(g *page) {
		leaver, _ := p.member("leaver")
		g.as(leaver).open("/account/delete")
		g.fill("#confirm", "leaver")
		g.click("#delete")
		g.until(`document.querySelector('[data-code-of]')`)
	})
	return list
}

// TestSignOnLooks covers the pages about another provider.
func TestSignOnLooks(t *testing.T) {
	t.Parallel()
	id := newProvider(t)
	p := id.portalOf()
	member, _ := p.member("owner")
	require.NoError(t, p.accounts.Link(t.Context(), 1, account.Known{Issuer: id.server.URL, Subject: "17", Name: "owner@id"}))
	checkScenes(p, []scene{
		{"account-identities", func(g *page) { g.as(member).open("/account") }},
		{"login-sso", func(g *page) { g.open("/login") }},
		{"known", func(g *page) {
			g.open("/login")
			g.click("#sso")
			g.arrive("/signup/sso")
		}},
	})
}

// TestLinkInABrowser follows the page that leads to the other provider and back.
func TestLinkInABrowser(t *testing.T) {
	t.Parallel()
	id := newProvider(t)
	p := id.portalOf()
	member, _ := p.member("owner")
	g := p.page().as(member)
	g.open("/account")
	g.click("#link-sso")
	g.until(`document.querySelector('[data-identity]')`)
	require.Contains(t, g.text("#notice"), "It is linked")
}

func TestAccountLooks(t *testing.T) {
	t.Parallel()
	p := newNamedPortal(t)
	checkScenes(p, accountScenes(p))
}
