package device

import (
	"context"
	"errors"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/portal/store"
)

// fakeRevocations is a store of functions.
type fakeRevocations struct {
	camera func(id string) (*store.Camera, error)
	token  func(id string) (bool, error)
}

func (f fakeRevocations) CameraByID(_ context.Context, id string) (*store.Camera, error) {
	return f.camera(id)
}
func (f fakeRevocations) TokenRevoked(_ context.Context, id string) (bool, error) { return f.token(id) }

func TestRevoked(t *testing.T) {
	down := errors.New("database down")
	fake := fakeRevocations{
		camera: func(id string) (*store.Camera, error) {
			switch id {
			case "c1":
				return &store.Camera{ID: id, KeyVersion: 2}, nil
			case "down":
				return nil, down
			}
			return nil, store.ErrNotFound
		},
		token: func(id string) (bool, error) { return id != "good", nil },
	}
	for _, tc := range []struct {
		name, subject, jti string
		version            int
		want               bool
		err                error
	}{
		{"camera", "camera-c1", "x", 2, false, nil},
		{"camera of an older key", "camera-c1", "x", 1, true, nil},
		{"camera of a newer key", "camera-c1", "x", 3, true, nil},
		{"camera that is gone", "camera-c2", "x", 1, true, nil},
		{"camera, store down", "camera-down", "x", 1, false, down},
		{"tool", "tool-x", "good", 0, false, nil},
		{"tool revoked", "tool-x", "bad", 0, true, nil},
		{"portal", "portal-p", "bad", 0, false, nil},
	} {
		claims := &credential.Claims{RegisteredClaims: jwt.RegisteredClaims{Subject: tc.subject, ID: tc.jti}, KeyVersion: tc.version}
		got, err := Revocations{fake}.Revoked(t.Context(), claims)
		require.ErrorIs(t, err, tc.err, tc.name)
		require.Equal(t, tc.want, got, tc.name)
	}
	revoked, err := Revocations{fake}.Revoked(t.Context(), &credential.Claims{})
	require.Error(t, err)
	require.True(t, revoked)
}
