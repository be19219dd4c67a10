package web

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type object = map[string]any

func TestAPIFromSignUpToRelease(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	id, code := p.camera()
	c := p.client()
	var account accountBody
	signUp := object{"username": "owner", "camera_id": id, "claim_code": code, "password": password, "password_confirm": password}
	require.Equal(t, http.StatusCreated, c.api(http.MethodPost, "/signup", signUp, &account).status)
	assert.True(t, account.Pending)
	assert.NotNil(t, account.PendingUntil)
	assert.Equal(t, http.StatusForbidden, c.api(http.MethodGet, "/cameras", nil, nil).status)
	assert.Equal(t, http.StatusConflict, c.api(http.MethodPost, "/signup/confirm", nil, nil).status)

	p.presence.set(id, online())
	p.pin(id, otherFingerprint)
	require.Equal(t, http.StatusOK, c.api(http.MethodPost, "/signup/confirm", nil, &account).status)
	assert.Equal(t, http.StatusConflict, c.api(http.MethodPost, "/signup/confirm", nil, nil).status)
	var camera cameraBody
	require.Equal(t, http.StatusOK, c.api(http.MethodGet, "/cameras/"+id, nil, &camera).status)
	assert.Equal(t, otherFingerprint, camera.Presence.Fingerprint)
	require.Equal(t, http.StatusOK, c.api(http.MethodPatch, "/cameras/"+id, object{"name": "Door"}, &camera).status)
	assert.Equal(t, "Door", camera.Name)
	assert.Equal(t, http.StatusOK, c.api(http.MethodPatch, "/cameras/"+id, object{}, &camera).status, "nothing to change")
	assert.Equal(t, "Door", camera.Name)

	second, secondCode := p.camera()
	created := c.api(http.MethodPost, "/cameras", object{"camera_id": second, "claim_code": secondCode, "name": "Garden"}, &camera)
	assert.Equal(t, http.StatusCreated, created.status)
	assert.Equal(t, "/api/v1/cameras/"+second, created.header.Get("Location"))
	var list struct{ Cameras []cameraBody }
	require.Equal(t, http.StatusOK, c.api(http.MethodGet, "/cameras", nil, &list).status)
	assert.Len(t, list.Cameras, 2)

	var released struct {
		Code string `json:"claim_code"`
	}
	require.Equal(t, http.StatusOK, c.api(http.MethodDelete, "/cameras/"+second, nil, &released).status)
	assert.Equal(t, http.StatusNotFound, c.api(http.MethodDelete, "/cameras/"+second, nil, nil).status)
	assert.Equal(t, http.StatusCreated, c.api(http.MethodPost, "/cameras", object{"camera_id": second, "claim_code": released.Code}, nil).status)

	assert.Equal(t, http.StatusNoContent, c.api(http.MethodPost, "/logout", nil, nil).status)
	assert.Equal(t, http.StatusUnauthorized, c.api(http.MethodGet, "/account", nil, nil).status)
	assert.Equal(t, http.StatusUnauthorized, c.api(http.MethodPost, "/login", object{"username": "owner", "password": "x"}, nil).status)
	assert.Equal(t, http.StatusOK, c.api(http.MethodPost, "/login", object{"username": "owner", "password": password}, &account).status)
	assert.False(t, account.Pending)
	assert.Equal(t, http.StatusOK, c.api(http.MethodGet, "/account", nil, &account).status)
}

func TestAPICancelSignUp(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, _ := p.newcomer("owner")
	assert.Equal(t, http.StatusNoContent, c.api(http.MethodDelete, "/signup", nil, nil).status)
	assert.Equal(t, http.StatusUnauthorized, c.api(http.MethodDelete, "/signup", nil, nil).status)
}

func TestAPIFieldErrors(t *testing.T) {
	t.Parallel()
	var p problem
	answer := newPortal(t).client().api(http.MethodPost, "/signup", object{"username": "x"}, &p)
	assert.Equal(t, http.StatusUnprocessableEntity, answer.status)
	assert.Equal(t, "application/problem+json", answer.header.Get("Content-Type"))
	assert.Contains(t, p.Errors, "username")
	assert.Contains(t, p.Errors, "camera_id")
	assert.Contains(t, p.Errors, "password")
}

func TestDeviceCredentials(t *testing.T) {
	t.Parallel()
	c := newPortal(t).client()
	assert.Equal(t, http.StatusOK, c.api(http.MethodPost, "/device/challenge", object{"camera": "x"}, nil).status)
	assert.Equal(t, http.StatusOK, c.api(http.MethodPost, "/device/token", object{"camera": "x", "proof": "good"}, nil).status)
	refused := c.api(http.MethodPost, "/device/token", object{"camera": "x", "proof": "bad"}, nil)
	assert.Equal(t, http.StatusUnauthorized, refused.status)
	assert.Empty(t, refused.header.Get("Set-Cookie"))
}

// TestProblemsAreJSON checks the shape of one refusal by hand, as RFC 9457 has it.
func TestProblemsAreJSON(t *testing.T) {
	t.Parallel()
	var got object
	newPortal(t).client().api(http.MethodGet, "/cameras", nil, &got)
	want := object{"type": "urn:seccam:problem:not-logged-in", "title": "Not logged in", "status": json.Number("401"), "detail": "Log in first."}
	assert.Equal(t, want["type"], got["type"])
	assert.Equal(t, want["detail"], got["detail"])
	assert.EqualValues(t, 401, got["status"])
}
