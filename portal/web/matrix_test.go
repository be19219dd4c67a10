package web

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/pkg/doccheck"
	"seccam/pkg/signaling"
	"seccam/portal/account"
	"seccam/portal/fleet"
	"seccam/portal/store"
)

// What a request comes to, as far as access goes.
const (
	in    = "✓"     // it reaches what it asks for
	login = "login" // log in first: 401, or a page's way to the log-in
	setup = "setup" // finish the sign-up first
	home  = "home"  // this is for people without a login
	none  = "404"   // there is nothing, or nothing of theirs
	no    = "403"   // it is there, and not for them
	ended = "410"   // the guest link has ended, or there is none
	proof = "proof" // prove who you are first
)

// matrixRoles are who asks. Each column of the table is one.
var matrixRoles = []string{
	"nobody", "pending", "stranger", "invited", "guest", "ended guest", "outside hours", "viewer", "owner", "view token", "owner, proof old",
}

// matrixClasses are the kinds of routes, with what each role comes to.
var matrixClasses = map[string][]string{
	//                    nobody pending stranger invited guest  ended  outside viewer owner  token  old proof
	"everybody":                 {in, in, in, in, in, in, in, in, in, in, in},
	"everybody without a token": {in, in, in, in, in, in, in, in, in, login, in},
	"without a login":           {in, setup, home, home, in, in, home, home, home, in, home},
	"front":                     {login, setup, home, home, login, login, home, home, home, login, home},
	"half logged in":            {login, login, login, login, login, login, login, login, login, login, login},
	"pending":                   {login, in, home, home, login, login, home, home, home, login, home},
	"person":                    {login, in, in, in, login, login, in, in, in, login, in},
	"member":                    {login, setup, in, in, login, login, in, in, in, login, in},
	"member with proof":         {login, setup, in, in, login, login, in, in, in, login, proof},
	"nobody's passkey":          {login, setup, none, none, login, login, none, none, none, login, none},
	"its removal":               {login, setup, none, none, login, login, none, none, none, login, proof},
	"owner's own":               {login, setup, none, none, login, login, none, none, in, login, in},
	"invited's own":             {login, setup, none, in, login, login, none, none, none, login, none},
	"viewer's own":              {login, setup, none, none, login, login, none, in, none, login, none},
	"owner":                     {login, setup, none, none, login, login, no, no, in, login, in},
	"viewer":                    {login, setup, none, none, login, login, no, in, in, login, in},
	"watching":                  {login, setup, none, none, login, login, no, in, in, in, in},
	"signalling":                {login, in, in, in, in, ended, in, in, in, login, in},
	"guest's program":           {ended, ended, ended, ended, in, ended, ended, ended, ended, login, ended},
	"guest":                     {ended, ended, ended, ended, in, ended, ended, ended, ended, ended, ended},
	"nobody's view":             {login, setup, none, none, login, login, no, none, none, none, none},
	"nobody's, by token":        {none, none, none, none, none, none, none, none, none, none, none},
	// Log-in by another provider, which is off where none is configured.
	"switched off": {none, none, none, none, none, none, none, none, none, none, none},
	// For admins, whom [TestMatrixOfAdmins] makes.
	"admin's page": {login, setup, none, none, login, login, none, none, none, login, none},
	// By an admin token, and by nothing else.
	"operator's program": {login, login, login, login, login, login, login, login, login, login, login},
	"token in path":      {in, in, in, in, in, in, in, in, in, in, in},
}

