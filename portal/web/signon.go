package web

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"seccam/portal/account"
	"seccam/portal/signon"
	"seccam/portal/store"
)

// Keys of what waits in a login session while somebody is at the other provider, or is about to sign up with it.
const (
	keyTrip  = "trip"  // []byte, the provider's
	keyLink  = "link"  // int64, whose account is to be linked; absent to log in
	keyKnown = "known" // []byte, an [account.Known] that has no account yet
)

var errNoKnown = errors.New("log in by the other provider first, then sign up")

// signOn lets people through if there is another provider.
func (s *server) signOn(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if s.SignOn == nil {
			return echo.ErrNotFound
		}
		return next(c)
	}
}

// providerName is what people call the other provider, "" if there is none.
func (s *server) providerName() string {
	if s.SignOn == nil {
		return ""
	}
	return s.SignOn.Name()
}

// beginTrip keeps what is needed until the person is back, and returns where to send them.
func (s *server) beginTrip(c echo.Context, link int64) (string, error) {
	if err := s.throttleAddress(c, s.limits.logIn); err != nil {
		return "", err
	}
	address, kept, err := s.SignOn.Begin()
	if err != nil {
		return "", err
	}
	ctx := c.Request().Context()
	s.logins.Put(ctx, keyTrip, kept)
	s.logins.Remove(ctx, keyLink)
	if link != 0 {
		s.logins.Put(ctx, keyLink, link)
	} else if s.logins.GetInt64(ctx, keyUser) == 0 {
		s.logins.SetDeadline(ctx, s.Now().Add(halfTime))
	}
	return address, s.logins.save(c)
}

func (s *server) logInBySignOn(c echo.Context) error {
	address, err := s.beginTrip(c, 0)
	if err != nil {
		return err
	}
	return seeOther(c, address)
}

// linkSignOn begins to link an identity. It is a POST, so that no other site can begin it, and so it answers with
// a page: browsers do not let a form lead elsewhere (form-action).
func (s *server) linkSignOn(c echo.Context, user *store.User) error {
	address, err := s.beginTrip(c, user.ID)
	if err != nil {
		return err
	}
	return s.render(c, http.StatusOK, "signon", view{Title: "Go on to " + s.SignOn.Name(), User: user, Script: "signon.js",
		Data: map[string]string{"Name": s.SignOn.Name(), "Address": address}})
}

// signOnCallback is where the provider sends people back to. The trip is used up whatever comes of it.
func (s *server) signOnCallback(c echo.Context) error {
	if err := s.throttleAddress(c, s.limits.logIn); err != nil {
		return err
	}
	ctx := c.Request().Context()
	kept, _ := s.logins.Get(ctx, keyTrip).([]byte)
	link := s.logins.GetInt64(ctx, keyLink)
	s.logins.Remove(ctx, keyTrip)
	s.logins.Remove(ctx, keyLink)
	if len(kept) > 0 {
		if err := s.logins.save(c); err != nil {
			return err
		}
	}
	person, err := s.SignOn.Finish(ctx, kept, c.QueryParams())
	if err != nil && link == 0 {
		s.Figures.logIn(byProvider, false, err)
	}
	if err != nil {
		return err
	}
	known := account.Known(person)
	if link != 0 {
		return s.finishLink(c, link, known)
	}
	return s.finishSignOn(c, known)
}

func (s *server) finishLink(c echo.Context, link int64, known account.Known) error {
	user, err := s.user(c)
	if err != nil {
		return err
	}
	if user.ID != link { // somebody else logged in here meanwhile
		return signon.ErrRefused
	}
	if err := s.Accounts.Link(c.Request().Context(), user.ID, known); err != nil {
		return err
	}
	return seeOther(c, "/account?done=identity-linked")
}

// finishSignOn logs in whose account the identity is. A second factor is wanted all the same. Who has no account
// may sign up.
func (s *server) finishSignOn(c echo.Context, known account.Known) error {
	ctx := c.Request().Context()
	user, err := s.Accounts.LogInKnown(ctx, known)
	if errors.Is(err, account.ErrNotFound) {
		return s.offerSignUp(c, known)
	}
	if err != nil {
		return err
	}
	complete, err := s.firstFactorGiven(c, user, s.SignOn.Name())
	s.Figures.logIn(byProvider, complete, err)
	if err != nil {
		return err
	}
	if !complete {
		return seeOther(c, "/login/second")
	}
	return seeOther(c, startPage(user))
}

