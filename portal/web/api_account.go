package web

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"seccam/portal/account"
	"seccam/portal/store"
)

// accountBody is an account as the API shows it to its owner.
type accountBody struct {
	Username     string     `json:"username"`
	Pending      bool       `json:"pending"`
	PendingUntil *time.Time `json:"pending_until,omitempty"`
	CreatedAt    time.Time  `json:"created_at"`
}

func newAccountBody(user *store.User) accountBody {
	return accountBody{user.Username, user.Pending(), user.PendingUntil, user.CreatedAt.UTC()}
}

func (s *server) apiSignUp(c echo.Context) error {
	f, err := decode[account.SignUpForm](c)
	if err != nil {
		return err
	}
	user, err := s.beginSignUp(c, f)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, newAccountBody(user))
}

func (s *server) apiConfirm(c echo.Context, user *store.User) error {
	ctx := c.Request().Context()
	if err := s.Accounts.Confirm(ctx, user.ID); err != nil {
		return err
	}
	user, err := s.Accounts.User(ctx, user.ID)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, newAccountBody(user))
}

func (s *server) apiCancel(c echo.Context, user *store.User) error {
	if err := s.Accounts.Cancel(c.Request().Context(), user.ID); err != nil {
		return err
	}
	if err := s.endLogin(c); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// logInBody is what a program sends to log in.
type logInBody struct {
	Username string `json:"username"`
	Password string `json:"password"`
}

func (s *server) apiLogIn(c echo.Context) error {
	body, err := decode[logInBody](c)
	if err != nil {
		return err
	}
	user, complete, err := s.checkLogIn(c, body.Username, body.Password)
	if err != nil {
		return err
	}
	if !complete {
		wanted, err := s.secondWanted(c.Request().Context(), user)
		if err != nil {
			return err
		}
		return c.JSON(http.StatusAccepted, wanted)
	}
	return c.JSON(http.StatusOK, newAccountBody(user))
}

func (s *server) apiLogOut(c echo.Context) error {
	if err := s.endLogin(c); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// apiAccount also serves people who have not finished their sign-up.
func (s *server) apiAccount(c echo.Context, user *store.User) error {
	return c.JSON(http.StatusOK, newAccountBody(user))
}