// matrixRoutes says of which class each route is. A route that is not here fails the test.
var matrixRoutes = map[string]string{
	"GET /":                                      "front",
	"GET /account":                               "member",
	"GET /account/alerts":                        "member",
	"POST /account/alerts":                       "member",
	"POST /account/alerts/:webhook/remove":       "owner's own",
	"POST /account/alerts/:webhook/try":          "owner's own",
	"GET /account/audit":                         "member",
	"GET /account/audit/export":                  "member",
	"GET /account/codes":                         "member with proof",
	"POST /account/codes":                        "member with proof",
	"POST /account/codes/remove":                 "member with proof",
	"GET /account/delete":                        "member with proof",
	"POST /account/delete":                       "member with proof",
	"GET /account/email":                         "member with proof",
	"POST /account/email":                        "member with proof",
	"POST /account/email/remove":                 "member with proof",
	"GET /account/export":                        "member with proof",
	"POST /account/identities":                   "switched off",
	"POST /account/identities/:linked/remove":    "its removal",
	"POST /account/logins/:login/end":            "owner's own",
	"POST /account/logins/end":                   "member",
	"GET /account/passkeys":                      "member with proof",
	"POST /account/passkeys/:passkey/remove":     "its removal",
	"POST /account/passkeys/:passkey/rename":     "nobody's passkey",
	"POST /account/password":                     "member",
	"GET /account/proof":                         "member",
	"POST /account/proof":                        "member",
	"GET /account/recovery":                      "member with proof",
	"POST /account/recovery":                     "member with proof",
	"GET /account/tokens":                        "member",
	"POST /account/tokens":                       "member with proof",
	"POST /account/tokens/:token/revoke":         "owner's own",
	"GET /account/tokens/new":                    "member with proof",
	"DELETE /api/v1/account":                     "member with proof",
	"GET /api/v1/account":                        "person",
	"GET /api/v1/account/audit":                  "member",
	"DELETE /api/v1/account/codes":               "its removal",
	"POST /api/v1/account/codes":                 "member with proof",
	"POST /api/v1/account/codes/confirm":         "member with proof",
	"DELETE /api/v1/account/email":               "member with proof",
	"GET /api/v1/account/email":                  "member",
	"PUT /api/v1/account/email":                  "member with proof",
	"GET /api/v1/account/export":                 "member with proof",
	"GET /api/v1/account/factors":                "member",
	"GET /api/v1/account/identities":             "member",
	"DELETE /api/v1/account/identities/:linked":  "its removal",
	"DELETE /api/v1/account/logins":              "member",
	"GET /api/v1/account/logins":                 "member",
	"DELETE /api/v1/account/logins/:login":       "owner's own",
	"POST /api/v1/account/passkeys":              "member with proof",
	"DELETE /api/v1/account/passkeys/:passkey":   "its removal",
	"PATCH /api/v1/account/passkeys/:passkey":    "nobody's passkey",
	"POST /api/v1/account/passkeys/options":      "member with proof",
	"PUT /api/v1/account/password":               "member",
	"POST /api/v1/account/proof":                 "member",
	"POST /api/v1/account/proof/passkey":         "member",
	"POST /api/v1/account/proof/passkey/options": "member",
	"POST /api/v1/account/recovery":              "member with proof",
	"GET /api/v1/account/tokens":                 "member",
	"POST /api/v1/account/tokens":                "member with proof",
	"DELETE /api/v1/account/tokens/:token":       "owner's own",
	"GET /admin":                                 "admin's page",
	"GET /admin/cameras/:id":                     "admin's page",
	"GET /admin/cameras/:id/vitals":              "admin's page",
	"GET /api/v1/admin/cameras":                  "operator's program",
	"POST /api/v1/admin/cameras":                 "operator's program",
	"GET /api/v1/admin/cameras/:id":              "operator's program",
	"POST /api/v1/admin/cameras/:id/revoke":      "operator's program",
	"POST /api/v1/admin/cameras/:id/rotate-key":  "operator's program",
	"GET /api/v1/admin/export":                   "operator's program",
	"GET /api/v1/admin/log":                      "operator's program",
	"GET /api/v1/cameras":                        "member",
	"POST /api/v1/cameras":                       "member",
	"DELETE /api/v1/cameras/:id":                 "owner",
	"GET /api/v1/cameras/:id":                    "viewer",
	"PATCH /api/v1/cameras/:id":                  "owner",
	"GET /api/v1/cameras/:id/audit":              "owner",
	"GET /api/v1/cameras/:id/config":             "owner",
	"PUT /api/v1/cameras/:id/config":             "owner",
	"GET /api/v1/cameras/:id/guests":             "owner",
	"POST /api/v1/cameras/:id/guests":            "owner",
	"DELETE /api/v1/cameras/:id/guests/:guest":   "owner",
	"GET /api/v1/cameras/:id/identity":           "owner",
	"POST /api/v1/cameras/:id/identity":          "owner",
	"GET /api/v1/cameras/:id/privacy":            "owner",
	"PUT /api/v1/cameras/:id/privacy":            "owner",
	"GET /api/v1/cameras/:id/shares":             "owner",
	"POST /api/v1/cameras/:id/shares":            "owner",
	"DELETE /api/v1/cameras/:id/shares/:share":   "owner",
	"GET /api/v1/cameras/:id/shares/:share":      "owner",
	"PUT /api/v1/cameras/:id/shares/:share":      "owner",
	"POST /api/v1/cameras/:id/snapshot":          "viewer",
	"GET /api/v1/cameras/:id/tokens":             "owner",
	"POST /api/v1/cameras/:id/tokens":            "owner",
	"DELETE /api/v1/cameras/:id/tokens/:token":   "owner",
	"DELETE /api/v1/cameras/:id/transfer":        "owner",
	"GET /api/v1/cameras/:id/transfer":           "owner",
	"PUT /api/v1/cameras/:id/transfer":           "owner",
	"POST /api/v1/cameras/:id/whep":              "watching",
	"DELETE /api/v1/cameras/:id/whep/:session":   "nobody's view",
	"PATCH /api/v1/cameras/:id/whep/:session":    "watching",
	"POST /api/v1/device/challenge":              "everybody",
	"POST /api/v1/device/enroll":                 "everybody",
	"POST /api/v1/device/token":                  "everybody",
	"POST /api/v1/enrolments":                    "member",
	"POST /api/v1/email/verify":                  "everybody without a token",
	"GET /api/v1/groups":                         "member",
	"POST /api/v1/groups":                        "member",
	"DELETE /api/v1/groups/:group":               "owner's own",
	"PUT /api/v1/groups/:group":                  "owner's own",
	"GET /api/v1/guest":                          "guest's program",
	"GET /api/v1/invitations":                    "member",
	"POST /api/v1/invitations/:share/accept":     "invited's own",
	"POST /api/v1/invitations/:share/decline":    "invited's own",
	"POST /api/v1/invitations/accept":            "member",
	"POST /api/v1/login":                         "everybody without a token",
	"POST /api/v1/login/passkey":                 "everybody without a token",
	"POST /api/v1/login/passkey/options":         "everybody without a token",
	"POST /api/v1/login/second":                  "half logged in",
	"POST /api/v1/login/second/passkey":          "half logged in",
	"POST /api/v1/login/second/passkey/options":  "half logged in",
	"POST /api/v1/logout":                        "everybody without a token",
	"GET /api/v1/openapi.json":                   "everybody",
	"POST /api/v1/password/forgot":               "everybody without a token",
	"POST /api/v1/password/reset":                "everybody without a token",
	"DELETE /api/v1/shares/:share":               "viewer's own",
	"GET /api/v1/signal":                         "signalling",
	"DELETE /api/v1/signup":                      "pending",
	"POST /api/v1/signup":                        "everybody without a token",
	"POST /api/v1/signup/confirm":                "pending",
	"POST /api/v1/signup/passkey":                "everybody without a token",
	"POST /api/v1/signup/passkey/options":        "everybody without a token",
	"GET /api/v1/transfers":                      "member",
	"POST /api/v1/transfers/:transfer/accept":    "invited's own",
	"POST /api/v1/transfers/:transfer/decline":   "invited's own",
	"GET /api/v1/webhooks":                       "member",
	"POST /api/v1/webhooks":                      "member",
	"DELETE /api/v1/webhooks/:webhook":           "owner's own",
	"POST /api/v1/webhooks/:webhook/try":         "owner's own",
	"POST /api/v1/whep/:token":                   "token in path",
	"DELETE /api/v1/whep/:token/:session":        "nobody's, by token",
	"PATCH /api/v1/whep/:token/:session":         "token in path",
	"GET /cameras/:id":                           "viewer",
	"GET /cameras/:id/audit":                     "owner",
	"GET /cameras/:id/audit/export":              "owner",
	"GET /cameras/:id/config":                    "owner",
	"POST /cameras/:id/config":                   "owner",
	"POST /cameras/:id/guests":                   "owner",
	"POST /cameras/:id/guests/:guest/end":        "owner",
	"GET /cameras/:id/identity":                  "owner",
	"POST /cameras/:id/identity":                 "owner",
	"GET /cameras/:id/pairing":                   "viewer",
	"GET /cameras/:id/release":                   "owner",
	"POST /cameras/:id/release":                  "owner",
	"POST /cameras/:id/rename":                   "owner",
	"GET /cameras/:id/settings":                  "owner",
	"POST /cameras/:id/shares":                   "owner",
	"GET /cameras/:id/shares/:share":             "owner",
	"POST /cameras/:id/shares/:share":            "owner",
	"POST /cameras/:id/shares/:share/end":        "owner",
	"GET /cameras/:id/sharing":                   "owner",
	"POST /cameras/:id/tokens":                   "owner",
	"POST /cameras/:id/tokens/:token/revoke":     "owner",
	"GET /cameras/:id/transfer":                  "owner",
	"POST /cameras/:id/transfer":                 "owner",
	"POST /cameras/:id/transfer/withdraw":        "owner",
	"GET /cameras/enroll":                        "member",
	"POST /cameras/enroll":                       "member",
	"GET /cameras/new":                           "member",
	"POST /cameras/new":                          "member",
	"GET /claim":                                 "everybody",
	"GET /forgot":                                "without a login",
	"POST /forgot":                               "everybody",
	"GET /forgot/sent":                           "everybody",
	"GET /groups":                                "member",
	"POST /groups":                               "member",
	"GET /groups/:group":                         "owner's own",
	"POST /groups/:group":                        "owner's own",
	"POST /groups/:group/delete":                 "owner's own",
	"GET /guest":                                 "everybody",
	"POST /guest":                                "everybody",
	"GET /guest/watch":                           "guest",
	"GET /healthz":                               "everybody",
	"GET /home":                                  "member",
	"GET /invite":                                "everybody",
	"POST /invite":                               "member",
	"POST /invite/accept":                        "member",
	"GET /login":                                 "without a login",
	"POST /login":                                "everybody",
	"GET /login/second":                          "half logged in",
	"POST /login/second":                         "half logged in",
	"GET /login/sso":                             "switched off",
	"GET /login/sso/callback":                    "switched off",
	"POST /logout":                               "everybody",
	"POST /notices/:notice/dismiss":              "owner's own",
	"GET /readyz":                                "everybody",
	"GET /reset":                                 "everybody",
	"POST /reset":                                "everybody",
	"GET /setup":                                 "pending",
	"POST /setup/cancel":                         "pending",
	"POST /setup/confirm":                        "pending",
	"POST /shares/:share/accept":                 "invited's own",
	"POST /shares/:share/decline":                "invited's own",
	"POST /shares/:share/leave":                  "viewer's own",
	"GET /signup":                                "without a login",
	"POST /signup":                               "everybody",
	"GET /signup/sso":                            "switched off",
	"POST /signup/sso":                           "switched off",
	"GET /static/:hash/:file":                    "everybody",
	"POST /transfers/:transfer/accept":           "invited's own",
	"POST /transfers/:transfer/decline":          "invited's own",
	"GET /verified":                              "everybody",
	"GET /verify":                                "everybody",
	"POST /verify":                               "everybody",
}

