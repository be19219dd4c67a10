package web

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// publicOrigin is where the links in mails lead, whatever a request says.
const publicOrigin = "https://portal.example"

var mailed = regexp.MustCompile(publicOrigin + `/(verify|reset)#((?:verify|reset)_[a-z2-7]{26})`)

// link is the path and the token of the one mail that was sent.
func (p *portal) link() (page, token string) {
	p.t.Helper()
	sent := p.mail.take()
	require.Len(p.t, sent, 1)
	found := mailed.FindStringSubmatch(sent[0].Text)
	require.NotNil(p.t, found, sent[0].Text)
	return found[1], found[2]
}

// withEmail gives a member a verified address.
func (p *portal) withEmail(c *client, address string) {
	p.t.Helper()
	p.mail.take()
	require.Equal(p.t, http.StatusSeeOther, c.post("/account/email", fields("email", address)).status)
	_, token := p.link()
	require.Equal(p.t, "/verified", p.client().post("/verify", fields("token", token)).header.Get("Location"))
}

func TestEmailIsVerified(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, _ := p.member("owner")
	for _, wrong := range []string{"", "x", "a@b\r\nBcc: c@d", "Name <a@b.example>", "a@b.example, c@d.example", strings.Repeat("x", 300) + "@b.example"} {
		assert.Equal(t, http.StatusUnprocessableEntity, c.post("/account/email", fields("email", wrong)).status, wrong)
	}
	assert.Empty(t, p.mail.take())
	assert.Contains(t, c.get("/account/email").body, "sends no mail")
	assert.Equal(t, "/account?done=email-asked#email", c.post("/account/email", fields("email", "Robin@Example.org")).header.Get("Location"))
	page, token := p.link()
	assert.Equal(t, "verify", page)
	assert.Contains(t, c.get("/account").body, "waits to be verified")
	assert.Equal(t, http.StatusUnprocessableEntity, c.post("/account/email", fields("email", "other@example.org")).status, "one mail a minute")
	assert.Equal(t, http.StatusGone, p.client().post("/verify", fields("token", "verify_"+strings.Repeat("a", 26))).status)
	require.Equal(t, "/verified", p.client().post("/verify", fields("token", token)).header.Get("Location"))
	assert.Equal(t, http.StatusOK, c.get("/verified").status)
	assert.Contains(t, c.get("/account").body, "Robin@Example.org")
	assert.Equal(t, http.StatusGone, p.client().post("/verify", fields("token", token)).status, "once")

	var state emailBody
	c.api(http.MethodGet, "/account/email", nil, &state)
	assert.Equal(t, emailBody{Address: "Robin@Example.org"}, state)
	p.clock.advance(2 * time.Minute)
	require.Equal(t, http.StatusAccepted, c.api(http.MethodPut, "/account/email", object{"email": "new@example.org"}, nil).status)
	c.api(http.MethodGet, "/account/email", nil, &state)
	assert.Equal(t, emailBody{Address: "Robin@Example.org", Pending: "new@example.org"}, state, "the old one holds until then")
	_, token = p.link()
	p.clock.advance(24 * time.Hour)
	assert.Equal(t, http.StatusGone, p.client().api(http.MethodPost, "/email/verify", object{"token": token}, nil).status, "too old")
	require.Equal(t, http.StatusNoContent, c.api(http.MethodPost, "/account/proof", object{"current_password": password}, nil).status)
	assert.Equal(t, "/account?done=email-removed", c.post("/account/email/remove", nil).header.Get("Location"))
	assert.Contains(t, c.get("/account").body, "Add an address")
}

