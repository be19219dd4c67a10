package web

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"

	"github.com/labstack/echo/v4"

	"seccam/portal/account"
	"seccam/portal/store"
)

// passwordView is the part of the account page about the password.
type passwordView struct {
	Form filledForm
	Has  bool // an account of passkeys only has none
}

func (s *server) changePassword(c echo.Context, user *store.User) error {
	values, err := form(c)
	if err != nil {
		return err
	}
	err = s.setPassword(c, user, account.PasswordForm{
		Current: values.Get(account.FieldCurrent), Password: values.Get(account.FieldPassword),
		PasswordConfirm: values.Get(account.FieldConfirm),
	})
	if err != nil {
		f, status, ok := newForm(nil).withError(err)
		if !ok {
			return err
		}
		return s.renderAccount(c, status, user, func(v *accountView) { v.Password.Form = f })
	}
	return seeOther(c, "/account?done=password-changed")
}

// setPassword is the change itself, of the page and of the API.
func (s *server) setPassword(c echo.Context, user *store.User, f account.PasswordForm) error {
	login, err := s.login(c)
	if err != nil {
		return err
	}
	if user.PasswordHash == "" && !s.Accounts.Proven(login) {
		return errNoProof
	}
	return s.guarded(c, user, func() error {
		return s.Accounts.ChangePassword(c.Request().Context(), user, login, f)
	})
}

// guarded throttles what tries the user's password, as log-ins are throttled: a stolen cookie is no place
// to guess at.
func (s *server) guarded(c echo.Context, user *store.User, try func() error) error {
	if err := s.throttleLogIn(c, user.Username); err != nil {
		return err
	}
	err := try()
	if err == nil {
		s.forgive(c, s.limits.guess, guessKey(c, user.Username))
	}
	return err
}

// proven lets people through who proved lately who they are.
func (s *server) proven(next userHandler) echo.HandlerFunc {
	return s.member(func(c echo.Context, user *store.User) error {
		login, err := s.login(c)
		if err != nil {
			return err
		}
		if !s.Accounts.Proven(login) {
			return errNoProof
		}
		return next(c, user)
	})
}

// accountPath is a page of the account: a proof leads on to nowhere else.
var accountPath = regexp.MustCompile(`^/account(/[a-z-]+)*$`)

// fieldNext is where a proof leads on to.
const fieldNext = "next"

// proofPath asks for a proof and leads back to the page. What was posted is not posted again.
func proofPath(r *http.Request) string {
	if r.Method == http.MethodGet && accountPath.MatchString(r.URL.Path) {
		return "/account/proof?" + url.Values{fieldNext: {r.URL.Path}}.Encode()
	}
	return "/account/proof"
}

// proofView is the page that asks a person to prove who they are.
type proofView struct {
	Form     filledForm
	Next     string
	Password bool
	Passkeys bool // the person has some, and they work here
}

func nextPage(path string) string {
	if accountPath.MatchString(path) {
		return path
	}
	return "/account"
}

func (s *server) proofPage(c echo.Context, user *store.User) error {
	return s.renderProof(c, http.StatusOK, user, newForm(nil), c.QueryParam(fieldNext))
}

func (s *server) renderProof(c echo.Context, status int, user *store.User, f filledForm, next string) error {
	factors, err := s.factorsView(c, user)
	if err != nil {
		return err
	}
	return s.render(c, status, "proof", view{Title: "Prove that it is you", User: user, Script: "proof.js", Data: proofView{
		Form: f, Next: nextPage(next), Password: user.PasswordHash != "",
		Passkeys: len(factors.Passkeys) > 0 && factors.WhyNoPasskeys == "",
	}})
}

func (s *server) prove(c echo.Context, user *store.User) error {
	values, err := form(c)
	if err != nil {
		return err
	}
	if err := s.provePassword(c, user, values.Get(account.FieldCurrent)); err != nil {
		f, status, ok := newForm(nil).withError(err)
		if !ok {
			return err
		}
		return s.renderProof(c, status, user, f, values.Get(fieldNext))
	}
	return seeOther(c, nextPage(values.Get(fieldNext)))
}

func (s *server) provePassword(c echo.Context, user *store.User, password string) error {
	login, err := s.login(c)
	if err != nil {
		return err
	}
	return s.guarded(c, user, func() error {
		err := s.Accounts.Prove(c.Request().Context(), user, login.ID, password)
		if errors.Is(err, account.ErrNotFound) {
			return errNoLogin // it ended meanwhile
		}
		return err
	})
}

// proofBody is what a program sends to prove that its person is there.
type proofBody struct {
	Current string `json:"current_password"`
}

func (s *server) apiProve(c echo.Context, user *store.User) error {
	body, err := decode[proofBody](c)
	if err != nil {
		return err
	}
	if err := s.provePassword(c, user, body.Current); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *server) apiChangePassword(c echo.Context, user *store.User) error {
	body, err := decode[account.PasswordForm](c)
	if err != nil {
		return err
	}
	if err := s.setPassword(c, user, body); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
