package device

import (
	"context"
	"errors"

	"seccam/pkg/credential"
	"seccam/portal/store"
)

// Revocations answers the broker's question at each CONNECT.
type Revocations struct{ Store RevocationStore }

// RevocationStore knows the cameras' key versions and the tokens given to people.
type RevocationStore interface {
	CameraByID(ctx context.Context, id string) (*store.Camera, error)
	TokenRevoked(ctx context.Context, id string) (bool, error)
}

// Revoked reports whether a valid token is worthless all the same: the camera's key version was
// raised since, or the person's token was revoked.
func (r Revocations) Revoked(ctx context.Context, claims *credential.Claims) (bool, error) {
	who, err := claims.Identity()
	if err != nil {
		return true, err
	}
	switch who.Role {
	case credential.RoleCamera:
		camera, err := r.Store.CameraByID(ctx, who.ID)
		if errors.Is(err, store.ErrNotFound) {
			return true, nil
		}
		return err == nil && camera.KeyVersion != claims.KeyVersion, err
	case credential.RoleTool:
		return r.Store.TokenRevoked(ctx, claims.ID)
	}
	return false, nil
}
