package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"seccam/pkg/signaling"
	"seccam/portal/account"
	"seccam/portal/store"
	"seccam/portal/whep"
)

// Media types of WHEP.
const (
	mimeSDP      = "application/sdp"
	mimeFragment = "application/trickle-ice-sdpfrag"
)

// The addresses of WHEP. Below the second, the token is in the path: some programs, go2rtc's client among
// them, send no Authorization.
const (
	whepCamera = apiPrefix + "/cameras/:id/whep"
	whepToken  = apiPrefix + "/whep/:token"
)

// loginView bounds a view by a login: unlike a page, a program does not show that it still has it.
const loginView = 24 * time.Hour

// Refusals of WHEP that are about HTTP.
var (
	errBadToken    = errors.New("this is not a token that may watch, or it has expired or was revoked")
	errNotSDP      = errors.New("the request's body has to be SDP, sent as " + mimeSDP)
	errNotFragment = errors.New("the request's body has to be an SDP fragment, sent as " + mimeFragment)
)

// whepRoutes are the same twice: who asks is found out in two ways.
func (s *server) whepRoutes(e *echo.Echo) {
	for path, who := range map[string]func(watchHandler) echo.HandlerFunc{whepCamera: s.watcher, whepToken: s.bearer} {
		e.OPTIONS(path, s.whepOptions(who), s.anyOrigin, noReferrer)
		e.POST(path, who(s.whepBegin), s.anyOrigin, noReferrer)
		e.OPTIONS(path+"/:session", whepSessionOptions, s.anyOrigin, noReferrer)
		e.PATCH(path+"/:session", who(s.whepPatch), s.anyOrigin, noReferrer)
		e.DELETE(path+"/:session", who(s.whepEnd), s.anyOrigin, noReferrer)
		reserve(e, path, "OPTIONS, POST")
		reserve(e, path+"/:session", "OPTIONS, PATCH, DELETE")
	}
}

// reserved is the name of routes that refuse.
const reserved = "reserved"

// reserve refuses methods with 405, which RFC 9725 section 4.2 wants.
func reserve(e *echo.Echo, path, allow string) {
	refuse := func(c echo.Context) error {
		c.Response().Header().Set("Allow", allow)
		return echo.ErrMethodNotAllowed
	}
	for _, route := range e.Match([]string{http.MethodGet, http.MethodHead, http.MethodPut}, path, refuse) {
		route.Name = reserved
	}
}

// watchHandler serves a request of somebody who may watch a camera.
type watchHandler func(c echo.Context, w whep.Watcher) error

// watcher lets those through who show a view token of the camera, and its owner by login. Where there is an
// Authorization header, cookies do not count.
func (s *server) watcher(next watchHandler) echo.HandlerFunc {
	byLogin := s.loadLogin(s.memberCamera(func(c echo.Context, user *store.User, camera *store.Camera) error {
		ctx := c.Request().Context()
		return next(c, whep.Watcher{
			UserID: user.ID, Camera: camera.ID, Subject: subjectPrefix + s.logins.GetString(ctx, keyLogin),
			Until: s.Now().Add(loginView), Alive: s.alive(ctx),
		})
	}))
	byToken := s.bearer(next)
	return func(c echo.Context) error {
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
			Alive: s.tokenHolds(token.ID),
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
	scheme, secret, _ := strings.Cut(c.Request().Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return nil, s.badToken(c)
	}
	token, err := s.Accounts.RedeemViewToken(ctx, strings.TrimSpace(secret))
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

// whepOptions tells what may be sent, and those who may watch also ICE servers: some programs gather their
// candidates before they POST. It refuses nobody, since browsers ask before they show who they are.
func (s *server) whepOptions(who func(watchHandler) echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		header := c.Response().Header()
		if byToken(c) {
			err := who(func(c echo.Context, w whep.Watcher) error {
				addLinks(header, s.Watching.Servers(w))
				return nil
			})(c)
			if _, internal := problemOf(err); err != nil && internal {
				return err
			}
		}
		header.Set("Allow", "OPTIONS, POST")
		header.Set("Accept-Post", mimeSDP)
		return c.NoContent(http.StatusNoContent)
	}
}

func whepSessionOptions(c echo.Context) error {
	header := c.Response().Header()
	header.Set("Allow", "OPTIONS, PATCH, DELETE")
	header.Set("Accept-Patch", mimeFragment)
	return c.NoContent(http.StatusNoContent)
}

func (s *server) whepBegin(c echo.Context, w whep.Watcher) error {
	if err := s.throttle(s.limits.watch, w.Subject); err != nil {
		return err
	}
	offer, err := text(c, mimeSDP, errNotSDP)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	if w.Token != "" {
		if err := s.Accounts.ViewTokenUsed(ctx, w.Token); err != nil {
			return fmt.Errorf("watch: %w", err)
		}
	}
	answer, err := s.Watching.Begin(ctx, w, offer)
	if err != nil {
		return watchProblem(err)
	}
	header := c.Response().Header()
	header.Set("Location", c.Request().URL.EscapedPath()+"/"+string(answer.Session))
	header.Set("ETag", answer.ETag)
	header.Set("Accept-Patch", mimeFragment)
	addLinks(header, answer.Servers)
	return c.Blob(http.StatusCreated, mimeSDP, []byte(answer.SDP))
}

func (s *server) whepPatch(c echo.Context, w whep.Watcher) error {
	if err := s.throttle(s.limits.trickle, w.Subject); err != nil {
		return err
	}
	body, err := text(c, mimeFragment, errNotFragment)
	if err != nil {
		return err
	}
	ctx, r := c.Request().Context(), c.Request()
	restarted, etag, err := s.Watching.Patch(ctx, w, c.Param("session"), r.Header.Get("If-Match"), body)
	if err != nil {
		return watchProblem(err)
	}
	if restarted == "" {
		return c.NoContent(http.StatusNoContent)
	}
	c.Response().Header().Set("ETag", etag)
	return c.Blob(http.StatusOK, mimeFragment, []byte(restarted))
}

func (s *server) whepEnd(c echo.Context, w whep.Watcher) error {
	if err := s.Watching.End(w, c.Param("session")); err != nil {
		return err
	}
	return c.NoContent(http.StatusOK)
}

// text reads a request's body of one type, which is no longer than an SDP may be.
func text(c echo.Context, media string, wrong error) (string, error) {
	r := c.Request()
	if got, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || got != media {
		return "", wrong
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Response(), r.Body, signaling.MaxSDP))
	if err != nil {
		return "", fmt.Errorf("read request: %w", asClientError(err))
	}
	return string(body), nil
}

