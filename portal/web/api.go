package web

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"seccam/pkg/credential"
)

//go:embed openapi.json
var openapiDocument []byte

func (s *server) openapi(c echo.Context) error {
	return c.JSONBlob(http.StatusOK, openapiDocument)
}

// decode reads the request's one JSON object into T. Fields that T does not have are ignored: who
// the caller is comes from the login alone.
func decode[T any](c echo.Context) (T, error) {
	var value, none T
	media, _, err := mime.ParseMediaType(c.Request().Header.Get("Content-Type"))
	if err != nil || media != echo.MIMEApplicationJSON {
		return none, errNotJSON
	}
	body, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return none, fmt.Errorf("read request: %w", asClientError(err))
	}
	if !strings.HasPrefix(strings.TrimLeft(string(body), " \t\r\n"), "{") {
		return none, errBadJSON // null would pass as an object without fields
	}
	if err := json.Unmarshal(body, &value); err != nil {
		return none, errBadJSON
	}
	return value, nil
}

// asClientError makes a body that broke off a bad request; one over the cap keeps its error.
func asClientError(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return err
	}
	return errBadJSON
}

func writeProblem(c echo.Context, p problem) error {
	if c.Request().Method == http.MethodHead {
		return c.NoContent(p.Status)
	}
	data, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("problem: %w", err)
	}
	return c.Blob(p.Status, "application/problem+json", data)
}

func (s *server) apiDeviceChallenge(c echo.Context) error {
	if err := s.throttleAddress(c, s.limits.device); err != nil {
		return err
	}
	req, err := decode[credential.ChallengeRequest](c)
	if err != nil {
		return err
	}
	challenge, err := s.Devices.Challenge(c.Request().Context(), req)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, challenge)
}

func (s *server) apiDeviceToken(c echo.Context) error {
	if err := s.throttleAddress(c, s.limits.device); err != nil {
		return err
	}
	req, err := decode[credential.TokenRequest](c)
	if err != nil {
		return err
	}
	token, err := s.Devices.Token(c.Request().Context(), req)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, token)
}
