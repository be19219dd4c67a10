package web

import (
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/labstack/echo/v4"

	"seccam/pkg/signaling"
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

// What they take; a view's address is that of its camera or token, and its session.
const (
	endpointMethods = "OPTIONS, POST"
	viewMethods     = "OPTIONS, PATCH, DELETE"
)

// whepRoutes are the same twice: who asks is found out in two ways.
func (s *server) whepRoutes(e *echo.Echo) {
	for path, who := range map[string]func(watchHandler) echo.HandlerFunc{whepCamera: s.watcher, whepToken: s.bearer} {
		e.OPTIONS(path, s.whepOptions(who), anyOrigin, noReferrer)
		e.POST(path, who(s.whepBegin), anyOrigin, noReferrer)
		e.OPTIONS(path+"/:session", whepViewOptions, anyOrigin, noReferrer)
		e.PATCH(path+"/:session", who(s.whepPatch), anyOrigin, noReferrer)
		e.DELETE(path+"/:session", who(s.whepEnd), anyOrigin, noReferrer)
		reserve(e, path, endpointMethods)
		reserve(e, path+"/:session", viewMethods)
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
		header.Set("Allow", endpointMethods)
		header.Set("Accept-Post", mimeSDP)
		return c.NoContent(http.StatusNoContent)
	}
}

func whepViewOptions(c echo.Context) error {
	header := c.Response().Header()
	header.Set("Allow", viewMethods)
	header.Set("Accept-Patch", mimeFragment)
	return c.NoContent(http.StatusNoContent)
}

func (s *server) whepBegin(c echo.Context, w whep.Watcher) error {
	if err := s.throttle(c, s.limits.watch, w.Subject); err != nil {
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
	if err := s.throttle(c, s.limits.trickle, w.Subject); err != nil {
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
