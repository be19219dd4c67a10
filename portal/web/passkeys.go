package web

import (
	"encoding/json"
	"net/http"

	"github.com/labstack/echo/v4"

	"seccam/portal/account"
	"seccam/portal/factor"
	"seccam/portal/store"
)

// A passkey is asked for in two requests: the first answers with options for the browser, and what the
// portal has to know again waits in the login session under what it is for; the second brings the answer.
// Without scripts there are no passkeys, so all of this is the API, and the pages call it.

// What a question is for: an answer to one never counts for another.
const (
	forLogIn  = "log-in"
	forSecond = "second factor"
	forProof  = "proof"
	forNew    = "new passkey"
	forSignUp = "sign-up"
)

// question is a passkey ceremony that waits in the session.
type question struct {
	For   string
	State []byte
	Form  account.SignUpForm // of a sign-up
}

// ask keeps a question in the session and answers with its options.
func (s *server) ask(c echo.Context, q *factor.Question, err error, kept question) error {
	if err != nil {
		return err
	}
	kept.State = q.State
	data, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	s.logins.Put(ctx, keyQuestion, data)
	if s.logins.GetInt64(ctx, keyUser) == 0 && s.logins.GetInt64(ctx, keyHalf) == 0 {
		s.logins.SetDeadline(ctx, s.Now().Add(halfTime)) // a visitor's session is for this question only
	}
	if err := s.logins.save(c); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"options": q.Options})
}

// answerBody is a browser's answer, as PublicKeyCredential.toJSON makes it.
type answerBody struct {
	Credential json.RawMessage `json:"credential"`
	Name       string          `json:"name"` // of a new passkey
}

// answered reads an answer and takes the question that it has to be for out of the session.
func (s *server) answered(c echo.Context, what string) (answerBody, question, error) {
	var kept question
	body, err := decode[answerBody](c)
	if err != nil {
		return body, kept, err
	}
	if len(body.Credential) == 0 || body.Credential[0] != '{' {
		return body, kept, errBadJSON
	}
	data, _ := s.logins.Get(c.Request().Context(), keyQuestion).([]byte)
	if json.Unmarshal(data, &kept) != nil || kept.For != what {
		return body, kept, factor.ErrPasskey
	}
	return body, kept, nil
}

func (s *server) apiPasskeyLogInOptions(c echo.Context) error {
	if err := s.throttleAddress(c, s.limits.logIn); err != nil {
		return err
	}
	q, err := s.Factors.AskLogIn()
	return s.ask(c, q, err, question{For: forLogIn})
}

// apiPasskeyLogIn logs in by a passkey alone: it verified its person, which makes it two factors.
func (s *server) apiPasskeyLogIn(c echo.Context) (err error) {
	defer func() { s.Figures.logIn(account.ByPasskey, true, err) }()
	if err := s.throttleAddress(c, s.limits.logIn); err != nil {
		return err
	}
	body, kept, err := s.answered(c, forLogIn)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	id, err := s.Factors.LogIn(ctx, kept.State, body.Credential)
	if err != nil {
		return err
	}
	user, err := s.Accounts.User(ctx, id)
	if err != nil {
		return err
	}
	if err := s.beginLogin(c, user.ID, account.ByPasskey); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, newAccountBody(user))
}

func (s *server) apiPasskeySecondOptions(c echo.Context, user *store.User) error {
	if err := s.throttleAddress(c, s.limits.logIn); err != nil {
		return err
	}
	q, err := s.Factors.Ask(c.Request().Context(), user, false)
	return s.ask(c, q, err, question{For: forSecond})
}

func (s *server) apiPasskeySecond(c echo.Context, user *store.User) (err error) {
	defer func() { s.Figures.logIn(account.ByPasskey, true, err) }()
	if err := s.throttleAddress(c, s.limits.logIn); err != nil {
		return err
	}
	body, kept, err := s.answered(c, forSecond)
	if err != nil {
		return err
	}
	if err := s.Factors.Check(c.Request().Context(), user, kept.State, body.Credential); err != nil {
		return err
	}
	if err := s.secondFactorGiven(c, user, account.ByPasskey); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, newAccountBody(user))
}