// TestAbuse18_ResetTokenReusedAndPoisonedHost asks for a reset with forged hosts, follows the link, and uses it
// again, at once and from two sides.
func TestAbuse18_ResetTokenReusedAndPoisonedHost(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, _ := p.member("owner")
	p.withEmail(c, "owner@example.org")
	thief := p.client()
	for _, header := range []string{"X-Forwarded-Host", "X-Forwarded-Server", "Forwarded", "X-Original-Host"} {
		thief.head.Set(header, "evil.example")
	}
	thief.host = "evil.example"
	known := thief.post("/forgot", fields("who", "OWNER@example.org"))
	sent := p.mail.take()
	require.Len(t, sent, 1)
	assert.NotContains(t, sent[0].Text, "evil")
	assert.Equal(t, "owner@example.org", sent[0].To)
	token := mailed.FindStringSubmatch(sent[0].Text)[2]

	unknown := thief.post("/forgot", fields("who", "nobody@example.org"))
	again := thief.post("/forgot", fields("who", "owner"))
	assert.Equal(t, known.status, unknown.status)
	assert.Equal(t, known.header.Get("Location"), unknown.header.Get("Location"))
	assert.Equal(t, known.header.Get("Location"), again.header.Get("Location"))
	assert.Empty(t, p.mail.take(), "and no second mail within a minute")

	const better = "battery staple 2"
	weak := p.client().post("/reset", fields("token", token, "password", "short", "password_confirm", "short"))
	assert.Equal(t, http.StatusUnprocessableEntity, weak.status, "a typing mistake does not use it up")
	assert.Contains(t, weak.body, token)
	form := fields("token", token, "password", better, "password_confirm", better)
	fresh := p.client()
	assert.Equal(t, "/login?done=password-reset", fresh.post("/reset", form).header.Get("Location"))
	assert.Empty(t, fresh.cookie(), "it logs nobody in")
	assert.Equal(t, "/login", c.get("/home").header.Get("Location"), "every login ended")
	told := p.mail.take()
	require.Len(t, told, 1)
	assert.Contains(t, told[0].Subject, "password was changed")
	assert.Equal(t, http.StatusGone, p.client().post("/reset", form).status, "the link was used")
	assert.Equal(t, http.StatusSeeOther, fresh.post("/login", fields("username", "owner", "password", better)).status)

	p.clock.advance(2 * time.Minute)
	require.Equal(t, http.StatusAccepted, thief.api(http.MethodPost, "/password/forgot", object{"who": "owner"}, nil).status)
	_, token = p.link()
	results := make(chan int, 2)
	for range 2 {
		one := p.client()
		go func() {
			results <- one.api(http.MethodPost, "/password/reset", object{"token": token, "password": password, "password_confirm": password}, nil).status
		}()
	}
	assert.ElementsMatch(t, []int{http.StatusNoContent, http.StatusGone}, []int{<-results, <-results})

	p.clock.advance(2 * time.Minute)
	require.Equal(t, http.StatusSeeOther, thief.post("/forgot", fields("who", "owner")).status)
	p.mail.take()
	p.clock.advance(30 * time.Minute)
	assert.Equal(t, http.StatusGone, p.client().post("/reset", fields("token", token, "password", better, "password_confirm", better)).status, "too old")
	for _, data := range p.written() {
		assert.NotContains(t, data, token, "only its hash is kept")
	}
}

// TestAbuse19_ResetKeepsTheSecondFactor resets the password of an account with an authenticator app.
func TestAbuse19_ResetKeepsTheSecondFactor(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, _ := p.member("owner")
	a, _ := p.withApp(c)
	p.withEmail(c, "owner@example.org")
	require.Equal(t, http.StatusSeeOther, p.client().post("/forgot", fields("who", "owner")).status)
	_, token := p.link()
	const better = "battery staple 2"
	fresh := p.client()
	require.Equal(t, http.StatusSeeOther, fresh.post("/reset", fields("token", token, "password", better, "password_confirm", better)).status)
	assert.Equal(t, "/login", fresh.get("/home").header.Get("Location"))
	answer := fresh.post("/login", fields("username", "owner", "password", better))
	assert.Equal(t, "/login/second", answer.header.Get("Location"))
	assert.Equal(t, "/login", fresh.get("/home").header.Get("Location"))
	assert.Equal(t, "/home", fresh.post("/login/second", fields("code", a.next())).header.Get("Location"))
}

func TestPeopleAreTold(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	p.withEmail(c, "owner@example.org")
	p.again("owner")
	assert.Empty(t, p.mail.take(), "a device that is known")
	phone := p.client()
	phone.head.Set("User-Agent", "Mozilla/5.0 (Linux; Android 13; Pixel 7) Chrome/119.0.0.0 Mobile Safari/537.36")
	require.Equal(t, http.StatusSeeOther, phone.post("/login", fields("username", "owner", "password", password)).status)
	told := p.mail.take()
	require.Len(t, told, 1)
	assert.Contains(t, told[0].Text, "Pixel 7")
	assert.Contains(t, told[0].Text, publicOrigin+"/account")
	phone.head.Set("User-Agent", "Mozilla/5.0 (Linux; Android 14; Pixel 7) Chrome/120.0.1.0 Mobile Safari/537.36")
	require.Equal(t, http.StatusSeeOther, phone.post("/login", fields("username", "owner", "password", password)).status)
	assert.Empty(t, p.mail.take(), "an update is no new device")

	_, code := p.camera()
	for range 3 {
		p.client().post("/signup", signUpForm("intruder", camera, code))
	}
	told = p.mail.take()
	require.Len(t, told, 1, "one mail, until the notice is dismissed")
	assert.Contains(t, told[0].Text, "tried to claim")
}

func TestResetsAreThrottled(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c := p.client()
	last := reply{}
	for range resetBurst + 1 {
		last = c.post("/forgot", fields("who", "x"))
	}
	assert.Equal(t, http.StatusTooManyRequests, last.status)
	assert.Equal(t, http.StatusTooManyRequests, c.post("/reset", fields("token", "x")).status)
}
