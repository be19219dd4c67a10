package web

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/portal/account"
	"seccam/portal/fleet"
	"seccam/portal/store"
)

// operator is a program with an admin token.
func (p *portal) operator(scopes ...fleet.Scope) *client {
	p.t.Helper()
	var words []string
	for _, scope := range scopes {
		words = append(words, string(scope))
	}
	_, secret, err := p.server.Fleet.By(store.Operator{Name: "tests"}).CreateToken(p.t.Context(), "Factory", words, time.Hour)
	require.NoError(p.t, err)
	program := p.client()
	program.head.Set("Authorization", "Bearer "+secret)
	return program
}

// admin makes a member an admin with a second factor.
func (p *portal) admin(c *client, name string) {
	p.t.Helper()
	p.withApp(c)
	require.NoError(p.t, p.server.Fleet.AddAdmin(p.t.Context(), name))
}

// adminRefusal is what routes for admins and their programs answer to everybody else, 0 for other routes.
func adminRefusal(path string) int {
	switch {
	case strings.HasPrefix(path, adminPrefix):
		return http.StatusUnauthorized
	case strings.HasPrefix(path, "/admin"):
		return http.StatusNotFound
	}
	return 0
}

type fleetList struct {
	Cameras []fleetCamera
	Total   int
	PerPage int `json:"per_page"`
}

func newOne() (id, hash string) {
	id = credential.NewCode()
	return id, hex.EncodeToString(credential.HashClaimCode(id, credential.NewCode()))
}

func batchBody(batch string, cameras ...object) object {
	return object{"batch": batch, "cameras": cameras}
}

func TestAdminAddsCameras(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	program := p.operator(fleet.ScopeProvision)
	id, code := credential.NewCode(), credential.NewCode()
	hash := hex.EncodeToString(credential.HashClaimCode(id, code))
	body := batchBody("b7", object{"id": id, "claim_hash": hash})
	var first, second struct{ Cameras []fleet.Registered }
	require.Equal(t, http.StatusOK, program.api(http.MethodPost, "/admin/cameras", body, &first).status)
	require.Equal(t, http.StatusOK, program.api(http.MethodPost, "/admin/cameras", body, &second).status)
	assert.Equal(t, first, second, "sent again, the answer is the same")
	require.Len(t, first.Cameras, 1)
	assert.Equal(t, credential.DeviceKey(master, id, 1).Hex(), first.Cameras[0].DeviceKey)

	other, otherHash := newOne()
	for name, c := range map[string]struct {
		body   object
		status int
	}{
		"another batch":     {batchBody("b8", object{"id": id, "claim_hash": hash}), http.StatusConflict},
		"another code":      {batchBody("b7", object{"id": id, "claim_hash": otherHash}), http.StatusConflict},
		"one of two":        {batchBody("b7", object{"id": other, "claim_hash": otherHash}, object{"id": id, "claim_hash": otherHash}), http.StatusConflict},
		"no batch":          {batchBody("", object{"id": other, "claim_hash": otherHash}), http.StatusUnprocessableEntity},
		"no cameras":        {batchBody("b7"), http.StatusUnprocessableEntity},
		"an id, mistyped":   {batchBody("b7", object{"id": id[:19] + "u", "claim_hash": otherHash}), http.StatusUnprocessableEntity},
		"an id in capitals": {batchBody("b7", object{"id": strings.ToUpper(other), "claim_hash": otherHash}), http.StatusUnprocessableEntity},
		"a short hash":      {batchBody("b7", object{"id": other, "claim_hash": "ab"}), http.StatusUnprocessableEntity},
	} {
		assert.Equal(t, c.status, program.api(http.MethodPost, "/admin/cameras", c.body, nil).status, name)
	}
	_, err := p.store.CameraByID(t.Context(), other)
	require.ErrorIs(t, err, store.ErrNotFound, "all of a request or nothing")

	owner, _ := p.member("owner")
	require.Equal(t, http.StatusCreated, owner.api(http.MethodPost, "/cameras", object{"camera_id": id, "claim_code": code}, nil).status)
	answer := program.api(http.MethodPost, "/admin/cameras", body, nil)
	assert.Equal(t, http.StatusConflict, answer.status)
	assert.Contains(t, answer.body, "camera-in-use", "the key of a camera that somebody owns is not told")
}

