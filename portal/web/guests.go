package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"seccam/portal/account"
	"seccam/portal/store"
)

// createGuestLink answers with the page and not with a redirect: the link is stored nowhere.
func (s *server) createGuestLink(c echo.Context, user *store.User, camera *store.Camera) error {
	values, err := form(c)
	if err != nil {
		return err
	}
	asked := account.GuestLinkForm{Name: values.Get(fieldGuestName)}
	if hours, err := strconv.Atoi(values.Get(fieldGuestTime)); err == nil {
		end := s.Now().Add(time.Duration(min(max(hours, -1), 10000)) * time.Hour)
		asked.ExpiresAt = &end
	}
	link, secret, err := s.Accounts.CreateGuestLink(c.Request().Context(), user.ID, camera.ID, asked)
	wrong, err := fieldErrors(err)
	if err != nil {
		return err
	}
	v, err := s.sharingView(c, user, camera)
	if err != nil {
		return err
	}
	if wrong != nil {
		v.Guest = newForm(values, fieldGuestName, fieldGuestTime)
		v.Guest.Errors = renamed(renamed(wrong, account.FieldName, fieldGuestName), account.FieldExpires, fieldGuestTime)
		return s.renderSharing(c, http.StatusUnprocessableEntity, user, v)
	}
	v.Link, v.LinkFor, v.LinkKind = s.linkTo("/guest", secret), link.Name, "guest"
	return s.renderSharing(c, http.StatusCreated, user, v)
}

func (s *server) endGuestLink(c echo.Context, user *store.User, camera *store.Camera) error {
	if err := s.Accounts.EndGuestLink(c.Request().Context(), user.ID, camera.ID, c.Param("guest")); err != nil {
		return err
	}
	return seeOther(c, "/cameras/"+camera.ID+"/sharing?done=guest-ended")
}

// The cookie of a guest, which is bound to one link.
const (
	guestCookie       = "seccam_guest"
	guestCookieSecure = "__Host-seccam-guest"
)

func (s *server) guestCookieName() string {
	if s.public.Scheme == "https" {
		return guestCookieSecure
	}
	return guestCookie
}

// guestPage takes the secret from the address's fragment, which only the browser knows, and posts it.
func (s *server) guestPage(c echo.Context) error {
	return s.render(c, http.StatusOK, "guest", view{Title: "A camera for you", Script: "guest.js", Guest: true})
}

// enterAsGuest takes a link's secret for a cookie.
func (s *server) enterAsGuest(c echo.Context) error {
	values, err := form(c)
	if err != nil {
		return err
	}
	guest, secret, err := s.Accounts.Enter(c.Request().Context(), values.Get("secret"), c.RealIP(), c.Request().UserAgent())
	if err != nil {
		if late := s.throttleAddress(c, s.limits.token); late != nil {
			return late
		}
		return err
	}
	http.SetCookie(c.Response(), &http.Cookie{
		Name: s.guestCookieName(), Value: secret, Path: "/", Expires: guest.Until,
		HttpOnly: true, Secure: s.public.Scheme == "https", SameSite: http.SameSiteStrictMode,
	})
	return seeOther(c, "/guest/watch")
}

// visitorHandler serves a request of somebody who watches by a guest link.
type visitorHandler func(c echo.Context, guest *account.Guest) error

// visitor lets those through whose guest link holds.
func (s *server) visitor(next visitorHandler) echo.HandlerFunc {
	return func(c echo.Context) error {
		secret := ""
		if cookie, err := c.Cookie(s.guestCookieName()); err == nil {
			secret = cookie.Value
		}
		guest, err := s.Accounts.Guest(c.Request().Context(), secret)
		if err != nil {
			return err
		}
		return next(c, guest)
	}
}

func (s *server) guestWatch(c echo.Context, guest *account.Guest) error {
	if err := s.Accounts.GuestUsed(c.Request().Context(), guest, c.RealIP()); err != nil {
		return err
	}
	return s.renderWatch(c, nil, guest.Access, true)
}

// guestSignal opens the signalling WebSocket for a guest.
func (s *server) guestSignal(c echo.Context, guest *account.Guest) error {
	cookie, err := c.Cookie(s.guestCookieName())
	if err != nil {
		return account.ErrLinkEnded
	}
	access := func(ctx context.Context) (account.Access, error) {
		now, err := s.Accounts.Guest(ctx, cookie.Value)
		if err != nil {
			return account.Access{}, err
		}
		return now.Access, nil
	}
	s.Signals.ServeSignals(c.Response(), c.Request(), Login{
		UserID: guest.Link.OwnerID, Guest: guest.Name(), Subject: guest.Grant, Access: access,
		Actor: account.Actor{Kind: account.ActorGuest, Name: guest.Link.Name, Client: clientOf(c)},
		Alive: func(ctx context.Context) bool {
			_, err := access(ctx)
			return !errors.Is(err, account.ErrLinkEnded)
		},
	})
	return nil
}

// guestBody is what a guest may know.
type guestBody struct {
	Camera cameraBody `json:"camera"`
	Until  time.Time  `json:"until"`
}

func (s *server) apiGuest(c echo.Context, guest *account.Guest) error {
	return c.JSON(http.StatusOK, guestBody{s.accessBody(guest.Access), guest.Until.UTC()})
}
