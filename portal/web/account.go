package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"seccam/portal/store"
)

// accountView is the page of a person's own account; each part has a file of its own.
type accountView struct {
	Username string
	Logins   []openLogin
	Password passwordView
	Factors  factorsView
	Email    emailView
	// Provider is another one to log in by, "" if there is none; Identities are who the person is there.
	Provider   string
	Identities []store.Identity
	Admin      bool // may look at all cameras of the portal
}

func (s *server) accountPage(c echo.Context, user *store.User) error {
	return s.renderAccount(c, http.StatusOK, user, func(*accountView) {})
}

// renderAccount shows the page as it is, changed by the part that has something to say.
func (s *server) renderAccount(c echo.Context, status int, user *store.User, change func(*accountView)) error {
	v := accountView{Username: user.Username, Password: passwordView{Form: newForm(nil), Has: user.PasswordHash != ""}}
	var err error
	if v.Logins, err = s.openLogins(c, user); err != nil {
		return err
	}
	if v.Factors, err = s.factorsView(c, user); err != nil {
		return err
	}
	if v.Email, err = s.emailView(c, user); err != nil {
		return err
	}
	v.Provider = s.providerName()
	if v.Identities, err = s.Accounts.Identities(c.Request().Context(), user.ID); err != nil {
		return err
	}
	if v.Admin, err = s.Fleet.IsAdmin(c.Request().Context(), user.ID); err != nil {
		return err
	}
	change(&v)
	return s.render(c, status, "account", view{Title: "Your account", User: user, Script: "account.js", Data: v})
}
