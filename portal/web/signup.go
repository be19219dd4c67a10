package web

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"seccam/portal/account"
	"seccam/portal/store"
)

func (s *server) signUpPage(c echo.Context) error {
	return s.renderSignUp(c, http.StatusOK, newForm(nil))
}

// labelPage is where the QR code on a camera's label leads. What the label says is behind the address's #: it does
// not come here, and browsers take it along to the page that it is filled in on.
func (s *server) labelPage(c echo.Context) error {
	user, err := s.user(c)
	switch {
	case errors.Is(err, errNoLogin), errors.Is(err, account.ErrExpired):
		return seeOther(c, "/signup")
	case err != nil:
		return err
	case user.Pending():
		return seeOther(c, "/setup")
	}
	return seeOther(c, "/cameras/new")
}

func (s *server) renderSignUp(c echo.Context, status int, f filledForm) error {
	f.Passkeys, f.Provider = s.Factors.WhyNoPasskeys() == "", s.providerName()
	return s.render(c, status, "signup", view{Title: "Sign up", Script: "signup.js", Data: f})
}

func (s *server) signUp(c echo.Context) error {
	values, err := form(c)
	if err != nil {
		return err
	}
	_, err = s.beginSignUp(c, account.SignUpForm{
		Username: values.Get(account.FieldUsername),
		CameraID: values.Get(account.FieldCamera), ClaimCode: values.Get(account.FieldCode),
		Fingerprint: values.Get(account.FieldFingerprint),
		Password:    values.Get(account.FieldPassword), PasswordConfirm: values.Get(account.FieldConfirm),
	})
	if err != nil {
		f, status, ok := newForm(values, account.FieldUsername, account.FieldCamera, account.FieldCode, account.FieldFingerprint).withError(err)
		if !ok {
			return err
		}
		return s.renderSignUp(c, status, f)
	}
	return seeOther(c, "/setup")
}

// beginSignUp is the sign-up itself, of the page and of the API.
func (s *server) beginSignUp(c echo.Context, f account.SignUpForm) (*store.User, error) {
	if err := s.throttleAddress(c, s.limits.signUp); err != nil {
		return nil, err
	}
	user, err := s.Accounts.SignUp(c.Request().Context(), f)
	if err != nil {
		return nil, err
	}
	return user, s.beginLogin(c, user.ID, account.ByPassword)
}