// cast is everybody of the matrix.
type cast struct {
	*portal
	clients map[string]*client
	users   map[string]int64
	cell    matrixCell
}

// matrixCell is what one request may name. It is made anew for each: some requests end what they name.
type matrixCell struct {
	camera, share, outside, asked, group, guest, token, transfer, notice, webhook, apiToken, login string
	guestSecret, viewSecret                                                                        string
	visit, oldVisit                                                                                string
}

var matrixPeople = []string{"stranger", "invited", "outside hours", "viewer", "owner"}

func newCast(t *testing.T) *cast {
	c := &cast{portal: newPortal(t), clients: map[string]*client{}, users: map[string]int64{}}
	for _, role := range matrixPeople {
		c.member(strings.ReplaceAll(role, " ", "-"))
		user, err := c.store.UserByName(t.Context(), strings.ReplaceAll(role, " ", "-"))
		require.NoError(t, err)
		c.users[role] = user.ID
		c.enter(role)
	}
	c.enter("pending")
	return c
}

// enter logs a role in anew.
func (c *cast) enter(role string) {
	c.t.Helper()
	c.forgive()
	if role == "pending" {
		if user, err := c.store.UserByName(c.t.Context(), "pending"); err == nil {
			require.NoError(c.t, c.store.DeletePending(c.t.Context(), user.ID))
		}
		c.clients[role], _ = c.newcomer("pending")
		return
	}
	client := c.client()
	answer := client.post("/login", fields("username", strings.ReplaceAll(role, " ", "-"), "password", password))
	require.Equal(c.t, http.StatusSeeOther, answer.status, answer.body)
	c.clients[role] = client
}

