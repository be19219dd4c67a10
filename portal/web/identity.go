package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"seccam/portal/account"
	"seccam/portal/store"
)

// identityView is the page about a camera's certificate.
type identityView struct {
	Camera *store.Camera
	Form   filledForm
}

func (s *server) identityPage(c echo.Context, user *store.User, camera *store.Camera) error {
	return s.renderIdentity(c, http.StatusOK, user, camera, filledForm{})
}

func (s *server) renderIdentity(c echo.Context, status int, user *store.User, camera *store.Camera, f filledForm) error {
	return s.render(c, status, "identity", view{
		Title: "Certificate of " + cameraName(*camera), User: user, Script: "identity.js", Data: identityView{camera, f},
	})
}

// acceptIdentity pins the certificate that the page showed, and no other that came meanwhile: the form
// carries it. The end of it has to be typed, so that it is not done in passing.
func (s *server) acceptIdentity(c echo.Context, user *store.User, camera *store.Camera) error {
	values, err := form(c)
	if err != nil {
		return err
	}
	if camera.IdentityChanged() && !account.ConfirmsIdentity(camera, values.Get(account.FieldConfirmIdentity)) {
		f, status, _ := newForm(values, account.FieldConfirmIdentity).withError(account.FieldErrors{
			account.FieldConfirmIdentity: "This is not how the new fingerprint ends. Compare it with what the camera prints, then type its last eight characters.",
		})
		return s.renderIdentity(c, status, user, camera, f)
	}
	if err := s.Accounts.AcceptIdentity(c.Request().Context(), user.ID, camera, values.Get(account.FieldFingerprint)); err != nil {
		return err
	}
	return seeOther(c, "/cameras/"+camera.ID+"/identity?done=identity")
}

// identityBody is what is known of a camera's certificate: which one is pinned, and which one it proved to
// have when it last connected.
type identityBody struct {
	Pinned   string `json:"pinned,omitempty"`
	Reported string `json:"reported,omitempty"`
	Changed  bool   `json:"changed"`
}

func (s *server) apiIdentity(c echo.Context, _ *store.User, camera *store.Camera) error {
	return c.JSON(http.StatusOK, identityBody{camera.PinnedFingerprint, camera.Fingerprint, camera.IdentityChanged()})
}

// acceptBody names the certificate to pin, as a whole.
type acceptBody struct {
	Fingerprint string `json:"fingerprint"`
}

func (s *server) apiAcceptIdentity(c echo.Context, user *store.User, camera *store.Camera) error {
	body, err := decode[acceptBody](c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	if err := s.Accounts.AcceptIdentity(ctx, user.ID, camera, body.Fingerprint); err != nil {
		return err
	}
	if camera, err = s.Accounts.Camera(ctx, user.ID, camera.ID); err != nil {
		return err
	}
	return s.apiIdentity(c, user, camera)
}
