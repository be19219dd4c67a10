package web

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/labstack/echo/v4"

	"seccam/pkg/credential"
	"seccam/portal/account"
	"seccam/portal/store"
)

// How long a login lasts: loginIdle without a visit, loginMax in all. A visit is recorded once per
// loginTouch, so that not every page costs a write.
const (
	loginIdle  = 7 * 24 * time.Hour
	loginMax   = 30 * 24 * time.Hour
	loginTouch = time.Hour
)

// Keys of what a login session holds.
const (
	keyUser    = "user"    // int64
	keyLogin   = "login"   // the id of the [store.Login]
	keyTouched = "touched" // int64, Unix seconds
)

// logins keeps login sessions. Unlike scs's own middleware it writes only when something changed,
// and a failed write is an error of the request.
type logins struct {
	*scs.SessionManager
	now func() time.Time
}

func newLogins(store scs.CtxStore, secure bool, now func() time.Time) *logins {
	// Not scs.New: it starts a memory store whose goroutine would never end.
	m := &scs.SessionManager{Store: store, Codec: scs.GobCodec{}}
	m.HashTokenInStore = true
	m.IdleTimeout, m.Lifetime = loginIdle, loginMax
	m.Cookie = scs.SessionCookie{
		Name: "seccam_session", Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Persist: true,
	}
	if secure {
		m.Cookie.Name, m.Cookie.Secure = "__Host-seccam", true
	}
	return &logins{m, now}
}

// loginLoaded is set on a request once its login may be asked for.
const loginLoaded = "login loaded"

// loadLogin finds the login of a request, if it has one.
func (s *server) loadLogin(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		token := ""
		if cookie, err := c.Cookie(s.logins.Cookie.Name); err == nil {
			token = cookie.Value
		}
		ctx, err := s.logins.Load(c.Request().Context(), token)
		if err != nil {
			return fmt.Errorf("load login: %w", err)
		}
		c.SetRequest(c.Request().WithContext(ctx))
		c.Set(loginLoaded, true)
		if err := s.logins.touch(c); err != nil {
			return err
		}
		return next(c)
	}
}

// touch puts the idle limit off.
func (l *logins) touch(c echo.Context) error {
	ctx := c.Request().Context()
	touched := l.GetInt64(ctx, keyTouched)
	if touched == 0 || l.now().Unix()-touched < int64(loginTouch.Seconds()) {
		return nil
	}
	return l.save(c)
}

func (l *logins) save(c echo.Context) error {
	ctx := c.Request().Context()
	l.Put(ctx, keyTouched, l.now().Unix())
	token, expiry, err := l.Commit(ctx)
	if err != nil {
		return fmt.Errorf("save login: %w", err)
	}
	l.WriteSessionCookie(ctx, c.Response(), token, expiry)
	c.Response().Header().Set("Cache-Control", "no-store") // scs adds a weaker one
	return nil
}

// renew gives the session a new token and nothing else, so that a token known before is worth nothing
// (session fixation).
func (l *logins) renew(ctx context.Context) error {
	if err := errors.Join(l.RenewToken(ctx), l.Clear(ctx)); err != nil {
		return fmt.Errorf("renew login: %w", err)
	}
	return nil
}

// sessionKey is the key under which the store keeps the session: scs hashes the token the same way.
func (l *logins) sessionKey(ctx context.Context) string {
	sum := sha256.Sum256([]byte(l.Token(ctx)))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// beginLogin logs a user in, in the place of whoever was logged in here before.
func (s *server) beginLogin(c echo.Context, userID int64, method string) error {
	if err := s.endLogin(c); err != nil {
		return err
	}
	ctx := c.Request().Context()
	if err := s.logins.renew(ctx); err != nil {
		return err
	}
	id := credential.NewCode()
	s.logins.Put(ctx, keyUser, userID)
	s.logins.Put(ctx, keyLogin, id)
	if err := s.logins.save(c); err != nil {
		return err
	}
	return s.Accounts.BeginLogin(ctx, userID, id, s.logins.sessionKey(ctx), method, clientOf(c))
}

func clientOf(c echo.Context) account.Client {
	return account.Client{Address: c.RealIP(), Agent: c.Request().UserAgent()}
}

// endLogin ends the login of a request, here and wherever its WebSockets are served.
func (s *server) endLogin(c echo.Context) error {
	ctx := c.Request().Context()
	id := s.logins.GetString(ctx, keyLogin)
	if id == "" {
		return nil
	}
	err := s.Accounts.EndLogin(ctx, s.logins.GetInt64(ctx, keyUser), id)
	if err != nil && !errors.Is(err, account.ErrNotFound) {
		return fmt.Errorf("end login: %w", err)
	}
	return s.forgetLogin(c)
}

// forgetLogin removes a login that has ended from the browser.
func (s *server) forgetLogin(c echo.Context) error {
	ctx := c.Request().Context()
	if err := s.logins.Destroy(ctx); err != nil {
		return fmt.Errorf("end login: %w", err)
	}
	c.Set(currentLogin, nil)
	s.logins.WriteSessionCookie(ctx, c.Response(), "", time.Time{})
	c.Response().Header().Set("Cache-Control", "no-store")
	return nil
}

// user returns the account of a request's login. It is errNoLogin without one, and
// account.ErrExpired if the sign-up that the login belongs to is gone.
func (s *server) user(c echo.Context) (*store.User, error) {
	if user, ok := c.Get(tokenUser).(*store.User); ok {
		return user, nil
	}
	ctx := c.Request().Context()
	id := s.logins.GetInt64(ctx, keyUser)
	if id == 0 {
		return nil, errNoLogin
	}
	user, err := s.Accounts.User(ctx, id)
	if errors.Is(err, account.ErrNotFound) {
		return nil, account.ErrExpired
	}
	if err != nil {
		return nil, err
	}
	_, err = s.login(c)
	return user, err
}

// currentLogin is where a request keeps its [store.Login] once that was looked up.
const currentLogin = "current login"

// login returns the login of a request, errNoLogin if it has ended.
func (s *server) login(c echo.Context) (*store.Login, error) {
	if known, ok := c.Get(currentLogin).(*store.Login); ok {
		return known, nil
	}
	ctx := c.Request().Context()
	login, err := s.Accounts.UseLogin(ctx, s.logins.GetString(ctx, keyLogin), clientOf(c))
	if errors.Is(err, account.ErrNotFound) {
		return nil, errNoLogin
	}
	if err != nil {
		return nil, fmt.Errorf("find login: %w", err)
	}
	c.Set(currentLogin, login)
	return login, nil
}

// alive returns a function that asks the database whether this request's login still holds.
func (s *server) alive(ctx context.Context) func(context.Context) bool {
	session, id, userID := s.logins.sessionKey(ctx), s.logins.GetString(ctx, keyLogin), s.logins.GetInt64(ctx, keyUser)
	return func(ctx context.Context) bool {
		holds, err := s.Accounts.LoginHolds(ctx, id, session)
		if err != nil && ctx.Err() == nil {
			// A database that is down must not sign everybody out; revocations arrive when it is back.
			s.Log.Error("check login", "user", userID, "error", err)
		}
		return holds || err != nil
	}
}
