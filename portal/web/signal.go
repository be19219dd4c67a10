package web

import (
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"seccam/portal/account"
	"seccam/portal/store"
)

// signal opens the signalling WebSocket for the login of the request.
func (s *server) signal(c echo.Context, user *store.User) error {
	r := c.Request()
	s.Signals.ServeSignals(c.Response(), r, Login{
		UserID: user.ID, Pending: user.Pending(),
		Subject: store.LoginPrefix + s.logins.GetString(r.Context(), keyLogin),
		Alive:   s.alive(r.Context()),
		Actor:   account.ActorOf(r.Context()),
	})
	return nil
}

// signalOf chooses between a person's login and a guest's, since a browser may have both.
func (s *server) signalOf(person, guest echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if c.QueryParam("as") == "guest" {
			return guest(c)
		}
		return person(c)
	}
}

// ownOrigin refuses requests that are not from a page of this portal. Browsers send the cookie with
// a WebSocket whatever page opens it, so the cookie alone proves nothing; they always send Origin.
func (s *server) ownOrigin(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if !s.isOwnOrigin(c.Request()) {
			return errOrigin
		}
		return next(c)
	}
}

func (s *server) isOwnOrigin(r *http.Request) bool {
	from := r.Header.Get("Origin")
	if from == origin(s.public) {
		return true
	}
	u, err := url.Parse(from)
	return err == nil && u.Host != "" && u.Host == r.Host
}
