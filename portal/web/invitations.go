package web

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"seccam/portal/account"
	"seccam/portal/store"
)

func (s *server) acceptShare(c echo.Context, user *store.User) error {
	if err := s.Accounts.AcceptShare(c.Request().Context(), user.ID, c.Param("share")); err != nil {
		return err
	}
	return seeOther(c, "/home?done=share-accepted")
}

func (s *server) declineShare(c echo.Context, user *store.User) error {
	if err := s.Accounts.DeclineShare(c.Request().Context(), user.ID, c.Param("share")); err != nil {
		return err
	}
	return seeOther(c, "/home?done=declined")
}

func (s *server) leaveShare(c echo.Context, user *store.User) error {
	if err := s.Accounts.LeaveShare(c.Request().Context(), user.ID, c.Param("share")); err != nil {
		return err
	}
	return seeOther(c, "/home?done=share-left")
}

// inviteView is the page of an invitation's link.
type inviteView struct {
	Secret     string
	Invitation *store.Invitation
	Terms      string
}

// invitePage takes the secret from the address's fragment, which only the browser knows, and posts it.
func (s *server) invitePage(c echo.Context) error {
	user, err := s.user(c)
	if err != nil || user.Pending() {
		user = nil // the page says to log in first, and keeps the invitation meanwhile
	}
	return s.render(c, http.StatusOK, "invite", view{Title: "An invitation", User: user, Script: "invite.js", Data: inviteView{}})
}

func (s *server) lookAtInvite(c echo.Context, user *store.User) error {
	secret, err := s.invitation(c)
	if err != nil {
		return err
	}
	invitation, err := s.Accounts.Invitation(c.Request().Context(), user.ID, secret)
	if err != nil {
		return s.inviteProblem(c, err)
	}
	return s.render(c, http.StatusOK, "invite", view{
		Title: "An invitation", User: user, Data: inviteView{secret, invitation, termsText(invitation.Terms)},
	})
}

func (s *server) acceptInvite(c echo.Context, user *store.User) error {
	secret, err := s.invitation(c)
	if err != nil {
		return err
	}
	if err := s.Accounts.AcceptLink(c.Request().Context(), user.ID, secret); err != nil {
		return s.inviteProblem(c, err)
	}
	return seeOther(c, "/home?done=share-accepted")
}

func (s *server) invitation(c echo.Context) (secret string, err error) {
	values, err := form(c)
	return values.Get("secret"), err
}

// inviteProblem throttles guesses and says that a link is gone.
func (s *server) inviteProblem(c echo.Context, err error) error {
	if wrongLink(err) {
		if late := s.throttleAddress(c, s.limits.token); late != nil {
			return late
		}
		return errNoInvitation
	}
	return err
}

func (s *server) acceptTransfer(c echo.Context, user *store.User) error {
	camera, err := s.takeOver(c, user)
	if err != nil {
		return err
	}
	return seeOther(c, "/cameras/"+camera+"/settings?done=taken-over")
}

// takeOver is the transfer itself, of the page and of the API.
func (s *server) takeOver(c echo.Context, user *store.User) (camera string, err error) {
	ctx := c.Request().Context()
	if camera, err = s.Accounts.AcceptTransfer(ctx, user.ID, c.Param("transfer")); err != nil {
		return "", err
	}
	s.forgetPrivacy(ctx, camera)
	return camera, nil
}

func (s *server) declineTransfer(c echo.Context, user *store.User) error {
	if err := s.Accounts.DeclineTransfer(c.Request().Context(), user.ID, c.Param("transfer")); err != nil {
		return err
	}
	return seeOther(c, "/home?done=declined")
}

// transferView is the page on which a camera is offered to another person.
type transferView struct {
	Camera *store.Camera
	Offer  *store.Transfer // nil: none is open
	Form   filledForm
}

func (s *server) transferPage(c echo.Context, user *store.User, camera *store.Camera) error {
	return s.renderTransfer(c, http.StatusOK, user, camera, newForm(nil))
}

func (s *server) renderTransfer(c echo.Context, status int, user *store.User, camera *store.Camera, f filledForm) error {
	offer, err := s.Accounts.TransferOf(c.Request().Context(), user.ID, camera.ID)
	if err != nil {
		return err
	}
	return s.render(c, status, "transfer", view{
		Title: "Give " + cameraName(*camera) + " to somebody", User: user, Data: transferView{camera, offer, f},
	})
}

func (s *server) offerCamera(c echo.Context, user *store.User, camera *store.Camera) error {
	values, err := form(c)
	if err != nil {
		return err
	}
	_, err = s.offer(c, user, camera, values.Get(account.FieldUsername))
	wrong, err := fieldErrors(err)
	if err != nil {
		return err
	}
	if wrong != nil {
		f := newForm(values, account.FieldUsername)
		f.Errors = wrong
		return s.renderTransfer(c, http.StatusUnprocessableEntity, user, camera, f)
	}
	return seeOther(c, "/cameras/"+camera.ID+"/transfer?done=offered")
}

func (s *server) withdrawTransfer(c echo.Context, user *store.User, camera *store.Camera) error {
	if err := s.Accounts.WithdrawTransfer(c.Request().Context(), user.ID, camera.ID); err != nil {
		return err
	}
	return seeOther(c, "/cameras/"+camera.ID+"/transfer?done=withdrawn")
}

// offer is the offer itself, of the page and of the API.
func (s *server) offer(c echo.Context, user *store.User, camera *store.Camera, username string) (*store.Transfer, error) {
	if err := s.throttle(c, s.limits.invite, strconv.FormatInt(user.ID, 10)); err != nil {
		return nil, err
	}
	return s.Accounts.OfferCamera(c.Request().Context(), user, camera.ID, username)
}

// wrongLink reports whether an invitation's link is none that holds.
func wrongLink(err error) bool { return errors.Is(err, account.ErrNotFound) }

// invited is what an invitation is for, in words. A camera without a name has no better one for others than
// that it is a camera.
func invited(i store.Invitation) string {
	switch {
	case i.What != "":
		return i.What
	case i.CameraID != nil:
		return cameraName(store.Camera{ID: *i.CameraID})
	}
	return "cameras"
}
