package web

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"seccam/pkg/signaling"
	"seccam/portal/account"
	"seccam/portal/store"
)

// cameraBody is a camera as the API shows it to its owner, or to somebody with whom it is shared. Presence has
// its pinned fingerprint.
type cameraBody struct {
	ID        string             `json:"id"`
	Name      string             `json:"name"`
	Role      signaling.Role     `json:"role"`
	Owner     string             `json:"owner,omitempty"` // of a camera that is shared
	Share     string             `json:"share,omitempty"`
	Until     *time.Time         `json:"until,omitempty"` // when it cannot be watched any more, for now or for good
	ClaimedAt *time.Time         `json:"claimed_at,omitempty"`
	Presence  signaling.Presence `json:"presence"`
}

func (s *server) cameraBody(camera *store.Camera) cameraBody {
	presence := s.Presence.Of(camera.ID)
	presence.Fingerprint = camera.PinnedFingerprint
	return cameraBody{
		ID: camera.ID, Name: cameraName(*camera), Role: signaling.RoleOwner, ClaimedAt: camera.ClaimedAt, Presence: presence,
	}
}

func (s *server) accessBody(access account.Access) cameraBody {
	body := s.cameraBody(access.Camera)
	if access.Owns() {
		return body
	}
	body.Role, body.Owner, body.Share, body.ClaimedAt = access.Role, access.Owner, access.Share, nil
	if !access.Until.IsZero() {
		until := access.Until.UTC()
		body.Until = &until
	}
	return body
}

func (s *server) apiCameras(c echo.Context, user *store.User) error {
	cameras, err := s.Accounts.Visible(c.Request().Context(), user.ID)
	if err != nil {
		return err
	}
	bodies := make([]cameraBody, len(cameras))
	for i := range cameras {
		bodies[i] = s.accessBody(cameras[i])
	}
	return c.JSON(http.StatusOK, map[string]any{"cameras": bodies})
}

func (s *server) apiClaim(c echo.Context, user *store.User) error {
	if err := s.throttleClaim(c, user.ID); err != nil {
		return err
	}
	f, err := decode[account.ClaimForm](c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	id, err := s.Accounts.Claim(ctx, user.ID, f)
	if err != nil {
		return err
	}
	camera, err := s.Accounts.Camera(ctx, user.ID, id)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Location", apiPrefix+"/cameras/"+id)
	return c.JSON(http.StatusCreated, s.cameraBody(camera))
}

func (s *server) apiCamera(c echo.Context, _ *store.User, access account.Access) error {
	return c.JSON(http.StatusOK, s.accessBody(access))
}

// renameBody is what a program sends to rename a camera; an empty name restores the default.
type renameBody struct {
	Name *string `json:"name"`
}

func (s *server) apiRename(c echo.Context, user *store.User, camera *store.Camera) error {
	body, err := decode[renameBody](c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	if body.Name != nil {
		if err := s.Accounts.Rename(ctx, user.ID, camera.ID, *body.Name); err != nil {
			return err
		}
	}
	camera, err = s.Accounts.Camera(ctx, user.ID, camera.ID)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, s.cameraBody(camera))
}

// apiRelease returns the new claim code, which is shown only this once.
func (s *server) apiRelease(c echo.Context, user *store.User, camera *store.Camera) error {
	code, err := s.Accounts.Release(c.Request().Context(), user.ID, camera.ID)
	if err != nil {
		return err
	}
	s.forgetPrivacy(c.Request().Context(), camera.ID)
	return c.JSON(http.StatusOK, map[string]string{"claim_code": code})
}