// fresh makes what the next request may name.
func (c *cast) fresh() {
	t, ctx := c.t, c.t.Context()
	owner, err := c.store.UserByID(ctx, c.users["owner"])
	require.NoError(t, err)
	id, code := c.camera()
	_, err = c.accounts.Claim(ctx, owner.ID, account.ClaimForm{CameraID: id, ClaimCode: code})
	require.NoError(t, err)
	share := func(name string, terms account.Terms, accept bool) string {
		s, _, err := c.accounts.Share(ctx, owner, id, account.ShareForm{Username: strings.ReplaceAll(name, " ", "-"), Terms: terms})
		require.NoError(t, err)
		if accept {
			require.NoError(t, c.accounts.AcceptShare(ctx, c.users[name], s.ID))
		}
		return s.ID
	}
	cell := matrixCell{camera: id, share: share("viewer", account.Terms{}, true), asked: share("invited", account.Terms{}, false)}
	cell.outside = share("outside hours", account.Terms{Zone: "UTC", Hours: closedNow(c.clock.now())}, true)
	group, err := c.accounts.CreateGroup(ctx, owner.ID, account.GroupForm{Name: "All", Cameras: []string{id}})
	require.NoError(t, err)
	end := c.clock.now().Add(time.Hour)
	link, secret, err := c.accounts.CreateGuestLink(ctx, owner.ID, id, account.GuestLinkForm{Name: "Sitter", ExpiresAt: &end})
	require.NoError(t, err)
	_, cell.visit, err = c.accounts.Enter(ctx, secret, "", "")
	require.NoError(t, err)
	gone, old, err := c.accounts.CreateGuestLink(ctx, owner.ID, id, account.GuestLinkForm{Name: "Gone", ExpiresAt: &end})
	require.NoError(t, err)
	_, cell.oldVisit, err = c.accounts.Enter(ctx, old, "", "")
	require.NoError(t, err)
	require.NoError(t, c.accounts.EndGuestLink(ctx, owner.ID, id, gone.ID))
	token, view, err := c.accounts.CreateViewToken(ctx, owner.ID, id, account.ViewTokenForm{Name: "Player"})
	require.NoError(t, err)
	offer, err := c.accounts.OfferCamera(ctx, owner, id, "invited")
	require.NoError(t, err)
	api, _, err := c.accounts.CreateAPIToken(ctx, owner.ID, account.APITokenForm{Name: "x", Scopes: []string{"watch"}, ExpiresAt: &end})
	require.NoError(t, err)
	require.NoError(t, c.store.NotifyOwner(ctx, id, store.NoticeClaimAttempt))
	notices, err := c.accounts.Notices(ctx, owner.ID)
	require.NoError(t, err)
	cell.group, cell.guest, cell.token, cell.transfer, cell.apiToken = group.ID, link.ID, token.ID, offer.ID, api.ID
	cell.guestSecret, cell.viewSecret, cell.notice = secret, view, fmt.Sprint(notices[0].ID)
	c.cell = cell
	c.more(owner)
}

