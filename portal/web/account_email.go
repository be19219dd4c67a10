package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"seccam/portal/account"
	"seccam/portal/store"
)

// emailView is the part of the account page about mail, and the page on which an address is added.
type emailView struct {
	account.EmailState
	Form filledForm
	Sent bool // mails leave this machine
}

func (s *server) emailView(c echo.Context, user *store.User) (emailView, error) {
	state, err := s.Accounts.Email(c.Request().Context(), user.ID)
	return emailView{EmailState: state, Form: newForm(nil), Sent: s.Accounts.MailSent()}, err
}

func (s *server) emailPage(c echo.Context, user *store.User) error {
	return s.renderEmail(c, http.StatusOK, user, newForm(nil))
}

func (s *server) renderEmail(c echo.Context, status int, user *store.User, f filledForm) error {
	v, err := s.emailView(c, user)
	if err != nil {
		return err
	}
	v.Form = f
	return s.render(c, status, "email", view{Title: "Your mail address", User: user, Data: v})
}

func (s *server) addEmail(c echo.Context, user *store.User) error {
	values, err := form(c)
	if err != nil {
		return err
	}
	if err := s.Accounts.AddEmail(c.Request().Context(), user, values.Get(account.FieldEmail)); err != nil {
		f, status, ok := newForm(values, account.FieldEmail).withError(err)
		if !ok {
			return err
		}
		return s.renderEmail(c, status, user, f)
	}
	return seeOther(c, "/account?done=email-asked#email")
}

func (s *server) removeEmail(c echo.Context, user *store.User) error {
	if err := s.Accounts.RemoveEmail(c.Request().Context(), user.ID); err != nil {
		return err
	}
	return seeOther(c, "/account?done=email-removed")
}

// linkView is a page to which a mail's link leads. The token is in the address's fragment, which browsers send
// to nobody; the page's script moves it into the form. Without scripts it can be pasted.
type linkView struct {
	Form filledForm
	Sent bool
}

func (s *server) verifyPage(c echo.Context) error {
	return s.renderLink(c, http.StatusOK, "verify", "Verify your mail address", newForm(nil))
}

func (s *server) renderLink(c echo.Context, status int, page, title string, f filledForm) error {
	return s.render(c, status, page, view{Title: title, Script: "maillink.js", Data: linkView{f, s.Accounts.MailSent()}})
}

func (s *server) verify(c echo.Context) error {
	values, err := form(c)
	if err != nil {
		return err
	}
	if err := s.verifyEmail(c, values.Get(account.FieldToken)); err != nil {
		return err
	}
	return seeOther(c, "/verified")
}

func (s *server) verifyEmail(c echo.Context, token string) error {
	if err := s.throttleAddress(c, s.limits.reset); err != nil {
		return err
	}
	return s.Accounts.VerifyEmail(c.Request().Context(), token)
}

// verifiedPage is its own, since the link may be opened where nobody is logged in.
func (s *server) verifiedPage(c echo.Context) error {
	return s.render(c, http.StatusOK, "verified", view{Title: "Your address is verified"})
}

func (s *server) forgotPage(c echo.Context) error {
	return s.renderLink(c, http.StatusOK, "forgot", "Forgotten your password?", newForm(nil))
}

// fieldWho is the user name or mail address of somebody who forgot their password.
const fieldWho = "who"

// forgot answers the same, at once, whether or not there is such an account.
func (s *server) forgot(c echo.Context) error {
	values, err := form(c)
	if err != nil {
		return err
	}
	if err := s.askReset(c, values.Get(fieldWho)); err != nil {
		return err
	}
	return seeOther(c, "/forgot/sent")
}

func (s *server) askReset(c echo.Context, who string) error {
	if err := s.throttleAddress(c, s.limits.reset); err != nil {
		return err
	}
	s.Accounts.AskReset(who)
	return nil
}

func (s *server) sentPage(c echo.Context) error {
	return s.renderLink(c, http.StatusOK, "sent", "Look into your mail", newForm(nil))
}

func (s *server) resetPage(c echo.Context) error {
	return s.renderLink(c, http.StatusOK, "reset", "Choose another password", newForm(nil))
}

func (s *server) reset(c echo.Context) error {
	values, err := form(c)
	if err != nil {
		return err
	}
	err = s.resetPassword(c, account.ResetForm{
		Token: values.Get(account.FieldToken), Password: values.Get(account.FieldPassword), PasswordConfirm: values.Get(account.FieldConfirm),
	})
	if err != nil {
		f, status, ok := newForm(values, account.FieldToken).withError(err)
		if !ok {
			return err
		}
		return s.renderLink(c, status, "reset", "Choose another password", f)
	}
	return seeOther(c, "/login?done=password-reset")
}

// resetPassword is the reset itself. It logs nobody in.
func (s *server) resetPassword(c echo.Context, f account.ResetForm) error {
	if err := s.throttleAddress(c, s.limits.reset); err != nil {
		return err
	}
	return s.Accounts.Reset(c.Request().Context(), f)
}

// emailBody is a mail address as its person sees it.
type emailBody struct {
	Address string `json:"address,omitempty"`
	Pending string `json:"pending,omitempty"`
	Sent    bool   `json:"mail_is_sent"`
}

func (s *server) apiEmail(c echo.Context, user *store.User) error {
	v, err := s.emailView(c, user)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, emailBody{v.Address, v.Pending, v.Sent})
}

func (s *server) apiAddEmail(c echo.Context, user *store.User) error {
	body, err := decode[struct {
		Email string `json:"email"`
	}](c)
	if err != nil {
		return err
	}
	if err := s.Accounts.AddEmail(c.Request().Context(), user, body.Email); err != nil {
		return err
	}
	return c.NoContent(http.StatusAccepted)
}

func (s *server) apiRemoveEmail(c echo.Context, user *store.User) error {
	if err := s.Accounts.RemoveEmail(c.Request().Context(), user.ID); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *server) apiVerifyEmail(c echo.Context) error {
	body, err := decode[struct {
		Token string `json:"token"`
	}](c)
	if err != nil {
		return err
	}
	if err := s.verifyEmail(c, body.Token); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *server) apiForgot(c echo.Context) error {
	body, err := decode[struct {
		Who string `json:"who"`
	}](c)
	if err != nil {
		return err
	}
	if err := s.askReset(c, body.Who); err != nil {
		return err
	}
	return c.NoContent(http.StatusAccepted)
}

func (s *server) apiReset(c echo.Context) error {
	body, err := decode[account.ResetForm](c)
	if err != nil {
		return err
	}
	if err := s.resetPassword(c, body); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
