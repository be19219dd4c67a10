package web

import (
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"

	"github.com/labstack/echo/v4"

	"seccam/portal/account"
	"seccam/portal/factor"
	"seccam/portal/store"
)

// factorsView is the part of the account page about second factors.
type factorsView struct {
	factor.State
	WhyNoPasskeys string
	Low           bool // few recovery codes are left
}

// fewRecovery is when a person should make new recovery codes.
const fewRecovery = 3

func (s *server) factorsView(c echo.Context, user *store.User) (factorsView, error) {
	state, err := s.Factors.Of(c.Request().Context(), user.ID)
	return factorsView{State: state, WhyNoPasskeys: s.Factors.WhyNoPasskeys(), Low: state.Needed() && state.Recovery < fewRecovery}, err
}

// codesView is the page on which an authenticator app is added.
type codesView struct {
	Form    filledForm
	Secret  string
	Picture template.URL
}

// offerCodes shows the secret that was offered last, or makes one.
func (s *server) offerCodes(c echo.Context, user *store.User) error {
	offer, err := s.Factors.Offered(c.Request().Context(), user)
	if errors.Is(err, account.ErrNotFound) {
		offer, err = s.Factors.OfferCodes(c.Request().Context(), user)
	}
	if err != nil {
		return err
	}
	return s.renderCodes(c, http.StatusOK, user, offer, newForm(nil))
}

func (s *server) renderCodes(c echo.Context, status int, user *store.User, offer *factor.Offer, f filledForm) error {
	return s.render(c, status, "codes", view{Title: "Add an authenticator app", User: user, Data: codesView{
		Form: f, Secret: offer.Secret,
		Picture: template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(offer.PNG)), //nolint:gosec // drawn by us
	}})
}

func (s *server) confirmCodes(c echo.Context, user *store.User) error {
	values, err := form(c)
	if err != nil {
		return err
	}
	recovery, err := s.confirm(c, user, values.Get(fieldOneTime))
	var wrong account.FieldErrors
	if errors.As(err, &wrong) {
		offer, err := s.Factors.Offered(c.Request().Context(), user)
		if err != nil {
			return err
		}
		f, status, _ := newForm(nil).withError(wrong)
		return s.renderCodes(c, status, user, offer, f)
	}
	if err != nil {
		return err
	}
	if recovery != nil {
		return s.renderRecovery(c, user, recovery)
	}
	return seeOther(c, "/account?done=codes-added")
}

// confirm is the confirmation itself, of the page and of the API.
func (s *server) confirm(c echo.Context, user *store.User, code string) ([]string, error) {
	if err := s.throttle(c, s.limits.second, secondKey(user)); err != nil {
		return nil, err
	}
	recovery, err := s.Factors.ConfirmCodes(c.Request().Context(), user.ID, code)
	if err != nil {
		return nil, codeError(err, fieldOneTime)
	}
	s.forgive(c, s.limits.second, secondKey(user))
	return recovery, nil
}

func (s *server) removeCodes(c echo.Context, user *store.User) error {
	if err := s.Factors.RemoveCodes(c.Request().Context(), user.ID); err != nil {
		return err
	}
	return seeOther(c, "/account?done=codes-removed")
}

// recoveryPage asks before the old codes are made worthless.
func (s *server) recoveryPage(c echo.Context, user *store.User) error {
	v, err := s.factorsView(c, user)
	if err != nil {
		return err
	}
	return s.render(c, http.StatusOK, "recovery", view{Title: "Recovery codes", User: user, Data: recoveryView{Left: v.Recovery}})
}

// recoveryView is the page of recovery codes: before new ones are made, and right after.
type recoveryView struct {
	Left int
	New  []string
}

// newRecovery answers with the page and not with a redirect: the codes are stored nowhere.
func (s *server) newRecovery(c echo.Context, user *store.User) error {
	codes, err := s.Factors.NewRecovery(c.Request().Context(), user.ID)
	if err != nil {
		return err
	}
	return s.renderRecovery(c, user, codes)
}

func (s *server) renderRecovery(c echo.Context, user *store.User, codes []string) error {
	return s.render(c, http.StatusOK, "recovery", view{Title: "Your recovery codes", User: user, Data: recoveryView{New: codes}})
}

// newPasskeyPage is where a passkey is added, which needs its script.
func (s *server) newPasskeyPage(c echo.Context, user *store.User) error {
	if why := s.Factors.WhyNoPasskeys(); why != "" {
		return factor.ErrNoPasskeys
	}
	return s.render(c, http.StatusOK, "passkey", view{Title: "Add a passkey", User: user, Script: "passkey.js", Data: newForm(nil)})
}

func (s *server) renamePasskey(c echo.Context, user *store.User) error {
	values, err := form(c)
	if err != nil {
		return err
	}
	if err := s.Factors.Rename(c.Request().Context(), user.ID, c.Param("passkey"), values.Get(account.FieldName)); err != nil {
		return err
	}
	return seeOther(c, "/account?done=passkey-renamed#factors")
}

func (s *server) removePasskey(c echo.Context, user *store.User) error {
	if err := s.Factors.Remove(c.Request().Context(), user.ID, c.Param("passkey")); err != nil {
		return err
	}
	return seeOther(c, "/account?done=passkey-removed")
}

func (s *server) apiFactors(c echo.Context, user *store.User) error {
	state, err := s.Factors.Of(c.Request().Context(), user.ID)
	if err != nil {
		return err
	}
	passkeys := make([]passkeyBody, len(state.Passkeys))
	for i := range state.Passkeys {
		passkeys[i] = newPasskeyBody(&state.Passkeys[i])
	}
	return c.JSON(http.StatusOK, map[string]any{"codes": state.Codes, "passkeys": passkeys, "recovery_codes_left": state.Recovery})
}

func (s *server) apiOfferCodes(c echo.Context, user *store.User) error {
	offer, err := s.Factors.OfferCodes(c.Request().Context(), user)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, map[string]string{"secret": offer.Secret, "url": offer.URL})
}

// recoveryBody has recovery codes if they are new.
type recoveryBody struct {
	RecoveryCodes []string `json:"recovery_codes,omitempty"`
}

func (s *server) apiConfirmCodes(c echo.Context, user *store.User) error {
	body, err := decode[secondBody](c)
	if err != nil {
		return err
	}
	recovery, err := s.confirm(c, user, body.Code)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, recoveryBody{recovery})
}

func (s *server) apiRemoveCodes(c echo.Context, user *store.User) error {
	if err := s.Factors.RemoveCodes(c.Request().Context(), user.ID); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *server) apiNewRecovery(c echo.Context, user *store.User) error {
	codes, err := s.Factors.NewRecovery(c.Request().Context(), user.ID)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, recoveryBody{codes})
}