// more makes what is not about cameras.
func (c *cast) more(owner *store.User) {
	ctx := c.t.Context()
	c.cell.webhook = credential.NewCode()
	require.NoError(c.t, c.store.AddWebhook(ctx, &store.Webhook{ID: c.cell.webhook, UserID: owner.ID, URL: "http://127.0.0.1:1/"}, 1000))
}

// closedNow are hours that are not now.
func closedNow(now time.Time) []signaling.PrivacySpan {
	day := signaling.Days[(int(now.UTC().Weekday())+2)%7]
	return []signaling.PrivacySpan{{Days: []string{day}, From: "12:00", To: "12:01"}}
}

// tidy ends what [cast.fresh] made and a request may have left: there is a most of everything.
func (c *cast) tidy() {
	ctx, owner := c.t.Context(), c.users["owner"]
	_ = c.store.DeleteWebhook(ctx, owner, c.cell.webhook)
	for _, role := range matrixPeople {
		_ = c.store.Release(ctx, c.users[role], c.cell.camera, []byte(credential.NewCode()))
	}
	_ = c.accounts.DeleteGroup(ctx, owner, c.cell.group)
	_ = c.accounts.RevokeAPIToken(ctx, owner, c.cell.apiToken)
	groups, err := c.accounts.Groups(ctx, owner)
	require.NoError(c.t, err)
	for _, g := range groups {
		_ = c.accounts.DeleteGroup(ctx, owner, g.ID)
	}
}

