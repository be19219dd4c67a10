package web

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"seccam/portal/account"
	"seccam/portal/store"
)

// openLogin is one place where a person is logged in, for them to recognise.
type openLogin struct {
	ID         string    `json:"id"`
	Current    bool      `json:"current"` // of this request
	Device     string    `json:"device"`
	Address    string    `json:"address"`
	Place      string    `json:"place,omitempty"`
	Method     string    `json:"method"`
	CreatedAt  time.Time `json:"created_at"`
	LastUsedAt time.Time `json:"last_used_at"`
}

func (s *server) openLogins(c echo.Context, user *store.User) ([]openLogin, error) {
	current, err := s.login(c)
	if err != nil {
		return nil, err
	}
	list, err := s.Accounts.Logins(c.Request().Context(), user.ID)
	if err != nil {
		return nil, err
	}
	views := make([]openLogin, 0, len(list))
	for _, login := range list {
		v := openLogin{
			ID: login.ID, Current: login.ID == current.ID, Device: deviceName(login.Agent), Address: login.Address,
			Place: s.Places.Of(login.Address), Method: login.Method,
			CreatedAt: login.CreatedAt.UTC(), LastUsedAt: login.LastUsedAt.UTC(),
		}
		if v.Current {
			views = append([]openLogin{v}, views...)
		} else {
			views = append(views, v)
		}
	}
	return views, nil
}

// endLoginOf ends one of the person's logins, the one of this request too if it is that.
func (s *server) endLoginOf(c echo.Context, user *store.User, id string) (own bool, err error) {
	current, err := s.login(c)
	if err != nil {
		return false, err
	}
	if err := s.Accounts.EndLogin(c.Request().Context(), user.ID, id); err != nil {
		return false, err
	}
	if id == current.ID {
		return true, s.forgetLogin(c)
	}
	return false, nil
}

// endAllLogins ends the person's logins: everywhere, or everywhere else.
func (s *server) endAllLogins(c echo.Context, user *store.User, elsewhere bool) error {
	current, err := s.login(c)
	if err != nil {
		return err
	}
	keep := ""
	if elsewhere {
		keep = current.ID
	}
	if _, err := s.Accounts.EndLogins(c.Request().Context(), user.ID, keep); err != nil {
		return err
	}
	if elsewhere {
		return nil
	}
	return s.forgetLogin(c)
}

func (s *server) endOneLogin(c echo.Context, user *store.User) error {
	own, err := s.endLoginOf(c, user, c.Param("login"))
	if err != nil {
		return err
	}
	if own {
		return seeOther(c, "/login?done=signed-out")
	}
	return seeOther(c, "/account?done=login-ended")
}

func (s *server) endLogins(c echo.Context, user *store.User) error {
	values, err := form(c)
	if err != nil {
		return err
	}
	elsewhere := values.Get("where") == "elsewhere"
	if err := s.endAllLogins(c, user, elsewhere); err != nil {
		return err
	}
	if elsewhere {
		return seeOther(c, "/account?done=logins-ended")
	}
	return seeOther(c, "/login?done=signed-out-everywhere")
}

func (s *server) apiLogins(c echo.Context, user *store.User) error {
	views, err := s.openLogins(c, user)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"logins": views})
}

func (s *server) apiEndLogin(c echo.Context, user *store.User) error {
	if _, err := s.endLoginOf(c, user, c.Param("login")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// apiEndLogins ends every login, or with ?where=elsewhere all but this one.
func (s *server) apiEndLogins(c echo.Context, user *store.User) error {
	where := c.QueryParam("where")
	if where != "" && where != "elsewhere" {
		return account.FieldErrors{"where": "This is elsewhere, or absent for everywhere."}
	}
	if err := s.endAllLogins(c, user, where == "elsewhere"); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
