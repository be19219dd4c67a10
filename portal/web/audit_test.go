package web

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/portal/account"
)

// auditOf is somebody's log of a camera, or of the account if camera is "".
func (c *client) auditOf(camera, query string) (entries []auditBody) {
	c.p.t.Helper()
	path := "/account/audit"
	if camera != "" {
		path = "/cameras/" + camera + "/audit"
	}
	var body struct{ Entries []auditBody }
	answer := c.api(http.MethodGet, path+query, nil, &body)
	require.Equal(c.p.t, http.StatusOK, answer.status, answer.body)
	return body.Entries
}

func kindsOf(entries []auditBody) (kinds []string) {
	for _, e := range entries {
		kinds = append(kinds, e.Kind)
	}
	slices.Reverse(kinds)
	return kinds
}

func TestAuditOfACamera(t *testing.T) {
	t.Parallel()
	f := newFamily(t)
	f.viewer.head.Set("User-Agent", "=cmd|' /C calc'!A0")
	path := apiPrefix + "/cameras/" + f.camera + "/whep"
	answer := f.viewer.offer(path)
	require.Equal(t, http.StatusCreated, answer.status, answer.body)
	require.Equal(t, http.StatusOK, f.viewer.do(http.MethodDelete, answer.header.Get("Location"), "", nil).status)
	id, secret := f.guestLink(time.Hour)
	f.enter(secret)
	require.Equal(t, http.StatusNoContent, f.owner.api(http.MethodDelete, "/cameras/"+f.camera+"/guests/"+id, nil, nil).status)
	require.Equal(t, http.StatusSeeOther, f.owner.post("/cameras/"+f.camera+"/rename", fields("name", "Door")).status)
	thief, _ := f.member("intruder")
	thief.post("/cameras/new", fields("camera_id", f.camera, "claim_code", credential.NewCode()))

	entries := f.owner.auditOf(f.camera, "")
	assert.Equal(t, []string{
		account.AuditClaimed, account.AuditShareOffered, account.AuditShareAccepted, account.AuditWatched, account.AuditWatchEnded,
		account.AuditGuestLink, account.AuditGuestEntered, account.AuditGuestLinkEnded, account.AuditRenamed, account.AuditClaimRefused,
	}, kindsOf(entries))
	watched := entries[6]
	assert.Equal(t, "kim", watched.Actor)
	assert.Equal(t, "person", watched.ActorKind)
	assert.Equal(t, "127.0.0.1", watched.Address)
	assert.Equal(t, entries[5].Session, watched.Session)
	assert.Equal(t, "intruder", entries[0].Actor)
	assert.Equal(t, []string{account.AuditWatched, account.AuditWatchEnded, account.AuditGuestEntered}, kindsOf(f.owner.auditOf(f.camera, "?about=watching")))
	assert.Empty(t, f.owner.auditOf(f.camera, "?to=2020-01-01"))
	for _, wrong := range []string{"?about=x", "?from=today", "?before=x"} {
		assert.Equal(t, http.StatusUnprocessableEntity, f.owner.api(http.MethodGet, "/cameras/"+f.camera+"/audit"+wrong, nil, nil).status, wrong)
		assert.Equal(t, http.StatusUnprocessableEntity, f.owner.get("/cameras/"+f.camera+"/audit"+wrong).status, wrong)
	}
	page := f.owner.get("/cameras/" + f.camera + "/audit").body
	for _, want := range []string{"Began to watch", "kim", "Guest: Sitter", "Somebody tried to claim", "127.0.0.1"} {
		assert.Contains(t, page, want)
	}
	assert.NotContains(t, page, secret)

	table, err := csv.NewReader(strings.NewReader(f.owner.get("/cameras/" + f.camera + "/audit/export?format=csv").body)).ReadAll()
	require.NoError(t, err)
	require.Len(t, table, len(entries)+1)
	assert.Equal(t, "'=cmd|' /C calc'!A0", table[4][7], "no formula of a stranger's runs in a spreadsheet")
	lines := strings.Split(strings.TrimSpace(f.owner.get("/cameras/"+f.camera+"/audit/export?format=jsonl&about=watching").body), "\n")
	require.Len(t, lines, 3)
	var first auditBody
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &first))
	assert.Equal(t, account.AuditWatched, first.Kind)
	assert.Equal(t, http.StatusNotFound, f.owner.get("/cameras/"+f.camera+"/audit/export").status)

	assert.Equal(t, http.StatusForbidden, f.viewer.get("/cameras/"+f.camera+"/audit").status)
	assert.Empty(t, slices.DeleteFunc(f.viewer.auditOf("", ""), func(e auditBody) bool { return e.CameraID != f.camera }), "it is the owner's alone")
}