// path puts what the route names into its address.
func (c *cast) path(route string) string {
	share := c.cell.share
	if strings.HasSuffix(route, "/accept") || strings.HasSuffix(route, "/decline") {
		share = c.cell.asked
	}
	token := c.cell.token
	if strings.Contains(route, "/account/tokens") {
		token = c.cell.apiToken
	}
	if strings.Contains(route, "/whep/:token") {
		token = c.cell.viewSecret
	}
	if strings.Contains(route, ":login") {
		logins, err := c.accounts.Logins(c.t.Context(), c.users["owner"])
		require.NoError(c.t, err)
		c.cell.login = logins[0].ID
	}
	return strings.NewReplacer(
		":id", c.cell.camera, ":share", share, ":guest", c.cell.guest, ":token", token, ":group", c.cell.group, ":transfer", c.cell.transfer,
		":notice", c.cell.notice, ":webhook", c.cell.webhook, ":login", c.cell.login, ":hash", c.server.assets.hash, ":file", "app.css",
		":session", "none", ":passkey", "none", ":linked", "none",
	).Replace(route)
}

// as is the client of a role for one request.
func (c *cast) as(role string) *client {
	if known := c.clients[role]; known != nil {
		return known
	}
	client := c.client()
	visit := map[string]string{"guest": c.cell.visit, "ended guest": c.cell.oldVisit}[role]
	if visit != "" {
		client.guest = true
		u, err := url.Parse(c.url)
		require.NoError(c.t, err)
		client.http.Jar.SetCookies(u, []*http.Cookie{{Name: guestCookie, Value: visit, Path: "/"}})
	}
	if role == "view token" {
		client.head.Set("Authorization", "Bearer "+c.cell.viewSecret)
	}
	return client
}

// ask makes a request that changes as little as it can, and says what it came to.
func (c *cast) ask(client *client, method, route string) string {
	c.forgive()
	path := c.path(route)
	if strings.HasSuffix(route, "/export") { // of a log, or of the fleet
		path += "?format=csv"
	}
	body, media := "", "application/x-www-form-urlencoded"
	switch {
	case route == "/guest" && method == http.MethodPost:
		body = fields("secret", c.cell.guestSecret).Encode()
	case strings.Contains(route, "/whep"):
		body, media = "x", mimeSDP
	case strings.HasPrefix(route, apiPrefix):
		body, media = "{}", "application/json"
	}
	if strings.HasSuffix(route, "/signal") {
		client.head.Set("Origin", c.url)
		defer client.head.Del("Origin")
		if client.guest {
			path += "?as=guest"
		}
	}
	return outcome(path, client.do(method, path, media, strings.NewReader(body)))
}