// offerSignUp keeps an identity without an account until its person has filled in the rest.
func (s *server) offerSignUp(c echo.Context, known account.Known) error {
	data, err := json.Marshal(known)
	if err != nil {
		return err
	}
	if err := s.endLogin(c); err != nil {
		return err
	}
	ctx := c.Request().Context()
	if err := s.logins.renew(ctx); err != nil {
		return err
	}
	s.logins.Put(ctx, keyKnown, data)
	s.logins.SetDeadline(ctx, s.Now().Add(account.SignUpTime))
	if err := s.logins.save(c); err != nil {
		return err
	}
	return seeOther(c, "/signup/sso")
}

// known is the identity that is about to sign up.
func (s *server) known(c echo.Context) (known account.Known, err error) {
	data, _ := s.logins.Get(c.Request().Context(), keyKnown).([]byte)
	if json.Unmarshal(data, &known) != nil || known.Subject == "" {
		return known, errNoKnown
	}
	return known, nil
}

// knownView is the sign-up page of somebody whom another provider vouches for.
type knownView struct {
	Form     filledForm
	Provider string
	Name     string
}

func (s *server) knownPage(c echo.Context) error {
	return s.renderKnown(c, http.StatusOK, newForm(nil))
}

func (s *server) renderKnown(c echo.Context, status int, f filledForm) error {
	known, err := s.known(c)
	if err != nil {
		return err
	}
	return s.render(c, status, "known", view{Title: "Sign up", Script: "claim.js", Data: knownView{f, s.SignOn.Name(), known.Name}})
}

func (s *server) signUpKnown(c echo.Context) error {
	if err := s.throttleAddress(c, s.limits.signUp); err != nil {
		return err
	}
	values, err := form(c)
	if err != nil {
		return err
	}
	known, err := s.known(c)
	if err != nil {
		return err
	}
	user, err := s.Accounts.SignUpKnown(c.Request().Context(), account.SignUpForm{
		Username: values.Get(account.FieldUsername), CameraID: values.Get(account.FieldCamera), ClaimCode: values.Get(account.FieldCode),
		Fingerprint: values.Get(account.FieldFingerprint),
	}, known)
	if err != nil {
		f, status, ok := newForm(values, account.FieldUsername, account.FieldCamera, account.FieldCode, account.FieldFingerprint).withError(err)
		if !ok {
			return err
		}
		return s.renderKnown(c, status, f)
	}
	if err := s.beginLogin(c, user.ID, s.SignOn.Name()); err != nil {
		return err
	}
	return seeOther(c, "/setup")
}

func (s *server) unlink(c echo.Context, user *store.User) error {
	if err := s.Accounts.Unlink(c.Request().Context(), user.ID, c.Param("linked")); err != nil {
		return err
	}
	return seeOther(c, "/account?done=identity-removed")
}

// linkedBody is an identity as its person sees it.
type linkedBody struct {
	ID         string `json:"id"`
	Issuer     string `json:"issuer"`
	Name       string `json:"name"`
	CreatedAt  any    `json:"created_at"`
	LastUsedAt any    `json:"last_used_at,omitempty"`
}

func (s *server) apiIdentities(c echo.Context, user *store.User) error {
	list, err := s.Accounts.Identities(c.Request().Context(), user.ID)
	if err != nil {
		return err
	}
	bodies := make([]linkedBody, len(list))
	for i, identity := range list {
		bodies[i] = linkedBody{ID: identity.ID, Issuer: identity.Issuer, Name: identity.Name, CreatedAt: identity.CreatedAt.UTC()}
		if identity.LastUsedAt != nil {
			bodies[i].LastUsedAt = identity.LastUsedAt.UTC()
		}
	}
	return c.JSON(http.StatusOK, map[string]any{"identities": bodies})
}

func (s *server) apiUnlink(c echo.Context, user *store.User) error {
	if err := s.Accounts.Unlink(c.Request().Context(), user.ID, c.Param("linked")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
