package web

import (
	"fmt"
	"net"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/labstack/echo/v4"
)

// What a request body may weigh, in bytes.
const (
	maxForm = 16 << 10
	maxJSON = 64 << 10
)

// policy is the Content-Security-Policy: everything comes from this host and nothing is inline.
// connect-src 'self' covers the WebSocket too (CSP level 3, section 6.7.2.8).
var policy = strings.Join([]string{
	"default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data: blob:",
	"media-src 'self' blob:", "connect-src 'self'", "manifest-src 'self'", "form-action 'self'",
	"frame-ancestors 'none'", "base-uri 'none'",
}, "; ")

var fixedHeaders = map[string]string{
	"Content-Security-Policy": policy,
	"X-Content-Type-Options":  "nosniff",
	"X-Frame-Options":         "DENY",
	// Addresses of pages name cameras: no other site learns them.
	"Referrer-Policy":              "same-origin",
	"Permissions-Policy":           "geolocation=(), display-capture=(), usb=(), camera=(self), microphone=(self), autoplay=(self), fullscreen=(self), picture-in-picture=(self)",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Cache-Control":                "no-store",
}

// hstsHeader asks browsers to insist on https for a year.
const hstsHeader = "max-age=31536000"

func (s *server) secureHeaders(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		header := c.Response().Header()
		for name, value := range fixedHeaders {
			header.Set(name, value)
		}
		if s.public.Scheme == "https" {
			header.Set("Strict-Transport-Security", hstsHeader)
		}
		return next(c)
	}
}

// refuseCrossSite stops requests that another site's page makes a browser send. Programs that are
// no browsers (cameras) send neither Sec-Fetch-Site nor Origin and pass. So does what shows a token: a
// browser adds none by itself.
func (s *server) refuseCrossSite(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if err := s.csrf.Check(c.Request()); err != nil && !byToken(c) {
			return errCrossSite
		}
		return next(c)
	}
}

// capBody makes reading past the cap an error, which [server.handleError] answers with 413.
func (s *server) capBody(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		limit := int64(maxForm)
		if isAPI(c) {
			limit = maxJSON
		}
		r := c.Request()
		r.Body = http.MaxBytesReader(c.Response(), r.Body, limit)
		return next(c)
	}
}

// recoverPanics makes a panic an internal error of one request.
func (s *server) recoverPanics(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			p := recover()
			if p == http.ErrAbortHandler {
				panic(p) // net/http's own way to drop a connection
			}
			if p != nil {
				err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		return next(c)
	}
}

// ipExtractor believes X-Forwarded-For only from the given networks. Without one Echo would believe
// anybody.
func ipExtractor(trusted []string) (echo.IPExtractor, error) {
	if len(trusted) == 0 {
		return echo.ExtractIPDirect(), nil
	}
	options := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, cidr := range trusted {
		_, network, err := net.ParseCIDR(cidr)
		if err != nil {
			return nil, fmt.Errorf("trusted proxies: %w", err)
		}
		options = append(options, echo.TrustIPRange(network))
	}
	return echo.ExtractIPFromXFFHeader(options...), nil
}

func isAPI(c echo.Context) bool { return strings.HasPrefix(c.Request().URL.Path, "/api/") }