func outcome(path string, answer reply) string {
	code := ""
	if _, after, found := strings.Cut(answer.body, problemURN); found && strings.Contains(answer.header.Get("Content-Type"), "problem+json") {
		code, _, _ = strings.Cut(after, `"`)
	}
	to := answer.header.Get("Location")
	switch {
	case code == "not-logged-in", code == "bad-token", code == "no-first-factor", answer.status == http.StatusSeeOther && to == "/login":
		return login
	case code == "sign-up-unfinished", answer.status == http.StatusSeeOther && to == "/setup":
		return setup
	case code == "sign-up-finished", answer.status == http.StatusSeeOther && to == "/home" && !strings.Contains(path, "/notices/"):
		return home
	case code == "proof-needed", strings.HasPrefix(to, "/account/proof"):
		return proof
	case answer.status == http.StatusNotFound:
		return none
	case answer.status == http.StatusForbidden:
		return no
	case code == "link-ended", answer.status == http.StatusGone && strings.Contains(answer.body, "This link has ended"):
		return ended
	case answer.status >= http.StatusInternalServerError && answer.status != http.StatusGatewayTimeout:
		return fmt.Sprint("broken: ", answer.status)
	}
	return in
}

// changesLogins reports whether a request may have ended or begun the login of who made it.
func changesLogins(route string) bool {
	for _, part := range []string{"log", "sign", "setup", "password", "proof", "reset", "account/codes", "account/recovery", "account/email"} {
		if strings.Contains(strings.TrimPrefix(route, apiPrefix), part) {
			return true
		}
	}
	return false
}

type matrixRoute struct{ method, path string }

func (c *cast) matrixRoutes() (routes []matrixRoute) {
	for _, route := range c.server.echo.Routes() {
		if route.Method == "echo_route_not_found" || route.Name == reserved || route.Method == http.MethodOptions {
			continue
		}
		routes = append(routes, matrixRoute{route.Method, route.Path})
	}
	slices.SortFunc(routes, func(a, b matrixRoute) int { return strings.Compare(a.path+" "+a.method, b.path+" "+b.method) })
	return slices.Compact(routes)
}

// TestMatrixOfRoutes asks for every route as everybody, and compares with the table.
func TestMatrixOfRoutes(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	c.fresh()
	routes := c.matrixRoutes()
	for _, route := range routes {
		name := route.method + " " + route.path
		class, known := matrixRoutes[name]
		if !assert.True(t, known, "%s is not in the table: say who may ask for it", name) {
			continue
		}
		cells := matrixClasses[class]
		require.Len(t, cells, len(matrixRoles), class)
		require.Contains(t, []string{proof, cells[slices.Index(matrixRoles, "owner")]}, cells[len(cells)-1], "an old proof only costs a proof: %s", class)
		for i, want := range matrixClasses[class][:len(matrixRoles)-1] {
			role := matrixRoles[i]
			got := c.ask(c.as(role), route.method, route.path)
			if want == in && strings.HasPrefix(class, "everybody") && got != login && !strings.HasPrefix(got, "broken") {
				got = in // what it comes to is another matter
			}
			assert.Equal(t, want, got, "%s as %s", name, role)
			c.restore(route, role, got)
		}
	}
	for name := range matrixRoutes {
		method, path, _ := strings.Cut(name, " ")
		assert.Contains(t, routes, matrixRoute{method, path}, "%s is no route any more", name)
	}
	c.clock.advance(account.ProofTime)
	for _, route := range routes {
		if cells := matrixClasses[matrixRoutes[route.method+" "+route.path]]; len(cells) > 0 && cells[len(cells)-1] == proof {
			assert.Equal(t, proof, c.ask(c.as("owner"), route.method, route.path), "%s %s with an old proof", route.method, route.path)
		}
	}
}

// restore makes anew what a request that got through may have ended.
func (c *cast) restore(route matrixRoute, role, got string) {
	if got != in || route.method == http.MethodGet {
		return
	}
	if strings.Contains(route.path, ":") {
		c.tidy()
		c.fresh()
	}
	if c.clients[role] != nil && (changesLogins(route.path) || route.path == "/guest") {
		c.enter(role)
	}
}

