package web

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"seccam/pkg/credential"
	"seccam/portal/account"
	"seccam/portal/store"
)

// enrolView is the page on which people set up a camera of their own.
type enrolView struct {
	Portal string
	Token  string // right after it was made; it is stored nowhere
	Until  time.Time
	Wrong  account.FieldErrors
}

func (s *server) enrolPage(c echo.Context, user *store.User) error {
	return s.renderEnrol(c, http.StatusOK, user, enrolView{})
}

func (s *server) renderEnrol(c echo.Context, status int, user *store.User, v enrolView) error {
	v.Portal = origin(s.public)
	return s.render(c, status, "enrol", view{Title: "Set up a camera", User: user, Script: "sharing.js", Data: v})
}

// createEnrolment answers with the page and not with a redirect: the token is stored nowhere.
func (s *server) createEnrolment(c echo.Context, user *store.User) error {
	token, until, err := s.Accounts.CreateEnrolment(c.Request().Context(), user.ID)
	wrong, err := fieldErrors(err)
	if err != nil {
		return err
	}
	if wrong != nil {
		return s.renderEnrol(c, http.StatusUnprocessableEntity, user, enrolView{Wrong: wrong})
	}
	return s.renderEnrol(c, http.StatusCreated, user, enrolView{Token: token, Until: until})
}

// apiCreateEnrolment is the same for programs.
func (s *server) apiCreateEnrolment(c echo.Context, user *store.User) error {
	token, until, err := s.Accounts.CreateEnrolment(c.Request().Context(), user.ID)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, map[string]any{"token": token, "expires_at": until})
}

// apiEnrol is what a new camera asks.
func (s *server) apiEnrol(c echo.Context) error {
	if err := s.throttleAddress(c, s.limits.claimAddress); err != nil {
		return err
	}
	request, err := decode[credential.EnrolRequest](c)
	if err != nil {
		return err
	}
	if err := s.Accounts.Enrol(c.Request().Context(), request); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, credential.EnrolResponse{Camera: request.Camera, DeviceKey: s.Devices.FirstKey(request.Camera).Hex()})
}
