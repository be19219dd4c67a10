package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"seccam/portal/account"
	"seccam/portal/store"
	"seccam/portal/whep"
)

// tokenScopes says which scope of an API token opens which route. What is not in it is for people: their
// logins, their factors and password, other tokens, and giving a camera away.
var tokenScopes = map[string]account.Scope{
	"GET /account":       account.ScopeAccountRead,
	"GET /account/audit": account.ScopeAuditRead,

	"GET /cameras":               account.ScopeCamerasRead,
	"GET /cameras/:id":           account.ScopeCamerasRead,
	"GET /cameras/:id/config":    account.ScopeCamerasRead,
	"PUT /cameras/:id/config":    account.ScopeCamerasWrite,
	"GET /cameras/:id/privacy":   account.ScopeCamerasRead,
	"GET /cameras/:id/identity":  account.ScopeCamerasRead,
	"POST /cameras":              account.ScopeCamerasWrite,
	"POST /enrolments":           account.ScopeCamerasWrite,
	"PATCH /cameras/:id":         account.ScopeCamerasWrite,
	"PUT /cameras/:id/privacy":   account.ScopeCamerasWrite,
	"POST /cameras/:id/snapshot": account.ScopeWatch,
	"GET /cameras/:id/audit":     account.ScopeAuditRead,

	"GET /cameras/:id/shares":           account.ScopeShare,
	"POST /cameras/:id/shares":          account.ScopeShare,
	"GET /cameras/:id/shares/:share":    account.ScopeShare,
	"PUT /cameras/:id/shares/:share":    account.ScopeShare,
	"DELETE /cameras/:id/shares/:share": account.ScopeShare,
	"GET /cameras/:id/guests":           account.ScopeShare,
	"POST /cameras/:id/guests":          account.ScopeShare,
	"DELETE /cameras/:id/guests/:guest": account.ScopeShare,
	"GET /cameras/:id/tokens":           account.ScopeShare,
	"POST /cameras/:id/tokens":          account.ScopeShare,
	"DELETE /cameras/:id/tokens/:token": account.ScopeShare,
	"GET /groups":                       account.ScopeShare,
	"POST /groups":                      account.ScopeShare,
	"PUT /groups/:group":                account.ScopeShare,
	"DELETE /groups/:group":             account.ScopeShare,
	"GET /invitations":                  account.ScopeShare,
	"POST /invitations/accept":          account.ScopeShare,
	"POST /invitations/:share/accept":   account.ScopeShare,
	"POST /invitations/:share/decline":  account.ScopeShare,
	"DELETE /shares/:share":             account.ScopeShare,
}

// Refusals of API tokens.
var errNotForTokens = errors.New("no API token may do this: log in for it")

// tokenUser is where a request keeps whose API token it showed.
const tokenUser = "user of the API token"

// loadCaller finds who makes a request of the API: by API token, if it shows an Authorization header, and then
// no cookie counts; else by login.
func (s *server) loadCaller(next echo.HandlerFunc) echo.HandlerFunc {
	byLogin := s.loadLogin(next)
	return func(c echo.Context) error {
		if c.Request().Header.Get("Authorization") == "" {
			return byLogin(c)
		}
		scope, some := tokenScopes[c.Request().Method+" "+strings.TrimPrefix(c.Path(), apiPrefix)]
		user, _, err := s.byAPIToken(c, scope)
		if err != nil {
			return err
		}
		if !some {
			return errNotForTokens
		}
		c.Set(tokenUser, user)
		return next(c)
	}
}

// byAPIToken redeems the API token that a request shows, and checks its scope; "" is any.
func (s *server) byAPIToken(c echo.Context, scope account.Scope) (*store.User, *store.APIToken, error) {
	token, user, err := s.Accounts.RedeemAPIToken(c.Request().Context(), bearerOf(c))
	if errors.Is(err, account.ErrNotFound) {
		if late := s.throttleAddress(c, s.limits.token); late != nil {
			return nil, nil, late
		}
		return nil, nil, s.badToken(c)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("API token: %w", err)
	}
	if err := s.throttle(c, s.limits.api, token.ID); err != nil {
		return nil, nil, err
	}
	if scope != "" && !token.May(string(scope)) {
		return nil, nil, s.scopeMissing(c, string(scope))
	}
	s.act(c, account.Actor{Kind: account.ActorToken, Name: token.Name + " of " + user.Username})
	return user, token, nil
}

// scopeMissing is the refusal of a token that holds, but not for this.
func (s *server) scopeMissing(c echo.Context, scope string) error {
	c.Response().Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="`+scope+`"`)
	return problem{Type: problemURN + "scope-missing", Title: "The token may not do this", Status: http.StatusForbidden,
		Detail: "This needs a token with the scope " + scope + "."}
}

// bearerOf is the token of a request's Authorization header, "" if it has none.
func bearerOf(c echo.Context) string {
	scheme, secret, _ := strings.Cut(c.Request().Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(secret)
}

// apiTokenStart begins every API token, so that it is not taken for a view token.
const apiTokenStart = "seccam_pat_"

// watchByAPIToken lets a program watch what its person may watch.
func (s *server) watchByAPIToken(c echo.Context, next watchHandler) error {
	user, token, err := s.byAPIToken(c, account.ScopeWatch)
	if err != nil {
		return err
	}
	access, err := s.access(c, user)
	if err != nil {
		return err
	}
	until := s.Now().Add(loginView)
	if token.ExpiresAt.Before(until) {
		until = token.ExpiresAt
	}
	return next(c, whep.Watcher{
		UserID: user.ID, Camera: access.Camera.ID, Subject: token.Subject(), Until: until,
		Alive: s.apiTokenHolds(token.ID), Actor: account.ActorOf(c.Request().Context()),
	})
}

// apiTokenHolds returns a function that asks the database whether a token still holds.
func (s *server) apiTokenHolds(id string) func(context.Context) bool {
	return func(ctx context.Context) bool {
		holds, err := s.Accounts.APITokenHolds(ctx, id)
		if err != nil && ctx.Err() == nil {
			s.Log.Error("check API token", "token", id, "error", err)
		}
		return holds // what is not known does not hold: the program asks again
	}
}