// addLinks adds a header for each URL, in the one form that MediaMTX's client reads.
func addLinks(header http.Header, servers []signaling.ICEServer) {
	for _, server := range servers {
		for _, url := range server.URLs {
			link := "<" + url + `>; rel="ice-server"`
			if server.Username != "" {
				link += `; username=` + quotedString(server.Username) + `; credential=` + quotedString(server.Credential) + `; credential-type="password"`
			}
			header.Add("Link", link)
		}
	}
}

// quotedString is a quoted-string (RFC 9110 section 5.6.4).
func quotedString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// watchProblem puts what went wrong with a view into an answer.
func watchProblem(err error) error {
	var refusal *signaling.Error
	if errors.Is(err, whep.ErrClosed) {
		refusal = &signaling.Error{Code: signaling.CodeInternal, Message: "The portal is restarting.", RetryAfter: 2}
	} else if !errors.As(err, &refusal) {
		return err
	}
	var p problem
	switch refusal.Code {
	case signaling.CodeNotFound, signaling.CodeUnauthorised:
		return account.ErrNotFound
	case signaling.CodeOffline:
		p = conflict("camera-offline", "The camera is offline", strings.TrimSuffix(refusal.Message, ".")+".")
		p.retryAfter = offlineRetry
	case signaling.CodePrivate:
		p = conflict("camera-private", "Privacy mode is on", strings.TrimSuffix(refusal.Message, ".")+".")
		p.retryAfter = privateRetry
	case signaling.CodeSourceLost:
		p = conflict("no-picture", "The camera has no picture", refusal.Message)
		p.retryAfter = offlineRetry
	case signaling.CodeBusy:
		p = problem{Type: problemURN + "camera-busy", Title: "The camera is busy", Status: http.StatusServiceUnavailable, Detail: refusal.Message}
	case signaling.CodeInternal:
		p = problem{Type: problemURN + "not-connected", Title: "The camera cannot be reached", Status: http.StatusServiceUnavailable, Detail: refusal.Message}
	case signaling.CodeNoCodec:
		p = problem{Type: problemURN + "no-common-codec", Title: "No codec in common", Status: http.StatusUnprocessableEntity, Detail: refusal.Message}
	case signaling.CodeBadMessage:
		p = problem{Type: problemURN + "bad-sdp", Title: "Malformed SDP", Status: http.StatusBadRequest, Detail: refusal.Message}
	case signaling.CodeRateLimited:
		return whep.ErrTooMany
	default:
		p = problem{Type: problemURN + "camera-failed", Title: "The camera could not do it", Status: http.StatusBadGateway, Detail: refusal.Message}
	}
	if refusal.RetryAfter > 0 {
		p.retryAfter = refusal.RetryAfter
	}
	return p
}

// When to try again, in seconds, where the camera does not say.
const (
	offlineRetry = 10
	privateRetry = 60
)
