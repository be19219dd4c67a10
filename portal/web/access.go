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

// viewHandler serves a request about a camera that the person may watch.
type viewHandler func(c echo.Context, user *store.User, access account.Access) error

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
		s.act(c, account.Actor{Kind: account.ActorPerson, Name: user.Username})
		return next(c, user)
	}
}

// act says who does what the request does, for the audit log.
func (s *server) act(c echo.Context, actor account.Actor) {
	if c.Get(tokenUser) != nil {
		return // it is the program's deed
	}
	actor.Client = clientOf(c)
	c.SetRequest(c.Request().WithContext(account.As(c.Request().Context(), actor)))
}

// someone has every request say at least from where it comes.
func (s *server) someone(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		s.act(c, account.Actor{Kind: account.ActorNobody})
		return next(c)
	}
}

// newcomer lets people with an unfinished sign-up through.
func (s *server) newcomer(next userHandler) echo.HandlerFunc {
	return func(c echo.Context) error {
		user, err := s.user(c)
		if err != nil {
			return err
		}
		s.act(c, account.Actor{Kind: account.ActorPerson, Name: user.Username})
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

// memberCamera lets a camera's owner through. Whoever it is shared with may not, and for everybody else it
// does not exist.
func (s *server) memberCamera(next cameraHandler) echo.HandlerFunc {
	return s.member(func(c echo.Context, user *store.User) error {
		access, err := s.access(c, user)
		var closed *account.OutsideHoursError
		if errors.As(err, &closed) || err == nil && !access.Owns() {
			return errOwnerOnly
		}
		if err != nil {
			return err
		}
		return next(c, user, access.Camera)
	})
}

// viewerCamera lets a camera's owner through, and those with whom it is shared now.
func (s *server) viewerCamera(next viewHandler) echo.HandlerFunc {
	return s.member(func(c echo.Context, user *store.User) error {
		access, err := s.access(c, user)
		if err != nil {
			return err
		}
		return next(c, user, access)
	})
}

// access is what a person may do with the camera that the address names.
func (s *server) access(c echo.Context, user *store.User) (account.Access, error) {
	id := canonical(c.Param("id"))
	if id == "" {
		return account.Access{}, account.ErrNotFound
	}
	return s.Accounts.Access(c.Request().Context(), user.ID, id)
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
