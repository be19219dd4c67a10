package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"seccam/portal/account"
	"seccam/portal/store"
)

func (s *server) front(c echo.Context) error { return seeOther(c, "/login") }

func (s *server) logInPage(c echo.Context) error {
	return s.renderLogIn(c, http.StatusOK, newForm(nil))
}

func (s *server) renderLogIn(c echo.Context, status int, f filledForm) error {
	f.Passkeys, f.Provider = s.Factors.WhyNoPasskeys() == "", s.providerName()
	return s.render(c, status, "login", view{Title: "Log in", Script: "login.js", Data: f})
}

func (s *server) logIn(c echo.Context) error {
	values, err := form(c)
	if err != nil {
		return err
	}
	user, complete, err := s.checkLogIn(c, values.Get(account.FieldUsername), values.Get(account.FieldPassword))
	if err != nil {
		f, status, ok := newForm(values, account.FieldUsername).withError(err)
		if !ok {
			return err
		}
		return s.renderLogIn(c, status, f)
	}
	if !complete {
		return seeOther(c, "/login/second")
	}
	return seeOther(c, startPage(user))
}

// checkLogIn is the log-in itself, of the page and of the API. It is not complete if a second factor is
// wanted.
func (s *server) checkLogIn(c echo.Context, username, password string) (user *store.User, complete bool, err error) {
	defer func() { s.Figures.logIn(account.ByPassword, complete, err) }()
	if err := s.throttleLogIn(c, username); err != nil {
		return nil, false, err
	}
	user, err = s.Accounts.LogIn(c.Request().Context(), username, password)
	if err != nil {
		return nil, false, err
	}
	s.forgive(c, s.limits.guess, guessKey(c, username))
	complete, err = s.firstFactorGiven(c, user, account.ByPassword)
	return user, complete, err
}

func (s *server) logOut(c echo.Context) error {
	if err := s.endLogin(c); err != nil {
		return err
	}
	return seeOther(c, "/login?done=signed-out")
}
