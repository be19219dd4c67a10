package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newNamedPortal is at a name for which browsers have passkeys over http.
func newNamedPortal(t *testing.T) *portal {
	t.Helper()
	p := newPortalWith(t, func(cfg *Config) { cfg.PublicURL = strings.Replace(cfg.PublicURL, "127.0.0.1", "localhost", 1) })
	p.url = p.server.public.String()
	return p
}

// authenticator gives the page a virtual authenticator, as a phone has one: it verifies its person.
func (g *page) authenticator() webauthn.AuthenticatorID {
	g.t.Helper()
	call(g, webauthn.Enable, webauthn.EnableParams{})
	return call(g, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}}).AuthenticatorID
}

// logOut leaves a page's login without a click.
func (g *page) logOut() {
	g.t.Helper()
	g.open("/account")
	g.click("#log-out")
	g.arrive("/login")
}

func TestPasskeySignUpAndLogInInABrowser(t *testing.T) {
	t.Parallel()
	p := newNamedPortal(t)
	camera, code := p.camera()
	g := p.page()
	g.tolerate("422")
	g.authenticator()
	g.open("/claim#id=" + camera + "&code=" + code)
	g.fill("#username", "x")
	g.click("#passkey")
	g.until(`document.querySelector('#username-error:not([hidden])')`)
	g.fill("#username", "Owner")
	js[any](g, `document.getElementById('username').value = 'Owner'`)
	g.click("#passkey")
	g.arrive("/setup")
	p.presence.set(camera, online())
	g.until(`!document.querySelector('#next').disabled`)
	g.click("#next")
	g.arrive("/home")
	assert.Contains(t, g.text("#user-name"), "Owner")

	g.logOut()
	g.click("#passkey")
	g.arrive("/home")
	g.open("/account")
	assert.Contains(t, g.text("#password-card"), "This account has no password")
	assert.Contains(t, g.text("#factors"), "last used just now")
	assert.Contains(t, g.text("#factors"), "You have no recovery codes")

	// The only way in stays; with a password it may go.
	g.tolerate("409")
	g.click("[data-passkey] > form button")
	g.until(`document.querySelector('[data-problem="409"]')`)
	g.open("/account")
	g.fill("#password", "battery staple 2")
	g.fill("#password_confirm", "battery staple 2")
	g.click("#change-password")
	g.until(`document.querySelector('#notice') && document.querySelector('#current_password')`)
	g.click("[data-passkey] > form button")
	g.until(`document.readyState === 'complete' && !document.querySelector('[data-passkey]')`)
	c := p.client()
	assert.Equal(t, "/home", c.post("/login", fields("username", "owner", "password", "battery staple 2")).header.Get("Location"))
}

func TestPasskeyAsSecondFactorInABrowser(t *testing.T) {
	t.Parallel()
	p := newNamedPortal(t)
	member, _ := p.member("owner")
	g := p.page().as(member)
	g.authenticator()
	g.open("/account")
	g.click("#add-passkey")
	g.arrive("/account/passkeys")
	g.fill("#name", "My phone")
	g.click("#passkey")
	g.until(`document.querySelectorAll('#codes li').length === 10 && !document.getElementById('added').hidden`)
	g.open("/account")
	assert.Contains(t, g.text("#factors"), "My phone")
	assert.Contains(t, g.text("#recovery-left"), "10 of 10")

	g.logOut()
	g.fill("#username", "owner")
	g.fill("#password", password)
	g.click("#log-in")
	g.arrive("/login/second")
	g.click("#passkey")
	g.arrive("/home")

	// A proof by passkey, ten minutes later, leads on.
	p.clock.advance(11 * time.Minute)
	g.open("/account/codes")
	g.arrive("/account/proof")
	g.click("#passkey")
	g.arrive("/account/codes")

	// The same device is no second passkey.
	g.open("/account/passkeys")
	g.click("#passkey")
	g.until(`document.querySelector('#passkey-failure:not([hidden])')`)
	assert.Contains(t, g.text("#passkey-failure"), "has a passkey for your account already")
}

// TestAbuse19_PasskeyAnswerReplayed captures what the browser sent and sends it again.
func TestAbuse19_PasskeyAnswerReplayed(t *testing.T) {
	t.Parallel()
	p := newNamedPortal(t)
	member, _ := p.member("owner")
	g := p.page().as(member)
	g.tolerate("422", "401")
	id := g.authenticator()
	g.open("/account/passkeys")
	g.click("#passkey")
	g.until(`!document.getElementById('added').hidden`)
	g.logOut()
	// The answer to one question, twice in one session, then to another question and in another step.
	script := `(async () => {
		const post = async (path, body) => {
			const answer = await fetch('/api/v1' + path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
			return [answer.status, await answer.json()];
		};
		const ask = async () => (await post('/login/passkey/options', {}))[1].options;
		const use = async () => {
			const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(await ask());
			return { credential: (await navigator.credentials.get({ publicKey })).toJSON() };
		};
		const answer = await use();
		await ask();
		const old = await post('/login/passkey', answer);
		const fresh = await use();
		const right = await post('/login/passkey', fresh);
		const again = await post('/login/passkey', fresh);
		const elsewhere = await post('/account/proof/passkey', fresh);
		return [old[0], right[0], again[0], elsewhere[0]];
	})()`
	assert.Equal(t, []int{422, 200, 422, 422}, js[[]int](g, script))

	// An authenticator that did not verify its person is no log-in by itself.
	g.logOut()
	call(g, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: id, IsUserVerified: false})
	g.click("#passkey")
	g.until(`document.querySelector('#passkey-failure:not([hidden])')`)
	assert.Equal(t, http.StatusUnauthorized, p.client().api(http.MethodGet, "/account", nil, nil).status)

	// Nor is a removed one.
	call(g, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: id, IsUserVerified: true})
	user, err := p.store.UserByName(t.Context(), "owner")
	require.NoError(t, err)
	list, err := p.store.PasskeysOf(t.Context(), user.ID)
	require.NoError(t, err)
	require.NoError(t, p.server.Factors.Remove(t.Context(), user.ID, list[0].ID))
	g.open("/login")
	g.click("#passkey")
	g.until(`document.querySelector('#passkey-failure:not([hidden])')`)
	assert.Contains(t, g.text("#passkey-failure"), "not accepted")
}
