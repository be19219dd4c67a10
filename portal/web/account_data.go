package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"seccam/portal/account"
	"seccam/portal/store"
)

// export answers with a file, for the page and for programs.
func (s *server) export(c echo.Context, user *store.User) error {
	all, err := s.Accounts.Export(c.Request().Context(), user)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Content-Disposition", `attachment; filename="seccam-account.json"`)
	return c.JSONPretty(http.StatusOK, all, "  ")
}

// deleteView is the page on which an account is deleted, and the last one that its person sees.
type deleteView struct {
	Form    filledForm
	Cameras []store.Camera
	Freed   []account.Freed
	Portal  string
}

func (s *server) deletePage(c echo.Context, user *store.User) error {
	return s.renderDelete(c, http.StatusOK, user, newForm(nil))
}

func (s *server) renderDelete(c echo.Context, status int, user *store.User, f filledForm) error {
	cameras, err := s.Accounts.Cameras(c.Request().Context(), user.ID)
	if err != nil {
		return err
	}
	return s.render(c, status, "delete", view{Title: "Delete your account", User: user, Data: deleteView{Form: f, Cameras: cameras}})
}

// deleteAccount answers with a page and not with a redirect: the claim codes are stored nowhere.
func (s *server) deleteAccount(c echo.Context, user *store.User) error {
	values, err := form(c)
	if err != nil {
		return err
	}
	freed, err := s.removeAccount(c, user, values.Get(account.FieldTyped))
	if err != nil {
		f, status, ok := newForm(values, account.FieldTyped).withError(err)
		if !ok {
			return err
		}
		return s.renderDelete(c, status, user, f)
	}
	return s.render(c, http.StatusOK, "deleted", view{Title: "Your account is deleted", Data: deleteView{Freed: freed, Portal: origin(s.public)}})
}

// removeAccount is the deletion itself, of the page and of the API.
func (s *server) removeAccount(c echo.Context, user *store.User, typed string) ([]account.Freed, error) {
	freed, err := s.Accounts.Delete(c.Request().Context(), user, typed)
	if err != nil {
		return nil, err
	}
	return freed, s.forgetLogin(c)
}

func (s *server) apiDeleteAccount(c echo.Context, user *store.User) error {
	body, err := decode[struct {
		Confirm string `json:"confirm"`
	}](c)
	if err != nil {
		return err
	}
	freed, err := s.removeAccount(c, user, body.Confirm)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"cameras": freed})
}
