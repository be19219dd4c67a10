package web

import (
	"encoding/hex"
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
