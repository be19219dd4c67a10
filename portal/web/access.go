package web

import (
	"errors"

	"github.com/labstack/echo/v4"

	"seccam/pkg/credential"
	"seccam/portal/account"
	"seccam/portal/store"
)

// userHandler serves a request of a person who is logged in.
type userHandler func(c echo.Context, user *store.User) error

// cameraHandler serves a request about a camera that the person owns.
type cameraHandler func(c echo.Context, user *store.User, camera *store.Camera) error

// guest lets people without a login through and sends the others to where they belong.
func (s *server) guest(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		user, err := s.user(c)
		switch {
		case errors.Is(err, errNoLogin), errors.Is(err, account.ErrExpired):
			return next(c)
		case err != nil:
			return err
		}
		return seeOther(c, startPage(user))
	}
}

// loggedIn lets everybody with a login through, whether or not the sign-up is finished.
func (s *server) loggedIn(next userHandler) echo.HandlerFunc {
	return func(c echo.Context) error {
		user, err := s.user(c)
		if errors.Is(err, account.ErrExpired) {
			return errNoLogin
		}
		if err != nil {
			return err
		}
		return next(c, user)
	}
}

// newcomer lets people with an unfinished sign-up through.
func (s *server) newcomer(next userHandler) echo.HandlerFunc {
	return func(c echo.Context) error {
		user, err := s.user(c)
		if err != nil {
			return err
		}
		if !user.Pending() {
			return errFinished
		}
		return next(c, user)
	}
}

// member lets people with a finished sign-up through.
func (s *server) member(next userHandler) echo.HandlerFunc {
	return s.loggedIn(func(c echo.Context, user *store.User) error {
		if user.Pending() {
			return errUnfinished
		}
		return next(c, user)
	})
}

// memberCamera lets a camera's owner through. For everybody else it does not exist.
func (s *server) memberCamera(next cameraHandler) echo.HandlerFunc {
	return s.member(func(c echo.Context, user *store.User) error {
		id := canonical(c.Param("id"))
		if id == "" {
			return account.ErrNotFound
		}
		camera, err := s.Accounts.Camera(c.Request().Context(), user.ID, id)
		if err != nil {
			return err
		}
		return next(c, user, camera)
	})
}

// canonical is a camera id as the store has it, "" for what is none.
func canonical(typed string) string {
	id, err := credential.ParseCode(typed)
	if err != nil {
		return ""
	}
	return id
}

func startPage(user *store.User) string {
	if user.Pending() {
		return "/setup"
	}
	return "/home"
}