func TestAdminListsCameras(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	_, camera := p.member("owner")
	for range 3 {
		p.camera()
	}
	program := p.operator(fleet.ScopeRead)
	var list fleetList
	require.Equal(t, http.StatusOK, program.api(http.MethodGet, "/admin/cameras?per_page=2&sort=-seen", nil, &list).status)
	assert.Equal(t, 4, list.Total)
	require.Len(t, list.Cameras, 2)
	assert.Equal(t, camera, list.Cameras[0].ID)
	assert.Equal(t, "owner", list.Cameras[0].Owner)
	assert.True(t, list.Cameras[0].Presence.Online)
	require.Equal(t, http.StatusOK, program.api(http.MethodGet, "/admin/cameras?q=own", nil, &list).status)
	assert.Equal(t, 1, list.Total)
	require.Equal(t, http.StatusOK, program.api(http.MethodGet, "/admin/cameras?claimed=false&page=2&per_page=2", nil, &list).status)
	assert.Equal(t, 3, list.Total)
	assert.Len(t, list.Cameras, 1)
	for _, wrong := range []string{"page=0", "page=x", "per_page=501", "claimed=maybe", "sort=name"} {
		assert.Equal(t, http.StatusUnprocessableEntity, program.api(http.MethodGet, "/admin/cameras?"+wrong, nil, nil).status, wrong)
	}
	var one fleetCamera
	require.Equal(t, http.StatusOK, program.api(http.MethodGet, "/admin/cameras/"+credential.FormatCode(camera), nil, &one).status)
	assert.Equal(t, camera, one.ID)
	assert.Equal(t, http.StatusNotFound, program.api(http.MethodGet, "/admin/cameras/"+credential.NewCode(), nil, nil).status)

	table := program.get(apiPrefix + "/admin/export?format=csv&claimed=true")
	assert.Equal(t, http.StatusOK, table.status)
	assert.Len(t, strings.Split(strings.TrimSpace(table.body), "\n"), 2)
	assert.Equal(t, http.StatusUnprocessableEntity, program.get(apiPrefix+"/admin/export").status)
}

// What is done to a camera is in the fleet's log and in its owner's, and cuts the camera's connection.
func TestAdminReplacesKeys(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	owner, camera := p.member("owner")
	program := p.operator(fleet.ScopeKeys, fleet.ScopeLog)
	var revoked struct {
		KeyVersion int `json:"key_version"`
	}
	require.Equal(t, http.StatusOK, program.api(http.MethodPost, "/admin/cameras/"+camera+"/revoke", object{}, &revoked).status)
	assert.Equal(t, 2, revoked.KeyVersion)
	var key fleet.Registered
	require.Equal(t, http.StatusOK, program.api(http.MethodPost, "/admin/cameras/"+camera+"/rotate-key", object{}, &key).status)
	assert.Equal(t, fleet.Registered{ID: camera, KeyVersion: 3, DeviceKey: credential.DeviceKey(master, camera, 3).Hex()}, key)
	assert.NotContains(t, p.log.String(), key.DeviceKey)
	subject := credential.Identity{Role: credential.RoleCamera, ID: camera}.Subject()
	assert.Equal(t, []string{subject, subject}, p.revocations())

	var log struct{ Entries []adminEntry }
	require.Equal(t, http.StatusOK, program.api(http.MethodGet, "/admin/log?camera="+camera, nil, &log).status)
	require.Len(t, log.Entries, 2)
	assert.Equal(t, store.AdminKeyReplaced, log.Entries[0].Kind)
	assert.Equal(t, "admin token Factory", log.Entries[0].Operator)
	assert.NotEmpty(t, log.Entries[0].Address)
	require.Equal(t, http.StatusOK, program.api(http.MethodGet, "/admin/log", nil, &log).status)
	assert.Equal(t, store.AdminTokenMade, log.Entries[len(log.Entries)-1].Kind)
	for _, wrong := range []string{"before=0", "camera=x"} {
		assert.Equal(t, http.StatusUnprocessableEntity, program.api(http.MethodGet, "/admin/log?"+wrong, nil, nil).status)
	}
	told := owner.auditOf(camera, "")
	assert.Equal(t, account.AuditKeyReplaced, told[0].Kind)
	assert.Equal(t, string(account.ActorOperator), told[0].ActorKind)
	assert.Contains(t, owner.get("/cameras/"+camera+"/audit").body, "Whoever runs this portal: admin token Factory")
}

func TestAdminTokensEnd(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	program := p.operator(fleet.ScopeRead)
	require.Equal(t, http.StatusOK, program.api(http.MethodGet, "/admin/cameras", nil, nil).status)
	answer := program.api(http.MethodGet, "/admin/log", nil, nil)
	assert.Equal(t, http.StatusForbidden, answer.status)
	assert.Contains(t, answer.header.Get("WWW-Authenticate"), `scope="fleet:log"`)
	tokens, err := p.server.Fleet.Tokens(t.Context())
	require.NoError(t, err)
	require.NotNil(t, tokens[0].LastUsedAt)
	p.clock.advance(time.Hour)
	assert.Equal(t, http.StatusUnauthorized, program.api(http.MethodGet, "/admin/cameras", nil, nil).status, "it has expired")

	program = p.operator(fleet.ScopeRead)
	require.NoError(t, p.server.Fleet.RevokeToken(t.Context(), tokens[0].ID))
	require.ErrorIs(t, p.server.Fleet.RevokeToken(t.Context(), tokens[0].ID), store.ErrNotFound)
	tokens, err = p.server.Fleet.Tokens(t.Context())
	require.NoError(t, err)
	require.NoError(t, p.server.Fleet.RevokeToken(t.Context(), tokens[0].ID))
	assert.Equal(t, http.StatusUnauthorized, program.api(http.MethodGet, "/admin/cameras", nil, nil).status, "it was revoked")
	assert.Equal(t, http.StatusUnauthorized, p.client().api(http.MethodGet, "/admin/cameras", nil, nil).status)
}

