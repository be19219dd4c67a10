package web

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"seccam/pkg/credential"
)

// byToken reports whether a request itself shows what it may, so that no cookie counts. Then it does not
// matter which site's page it comes from.
func byToken(c echo.Context) bool {
	path := c.Path()
	return strings.HasPrefix(path, whepToken) ||
		strings.HasPrefix(path, whepCamera) && c.Request().Header.Get("Authorization") != ""
}

// anyOrigin lets pages of other origins use what a token allows (CORS). "*" never goes with cookies: browsers
// then keep the answer from the page.
func (s *server) anyOrigin(next echo.HandlerFunc) echo.HandlerFunc {
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

// canonical is a camera id as the store has it, "" for what is none.
func canonical(typed string) string {
	id, err := credential.ParseCode(typed)
	if err != nil {
		return ""
	}
	return id
}