// TestMatrixOfTokens asks for every route of the API with a token of each scope.
func TestMatrixOfTokens(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	c.fresh()
	programs := map[account.Scope]*client{}
	for _, known := range account.Scopes {
		_, programs[known.Scope] = c.clients["owner"].apiToken(known.Scope)
	}
	for _, route := range c.matrixRoutes() {
		if !strings.HasPrefix(route.path, apiPrefix) || slices.Contains([]string{"everybody", "token in path", "nobody's, by token"}, matrixRoutes[route.method+" "+route.path]) {
			continue
		}
		for _, known := range account.Scopes {
			program := programs[known.Scope]
			want := no
			if scopeOf(route) == string(known.Scope) {
				want = in
			}
			if strings.HasPrefix(route.path, adminPrefix) {
				want = login // it is no token there
			}
			got := c.ask(program, route.method, route.path)
			if got == none && want == in {
				got = in // an invitation of somebody else: it got as far as that
			}
			assert.Equal(t, want, got, "%s %s with %s", route.method, route.path, known.Scope)
			c.restore(route, "", got)
		}
	}
}

// TestMatrixOfAdminTokens asks for every route with an admin token of each scope: it opens what the table says, and
// no page, no owner's route, nothing with a picture.
func TestMatrixOfAdminTokens(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	c.fresh()
	for _, known := range fleet.Scopes {
		program := c.operator(known.Scope)
		for _, route := range c.matrixRoutes() {
			class := matrixRoutes[route.method+" "+route.path]
			if strings.HasPrefix(class, "everybody") || class == "token in path" {
				continue // these ask for no token
			}
			nobody := matrixClasses[class][0]
			want := []string{login, nobody}
			if scope, admin := strings.CutPrefix(scopeOf(route), "admin "); admin && scope == string(known.Scope) {
				want = []string{in}
			} else if admin {
				want = []string{no}
			}
			assert.Contains(t, want, c.ask(program, route.method, route.path), "%s %s with %s", route.method, route.path, known.Scope)
		}
	}
}

// TestMatrixOfAdmins asks for every route as an admin: they reach the pages of the fleet, and all else as the strangers
// that they are, above all nothing with a picture.
func TestMatrixOfAdmins(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	c.fresh()
	c.admin(c.clients["stranger"], "stranger")
	for _, route := range c.matrixRoutes() {
		class := matrixRoutes[route.method+" "+route.path]
		if strings.HasPrefix(class, "everybody") || class == "token in path" || changesLogins(route.path) || strings.HasPrefix(route.path, "/account") || strings.HasPrefix(route.path, apiPrefix+"/account") {
			continue // what is their own, which they may change
		}
		want := matrixClasses[class][slices.Index(matrixRoles, "stranger")]
		if class == "admin's page" {
			want = in
		}
		got := c.ask(c.clients["stranger"], route.method, route.path)
		assert.Equal(t, want, got, "%s %s", route.method, route.path)
		c.restore(route, "", got)
	}
}

// scopeOf is the scope of an API token that a route wants, "" if none opens it.
func scopeOf(route matrixRoute) string {
	if strings.HasPrefix(route.path, adminPrefix) {
		for _, admin := range (*server)(nil).adminRoutes() {
			if admin.method == route.method && adminPrefix+admin.path == route.path {
				return "admin " + string(admin.scope)
			}
		}
	}
	path := strings.TrimPrefix(route.path, apiPrefix)
	if strings.HasPrefix(path, "/cameras/:id/whep") {
		return string(account.ScopeWatch)
	}
	if !strings.HasPrefix(route.path, apiPrefix) {
		return ""
	}
	return string(tokenScopes[route.method+" "+path])
}

const accessDoc = "../../docs/access.md"

// TestMatrixIsInTheDocs compares the table in docs/access.md with this one; `go test -run Docs -update` writes it.
func TestMatrixIsInTheDocs(t *testing.T) {
	t.Parallel()
	c := &cast{portal: newPortal(t)}
	var table bytes.Buffer
	fmt.Fprintf(&table, "| route | %s | API token |\n|---|%s---|\n", strings.Join(matrixRoles, " | "), strings.Repeat("---|", len(matrixRoles)))
	for _, route := range c.matrixRoutes() {
		cells := matrixClasses[matrixRoutes[route.method+" "+route.path]]
		scope := scopeOf(route)
		if scope == "" {
			scope = "–"
		}
		fmt.Fprintf(&table, "| `%s %s` | %s | %s |\n", route.method, route.path, strings.Join(cells, " | "), scope)
	}
	doccheck.Section(t, accessDoc, "routes", table.String())
}