func TestAdminPageIsForAdmins(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("anna")
	assert.Equal(t, http.StatusNotFound, c.get("/admin").status)
	assert.NotContains(t, c.get("/account").body, "/admin")
	require.NoError(t, p.server.Fleet.AddAdmin(t.Context(), "Anna"))
	assert.Contains(t, c.get("/account").body, `href="/admin"`)
	refused := c.get("/admin")
	assert.Equal(t, http.StatusForbidden, refused.status)
	assert.Contains(t, refused.body, "second factor")
	p.withApp(c)
	assert.Equal(t, http.StatusOK, c.get("/admin").status)
	assert.Equal(t, http.StatusOK, c.get("/admin/cameras/"+camera).status)
	assert.Equal(t, http.StatusNotFound, c.get("/admin/cameras/"+credential.NewCode()).status)
	require.NoError(t, p.server.Fleet.RemoveAdmin(t.Context(), "anna"))
	require.ErrorIs(t, p.server.Fleet.RemoveAdmin(t.Context(), "anna"), store.ErrNotFound)
	assert.Equal(t, http.StatusNotFound, c.get("/admin").status, "at once")
	require.ErrorIs(t, p.server.Fleet.AddAdmin(t.Context(), "nobody"), store.ErrNotFound)
}

// The table is found, filtered, sorted and paged on the server, without scripts.
func TestAdminTable(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, own := p.member("anna")
	p.admin(c, "anna")
	require.Equal(t, http.StatusSeeOther, c.post("/cameras/"+own+"/rename", fields("name", "Secret garden")).status)
	var batch []store.NewCamera
	for range fleetPage + 5 {
		id, _ := newOne()
		batch = append(batch, store.NewCamera{ID: id, ClaimHash: []byte(id)})
	}
	require.NoError(t, p.store.ProvisionBatch(t.Context(), store.Operator{}, "b&7", batch))
	page := c.get("/admin?sort=id").body
	assert.Contains(t, page, fmt.Sprintf("1 to %d of %d", fleetPage, fleetPage+6))
	assert.NotContains(t, page, "Secret garden", "what owners call their cameras is theirs")
	assert.Contains(t, page, `aria-sort="ascending"`)
	assert.Contains(t, page, `href="/admin?sort=-id"`)
	next := html.UnescapeString(between(t, page, `<a class="button small" href="`, `"`))
	assert.Equal(t, "/admin?page=2&sort=id", next)
	assert.Contains(t, c.get(next).body, fmt.Sprintf("%d to %d of %d", fleetPage+1, fleetPage+6, fleetPage+6))
	for path, want := range map[string]string{
		"/admin?q=ann":                     "1 to 1 of 1",
		"/admin?batch=b%267&online=true":   "No camera is like that",
		"/admin?batch=b%267&page=2":        fmt.Sprintf("%d to %d of %d", fleetPage+1, fleetPage+5, fleetPage+5),
		"/admin?page=9":                    "There is no such page",
		"/admin?page=x":                    "This is a number",
		"/admin?q=%3Cscript%3E":            "&lt;script&gt;",
		"/admin/cameras/" + own:            "Nothing was measured",
		"/admin/cameras/" + own + "?x=%3C": "The camera has said nothing",
	} {
		assert.Contains(t, c.get(path).body, want, path)
	}
}

func TestAdminVitals(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("anna")
	p.admin(c, "anna")
	at := p.clock.now().UTC().Truncate(10 * time.Minute)
	require.NoError(t, p.store.SaveVitals(t.Context(), store.Vitals{
		Samples: []store.Sample{{CameraID: camera, At: at, FPS: 29.9, Bitrate: 2e6, Viewers: 3, Temperature: 51}},
		Events:  []store.CameraEvent{{CameraID: camera, At: at, Kind: "source_lost", Text: "<b>cable</b>"}, {CameraID: camera, At: at.Add(time.Second), Kind: "source_back", Text: "back"}},
	}))
	page := c.get("/admin/cameras/" + camera).body
	assert.Contains(t, page, "2000 kbit/s")
	assert.Contains(t, page, "&lt;b&gt;cable&lt;/b&gt;")
	var body vitalsBody
	require.NoError(t, json.Unmarshal([]byte(c.get("/admin/cameras/"+camera+"/vitals").body), &body))
	require.Len(t, body.Samples, 1)
	require.Len(t, body.Events, 2)
	assert.Equal(t, "source_lost", body.Events[0].Kind, "the oldest first")
	require.NoError(t, json.Unmarshal([]byte(c.get(fmt.Sprintf("/admin/cameras/%s/vitals?after=%d", camera, body.Events[0].ID)).body), &body))
	assert.Len(t, body.Events, 1)
}
