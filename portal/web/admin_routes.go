package web

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"seccam/portal/account"
	"seccam/portal/fleet"
	"seccam/portal/store"
)

// adminPrefix is the root of what programs of whoever runs the portal call. Their tokens open nothing else, and
// nothing else opens it.
const adminPrefix = apiPrefix + "/admin"

// adminAPI is every route of the admin API, with the scope that opens it. None leads to a picture, or to what an
// owner calls a camera.
func (s *server) adminAPI(e *echo.Echo) {
	for _, route := range s.adminRoutes() {
		e.Add(route.method, adminPrefix+route.path, s.admin(route.scope, route.handle))
	}
}

// errBadAdmin says what kind of token is missing.
var errBadAdmin = errors.New("this needs an admin token that holds, as portal admin-token makes it")

type adminRoute struct {
	method, path string
	scope        fleet.Scope
	handle       adminHandler
}

func (s *server) adminRoutes() []adminRoute {
	return []adminRoute{
		{http.MethodGet, "/cameras", fleet.ScopeRead, s.adminCameras},
		{http.MethodPost, "/cameras", fleet.ScopeProvision, s.adminProvision},
		{http.MethodGet, "/cameras/:id", fleet.ScopeRead, s.adminCamera},
		{http.MethodPost, "/cameras/:id/revoke", fleet.ScopeKeys, s.adminRevoke},
		{http.MethodPost, "/cameras/:id/rotate-key", fleet.ScopeKeys, s.adminRotate},
		{http.MethodGet, "/export", fleet.ScopeRead, s.adminExport},
		{http.MethodGet, "/log", fleet.ScopeLog, s.adminLog},
	}
}

// adminHandler serves a request of a program by an admin token. The fleet records what is done in its name.
type adminHandler func(c echo.Context, f *fleet.Service) error

// admin lets programs through that show an admin token with a scope. No login counts.
func (s *server) admin(scope fleet.Scope, next adminHandler) echo.HandlerFunc {
	return func(c echo.Context) error {
		token, err := s.Fleet.Redeem(c.Request().Context(), bearerOf(c))
		if errors.Is(err, store.ErrNotFound) {
			if late := s.throttleAddress(c, s.limits.token); late != nil {
				return late
			}
			return errors.Join(errBadAdmin, s.badToken(c))
		}
		if err != nil {
			return fmt.Errorf("admin token: %w", err)
		}
		if err := s.throttle(c, s.limits.api, token.ID); err != nil {
			return err
		}
		if !token.May(string(scope)) {
			return s.scopeMissing(c, string(scope))
		}
		name := "admin token " + token.Name
		s.act(c, account.Actor{Kind: account.ActorOperator, Name: name})
		return next(c, s.Fleet.By(store.Operator{Name: name, Address: c.RealIP()}))
	}
}