func TestAuditOfAnAccount(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, _ := p.member("owner")
	p.client().post("/login", fields("username", "owner", "password", "wrong horse 1"))
	p.client().post("/login", fields("username", "nobody-1", "password", "wrong horse 1"))
	kinds := kindsOf(c.auditOf("", "?about=account"))
	assert.Equal(t, []string{account.AuditLogin, account.AuditLoginFailed}, kinds)
	assert.Contains(t, c.get("/account/audit").body, "Log-in failed")
	assert.NotContains(t, p.log.String(), "wrong horse")
}

func TestAuditHasPages(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	for range account.AuditPage {
		p.accounts.Record(t.Context(), 1, camera, account.AuditRenamed, "x")
	}
	first := c.auditOf(camera, "")
	require.Len(t, first, account.AuditPage)
	next := between(t, c.get("/cameras/"+camera+"/audit?about=settings").body, `href="/cameras/`+camera+`/audit?`, `"`)
	assert.Contains(t, next, "about=settings")
	assert.Contains(t, c.get("/cameras/"+camera+"/audit").body, `id="older"`)
	rest := c.auditOf(camera, "?before="+between(t, c.get("/cameras/"+camera+"/audit").body, "before=", `"`))
	require.Len(t, rest, 1)
	assert.Equal(t, account.AuditClaimed, rest[0].Kind)
	export := c.get("/cameras/" + camera + "/audit/export?format=jsonl").body
	assert.Equal(t, account.AuditPage+1, strings.Count(export, "\n"))
}

// TestAbuse06_AuditIsNotHandedOver: who watched the former owner's camera is nothing for the next one.
func TestAbuse06_AuditIsNotHandedOver(t *testing.T) {
	t.Parallel()
	f := newFamily(t)
	require.Equal(t, http.StatusCreated, f.viewer.offer(apiPrefix+"/cameras/"+f.camera+"/whep").status)
	var offer transferBody
	require.Equal(t, http.StatusOK, f.owner.api(http.MethodPut, "/cameras/"+f.camera+"/transfer", object{"username": "kim"}, &offer).status)
	f.presence.set(f.camera, offline("Offline"))
	require.Equal(t, http.StatusOK, f.viewer.api(http.MethodPost, "/transfers/"+offer.ID+"/accept", nil, nil).status)
	assert.Equal(t, []string{account.AuditTaken}, kindsOf(f.viewer.auditOf(f.camera, "")))
	assert.Contains(t, kindsOf(f.owner.auditOf("", "")), account.AuditGiven)
	assert.Equal(t, http.StatusNotFound, f.owner.get("/cameras/"+f.camera+"/audit").status)
}

// Who guesses passwords does not fill the log.
func TestFailuresInTheLogAreBounded(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, _ := p.member("owner")
	for range 120 {
		_, err := p.accounts.LogIn(t.Context(), "owner", strings.Repeat("x", 1025)) // too long to be hashed
		require.ErrorIs(t, err, account.ErrCredentials)
	}
	assert.Equal(t, account.AuditPage, len(c.auditOf("", "?about=account")))
}
