package web

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestExport(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	p.withEmail(c, "owner@example.org")
	a, codes := p.withApp(c)
	answer := c.get("/account/export")
	require.Equal(t, http.StatusOK, answer.status)
	assert.Contains(t, answer.header.Get("Content-Disposition"), "attachment")
	var all map[string]any
	require.NoError(t, json.Unmarshal([]byte(answer.body), &all))
	assert.Contains(t, answer.body, camera)
	assert.Contains(t, answer.body, "owner@example.org")
	assert.NotEmpty(t, all["log"])
	for _, secret := range append(codes, a.secret, password, c.cookie(), "argon2id") {
		assert.NotContains(t, answer.body, secret)
	}
	assert.Equal(t, http.StatusOK, c.api(http.MethodGet, "/account/export", nil, nil).status)
	p.clock.advance(11 * time.Minute)
	assert.Equal(t, http.StatusForbidden, c.api(http.MethodGet, "/account/export", nil, nil).status)
	assert.Equal(t, "/account/proof?next=%2Faccount%2Fexport", c.get("/account/export").header.Get("Location"))
}

func TestDeleteAccount(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("Owner")
	second := p.secondCamera(c, "Garden")
	phone := p.again("owner")
	ctx, err := p.server.logins.Load(t.Context(), phone.cookie())
	require.NoError(t, err)
	alive := p.server.alive(ctx)
	require.True(t, alive(t.Context()))
	page := c.get("/account/delete").body
	assert.Contains(t, page, "Garden")
	wrong := c.post("/account/delete", fields("confirm", "owner"))
	assert.Equal(t, http.StatusUnprocessableEntity, wrong.status)
	assert.Contains(t, wrong.body, "Type your user name, Owner")

	gone := c.post("/account/delete", fields("confirm", "Owner"))
	require.Equal(t, http.StatusOK, gone.status)
	code := between(t, gone.body, `data-code-of="`+second+`">`, "<")
	assert.Empty(t, c.cookie())
	assert.False(t, alive(t.Context()))
	assert.Equal(t, "/login", phone.get("/home").header.Get("Location"))
	assert.Contains(t, strings.Join(p.ended(), " "), "release-"+camera)
	assert.Equal(t, http.StatusUnauthorized, p.client().post("/login", fields("username", "owner", "password", password)).status)
	kim, _ := p.member("kim")
	claimed := kim.post("/cameras/new", fields("camera_id", second, "claim_code", code))
	assert.Equal(t, "/home?done=claimed", claimed.header.Get("Location"))
	assert.NotContains(t, kim.get("/home").body, "Garden")

	var freed struct {
		Cameras []struct {
			ClaimCode string `json:"claim_code"`
		}
	}
	require.Equal(t, http.StatusUnprocessableEntity, kim.api(http.MethodDelete, "/account", object{"confirm": "x"}, nil).status)
	require.Equal(t, http.StatusOK, kim.api(http.MethodDelete, "/account", object{"confirm": "kim"}, &freed).status)
	assert.Len(t, freed.Cameras, 2)
	assert.Equal(t, http.StatusUnauthorized, kim.api(http.MethodGet, "/account", nil, nil).status)
}
