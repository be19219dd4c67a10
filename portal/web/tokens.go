package web

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"seccam/portal/account"
	"seccam/portal/store"
)

// tokenBody is a view token as the API shows it to the camera's owner. Token and the addresses come when
// it is created, and never again.
type tokenBody struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  *time.Time `json:"expires_at,omitempty"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty"`
	Token      string     `json:"token,omitempty"`
	// URL is the camera's WHEP address, which wants the token as Authorization; TokenURL has it in itself.
	URL      string `json:"url,omitempty"`
	TokenURL string `json:"token_url,omitempty"`
}

func newTokenBody(t *store.ViewToken) tokenBody {
	return tokenBody{
		ID: t.ID, Name: t.Name, CreatedAt: t.CreatedAt.UTC(), ExpiresAt: t.ExpiresAt, LastUsedAt: t.LastUsedAt,
	}
}

// withSecret adds what is shown once.
func (s *server) withSecret(body tokenBody, camera *store.Camera, secret string) tokenBody {
	api := origin(s.public) + apiPrefix
	body.Token, body.URL, body.TokenURL = secret, api+"/cameras/"+camera.ID+"/whep", api+"/whep/"+secret
	return body
}

func (s *server) apiTokens(c echo.Context, user *store.User, camera *store.Camera) error {
	tokens, err := s.Accounts.ViewTokens(c.Request().Context(), user.ID, camera.ID)
	if err != nil {
		return err
	}
	bodies := make([]tokenBody, len(tokens))
	for i := range tokens {
		bodies[i] = newTokenBody(&tokens[i])
	}
	return c.JSON(http.StatusOK, map[string]any{"tokens": bodies})
}

func (s *server) apiCreateToken(c echo.Context, user *store.User, camera *store.Camera) error {
	form, err := decode[account.ViewTokenForm](c)
	if err != nil {
		return err
	}
	token, secret, err := s.Accounts.CreateViewToken(c.Request().Context(), user.ID, camera.ID, form)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Location", apiPrefix+"/cameras/"+camera.ID+"/tokens/"+token.ID)
	return c.JSON(http.StatusCreated, s.withSecret(newTokenBody(token), camera, secret))
}

func (s *server) apiRevokeToken(c echo.Context, user *store.User, camera *store.Camera) error {
	if err := s.Accounts.RevokeViewToken(c.Request().Context(), user.ID, camera.ID, c.Param("token")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// Fields of the form for a new token, which shares a page with another form.
const (
	fieldTokenName = "token_name"
	fieldTokenDays = "token_days"
)

// tokenDays are how long a token may hold, as the form offers it; 0 is until it is revoked.
var tokenDays = []struct {
	Days int
	Text string
}{{0, "Until you revoke it"}, {1, "1 day"}, {7, "7 days"}, {30, "30 days"}, {365, "1 year"}}

// tokensView is the part of the settings page about view tokens.
type tokensView struct {
	List []store.ViewToken
	Form filledForm
	Days any
	Now  time.Time
	New  *tokenBody // right after it was created
}

// Expired reports whether a token's time is over.
func (v tokensView) Expired(t store.ViewToken) bool {
	return t.ExpiresAt != nil && !t.ExpiresAt.After(v.Now)
}

func (s *server) tokensView(c echo.Context, user *store.User, camera *store.Camera) (tokensView, error) {
	list, err := s.Accounts.ViewTokens(c.Request().Context(), user.ID, camera.ID)
	return tokensView{List: list, Form: newForm(url.Values{}), Days: tokenDays, Now: s.Now()}, err
}

// createToken answers with the page and not with a redirect: the token is stored nowhere.
func (s *server) createToken(c echo.Context, user *store.User, camera *store.Camera) error {
	values, err := form(c)
	if err != nil {
		return err
	}
	asked := account.ViewTokenForm{Name: values.Get(fieldTokenName)}
	if days, err := strconv.Atoi(values.Get(fieldTokenDays)); err == nil && days != 0 {
		end := s.Now().AddDate(0, 0, min(max(days, -1), 4000))
		asked.ExpiresAt = &end
	}
	token, secret, err := s.Accounts.CreateViewToken(c.Request().Context(), user.ID, camera.ID, asked)
	var wrong account.FieldErrors
	if err != nil && !errors.As(err, &wrong) {
		return err
	}
	view, err := s.tokensView(c, user, camera)
	if err != nil {
		return err
	}
	if wrong != nil {
		view.Form = newForm(values, fieldTokenName, fieldTokenDays)
		view.Form.Errors = account.FieldErrors{fieldTokenName: wrong[account.FieldName], fieldTokenDays: wrong[account.FieldExpires]}
		return s.renderSettings(c, http.StatusUnprocessableEntity, user, camera, nameForm(camera), view)
	}
	body := s.withSecret(newTokenBody(token), camera, secret)
	view.New = &body
	return s.renderSettings(c, http.StatusCreated, user, camera, nameForm(camera), view)
}

func (s *server) revokeToken(c echo.Context, user *store.User, camera *store.Camera) error {
	if err := s.Accounts.RevokeViewToken(c.Request().Context(), user.ID, camera.ID, c.Param("token")); err != nil {
		return err
	}
	return seeOther(c, "/cameras/"+camera.ID+"/settings?done=token-revoked")
}
