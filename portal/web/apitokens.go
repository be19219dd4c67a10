package web

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"seccam/portal/account"
	"seccam/portal/store"
)

// apiTokenBody is an API token as the API shows it to its person. Token comes when it is created, and never
// again.
type apiTokenBody struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	Scopes     []string   `json:"scopes"`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  time.Time  `json:"expires_at"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty"`
	Token      string     `json:"token,omitempty"`
}

func newAPITokenBody(t *store.APIToken) apiTokenBody {
	return apiTokenBody{t.ID, t.Name, strings.Fields(t.Scopes), t.CreatedAt.UTC(), t.ExpiresAt.UTC(), t.LastUsedAt, ""}
}

func (s *server) apiAPITokens(c echo.Context, user *store.User) error {
	tokens, err := s.Accounts.APITokens(c.Request().Context(), user.ID)
	if err != nil {
		return err
	}
	bodies := make([]apiTokenBody, len(tokens))
	for i := range tokens {
		bodies[i] = newAPITokenBody(&tokens[i])
	}
	return c.JSON(http.StatusOK, map[string]any{"tokens": bodies})
}

func (s *server) apiCreateAPIToken(c echo.Context, user *store.User) error {
	asked, err := decode[account.APITokenForm](c)
	if err != nil {
		return err
	}
	token, secret, err := s.Accounts.CreateAPIToken(c.Request().Context(), user.ID, asked)
	if err != nil {
		return err
	}
	body := newAPITokenBody(token)
	body.Token = secret
	return c.JSON(http.StatusCreated, body)
}

func (s *server) apiRevokeAPIToken(c echo.Context, user *store.User) error {
	return noContent(c, s.Accounts.RevokeAPIToken(c.Request().Context(), user.ID, c.Param("token")))
}

// fieldTokenScopes and the like are the fields of the page's form.
const fieldScopes = "scopes"

// apiTokenDays are how long a token may hold, as the form offers it.
var apiTokenDays = []choice{{7, "7 days"}, {30, "30 days"}, {90, "90 days"}, {365, "1 year"}}

// apiTokensView is the page of the API tokens, or the one on which one is made.
type apiTokensView struct {
	List   []store.APIToken
	Now    time.Time
	New    *apiTokenBody // right after it was created
	Making bool
	Form   filledForm
	Scopes []scopeBox
	Days   []choice
}

type scopeBox struct {
	Scope, Text string
	On          bool
}

// Expired reports whether a moment is past.
func (v apiTokensView) Expired(t time.Time) bool { return !t.After(v.Now) }

func (s *server) apiTokensPage(c echo.Context, user *store.User) error {
	return s.renderAPITokens(c, http.StatusOK, user, apiTokensView{Form: newForm(nil)})
}

func (s *server) newAPITokenPage(c echo.Context, user *store.User) error {
	return s.renderAPITokens(c, http.StatusOK, user, apiTokensView{Making: true, Form: newForm(nil), Scopes: scopeBoxes(nil)})
}

func scopeBoxes(on []string) (boxes []scopeBox) {
	chosen := map[string]bool{}
	for _, scope := range on {
		chosen[scope] = true
	}
	for _, known := range account.Scopes {
		boxes = append(boxes, scopeBox{string(known.Scope), known.Text, chosen[string(known.Scope)]})
	}
	return boxes
}

func (s *server) renderAPITokens(c echo.Context, status int, user *store.User, v apiTokensView) (err error) {
	v.Now, v.Days = s.Now(), apiTokenDays
	if v.List, err = s.Accounts.APITokens(c.Request().Context(), user.ID); err != nil {
		return err
	}
	return s.render(c, status, "apitokens", view{Title: "API tokens", User: user, Script: "sharing.js", Data: v})
}

// createAPIToken answers with the page and not with a redirect: the token is stored nowhere.
func (s *server) createAPIToken(c echo.Context, user *store.User) error {
	values, err := form(c)
	if err != nil {
		return err
	}
	asked := account.APITokenForm{Name: values.Get(account.FieldName), Scopes: values[fieldScopes]}
	if days, err := strconv.Atoi(values.Get(fieldTokenDays)); err == nil {
		end := s.Now().AddDate(0, 0, min(max(days, -1), 4000))
		asked.ExpiresAt = &end
	}
	token, secret, err := s.Accounts.CreateAPIToken(c.Request().Context(), user.ID, asked)
	wrong, err := fieldErrors(err)
	if err != nil {
		return err
	}
	if wrong != nil {
		f := newForm(values, account.FieldName, fieldTokenDays)
		f.Errors = renamed(wrong, account.FieldExpires, fieldTokenDays)
		return s.renderAPITokens(c, http.StatusUnprocessableEntity, user, apiTokensView{Making: true, Form: f, Scopes: scopeBoxes(asked.Scopes)})
	}
	body := newAPITokenBody(token)
	body.Token = secret
	return s.renderAPITokens(c, http.StatusCreated, user, apiTokensView{New: &body, Form: newForm(nil)})
}

func (s *server) revokeAPIToken(c echo.Context, user *store.User) error {
	if err := s.Accounts.RevokeAPIToken(c.Request().Context(), user.ID, c.Param("token")); err != nil {
		return err
	}
	return seeOther(c, "/account/tokens?done=api-token-revoked")
}
