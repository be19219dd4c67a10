package web

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"seccam/portal/account"
	"seccam/portal/store"
	"seccam/portal/whep"
)

// loginView bounds a view by a login: unlike a page, a program does not show that it still has it.
const loginView = 24 * time.Hour

// watchHandler serves a request of somebody who may watch a camera.
type watchHandler func(c echo.Context, w whep.Watcher) error

// watcher lets those through who show a view token of the camera or an API token, and by login its owner and those with
// whom it is shared. Where there is an Authorization header, cookies do not count.
func (s *server) watcher(next watchHandler) echo.HandlerFunc {
	byLogin := s.loadLogin(s.viewerCamera(func(c echo.Context, user *store.User, access account.Access) error {
		ctx := c.Request().Context()
		return next(c, whep.Watcher{
			UserID: user.ID, Camera: access.Camera.ID, Subject: store.LoginPrefix + s.logins.GetString(ctx, keyLogin),
			Until: s.Now().Add(loginView), Alive: s.alive(ctx), Actor: account.ActorOf(ctx),
		})
	}))
	byToken := s.bearer(next)
	return func(c echo.Context) error {
		if strings.HasPrefix(bearerOf(c), apiTokenStart) {
			return s.watchByAPIToken(c, next)
		}
		if c.Request().Header.Get("Authorization") != "" {
			return byToken(c)
		}
		err := byLogin(c)
		if errors.Is(err, errNoLogin) {
			c.Response().Header().Set("WWW-Authenticate", "Bearer")
		}
		return err
	}
}

// bearer lets those through who show a view token, in the path or as Authorization.
func (s *server) bearer(next watchHandler) echo.HandlerFunc {
	return func(c echo.Context) error {
		token, err := s.redeem(c)
		if err != nil {
			if late := s.throttleAddress(c, s.limits.token); late != nil {
				return late
			}
			return err
		}
		w := whep.Watcher{
			UserID: token.UserID, Camera: token.CameraID, Token: token.ID, Subject: token.Subject(),
			Alive: s.tokenHolds(token.ID), Actor: account.Actor{Kind: account.ActorProgram, Name: token.Name, Client: clientOf(c)},
		}
		if token.ExpiresAt != nil {
			w.Until = *token.ExpiresAt
		}
		return next(c, w)
	}
}

// redeem finds the token that a request shows. Neither it nor the path may get into an error's text.
func (s *server) redeem(c echo.Context) (*store.ViewToken, error) {
	ctx := c.Request().Context()
	if secret := c.Param("token"); secret != "" {
		return s.Accounts.RedeemViewToken(ctx, secret)
	}
	token, err := s.Accounts.RedeemViewToken(ctx, bearerOf(c))
	if errors.Is(err, account.ErrNotFound) {
		return nil, s.badToken(c)
	}
	if err == nil && token.CameraID != canonical(c.Param("id")) {
		return nil, account.ErrNotFound
	}
	return token, err
}

func (s *server) badToken(c echo.Context) error {
	c.Response().Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
	return errBadToken
}

// tokenHolds returns a function that asks the database whether a token still holds.
func (s *server) tokenHolds(id string) func(context.Context) bool {
	return func(ctx context.Context) bool {
		holds, err := s.Accounts.ViewTokenHolds(ctx, id)
		if err != nil && ctx.Err() == nil {
			s.Log.Error("check view token", "token", id, "error", err)
		}
		return holds // what is not known does not hold: the program asks again
	}
}

// byToken reports whether a request itself shows what it may, so that no cookie counts. Then it does not
// matter which site's page it comes from.
func byToken(c echo.Context) bool {
	path := c.Path()
	return strings.HasPrefix(path, whepToken) ||
		strings.HasPrefix(path, whepCamera) && c.Request().Header.Get("Authorization") != ""
}

// anyOrigin lets pages of other origins use what a token allows (CORS). "*" never goes with cookies: browsers
// then keep the answer from the page.
func anyOrigin(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		header := c.Response().Header()
		preflight := c.Request().Method == http.MethodOptions
		if preflight {
			header.Set("Access-Control-Allow-Methods", "OPTIONS, POST, PATCH, DELETE")
			header.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match")
			header.Set("Access-Control-Max-Age", "86400")
		}
		if preflight || byToken(c) {
			header.Set("Access-Control-Allow-Origin", "*")
			header.Set("Access-Control-Expose-Headers", "Location, ETag, Link, Accept-Patch, Accept-Post, Retry-After, WWW-Authenticate")
			header.Set("Cross-Origin-Resource-Policy", "cross-origin")
		}
		return next(c)
	}
}

// noReferrer keeps an address with a token in it from whatever an answer may lead to.
func noReferrer(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Response().Header().Set("Referrer-Policy", "no-referrer")
		return next(c)
	}
}