func (s *server) apiPasskeyProofOptions(c echo.Context, user *store.User) error {
	q, err := s.Factors.Ask(c.Request().Context(), user, true)
	return s.ask(c, q, err, question{For: forProof})
}

func (s *server) apiPasskeyProof(c echo.Context, user *store.User) error {
	if err := s.throttleAddress(c, s.limits.logIn); err != nil {
		return err
	}
	body, kept, err := s.answered(c, forProof)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	if err := s.Factors.Check(ctx, user, kept.State, body.Credential); err != nil {
		return err
	}
	login, err := s.login(c)
	if err != nil {
		return err
	}
	if err := s.Accounts.ProveByPasskey(ctx, login.ID); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *server) apiNewPasskeyOptions(c echo.Context, user *store.User) error {
	q, err := s.Factors.AskNew(c.Request().Context(), user)
	return s.ask(c, q, err, question{For: forNew})
}

// passkeyBody is a passkey as its person sees it.
type passkeyBody struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	CreatedAt  any    `json:"created_at"`
	LastUsedAt any    `json:"last_used_at,omitempty"`
	// RecoveryCodes come with the first second factor of an account, once.
	RecoveryCodes []string `json:"recovery_codes,omitempty"`
}

func newPasskeyBody(p *store.Passkey) passkeyBody {
	body := passkeyBody{ID: p.ID, Name: p.Name, CreatedAt: p.CreatedAt.UTC()}
	if p.LastUsedAt != nil {
		body.LastUsedAt = p.LastUsedAt.UTC()
	}
	return body
}

func (s *server) apiNewPasskey(c echo.Context, user *store.User) error {
	answer, kept, err := s.answered(c, forNew)
	if err != nil {
		return err
	}
	passkey, recovery, err := s.Factors.Add(c.Request().Context(), user, kept.State, answer.Credential, answer.Name)
	if err != nil {
		return err
	}
	body := newPasskeyBody(passkey)
	body.RecoveryCodes = recovery
	c.Response().Header().Set("Location", apiPrefix+"/account/passkeys/"+passkey.ID)
	return c.JSON(http.StatusCreated, body)
}

func (s *server) apiRenamePasskey(c echo.Context, user *store.User) error {
	body, err := decode[struct {
		Name string `json:"name"`
	}](c)
	if err != nil {
		return err
	}
	if err := s.Factors.Rename(c.Request().Context(), user.ID, c.Param("passkey"), body.Name); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *server) apiRemovePasskey(c echo.Context, user *store.User) error {
	if err := s.Factors.Remove(c.Request().Context(), user.ID, c.Param("passkey")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// apiPasskeySignUpOptions checks what was filled in before it bothers the person for a passkey. Whether the
// camera can be claimed is only looked at with the passkey in hand, as it is with a password.
func (s *server) apiPasskeySignUpOptions(c echo.Context) error {
	if err := s.throttleAddress(c, s.limits.signUp); err != nil {
		return err
	}
	f, err := decode[account.SignUpForm](c)
	if err != nil {
		return err
	}
	f.Password, f.PasswordConfirm = "", ""
	if err := s.Accounts.CheckPasskeySignUp(f); err != nil {
		return err
	}
	q, err := s.Factors.AskFirst(f.Username)
	return s.ask(c, q, err, question{For: forSignUp, Form: f})
}

func (s *server) apiPasskeySignUp(c echo.Context) error {
	if err := s.throttleAddress(c, s.limits.signUp); err != nil {
		return err
	}
	body, kept, err := s.answered(c, forSignUp)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	passkey, handle, err := s.Factors.First(ctx, kept.Form.Username, kept.State, body.Credential)
	if err != nil {
		return err
	}
	user, err := s.Accounts.SignUpWithPasskey(ctx, kept.Form, handle, passkey)
	if err != nil {
		return err
	}
	if err := s.beginLogin(c, user.ID, account.ByPasskey); err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, newAccountBody(user))
}
