package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"seccam/portal/account"
	"seccam/portal/factor"
	"seccam/portal/store"
)

// halfTime is how long somebody who gave the first factor has for the second one.
const halfTime = 10 * time.Minute

// Keys of a half log-in: the first factor was right and the second is still asked for. Nothing but the
// second step looks at them, so a half log-in reaches nothing else.
const (
	keyHalf      = "half"       // int64, whose
	keyHalfBy    = "half by"    // how the first factor was given
	keyHalfUntil = "half until" // int64, Unix seconds
	keyQuestion  = "question"   // []byte, a passkey ceremony under way
)

var errNoHalf = errors.New("the first step of logging in is missing or too long ago; start again")

// firstFactorGiven logs a user in, or half in if the account has a second factor.
func (s *server) firstFactorGiven(c echo.Context, user *store.User, method string) (complete bool, err error) {
	factors, err := s.Factors.Of(c.Request().Context(), user.ID)
	if err != nil {
		return false, err
	}
	if !factors.Needed() {
		return true, s.beginLogin(c, user.ID, method)
	}
	if err := s.endLogin(c); err != nil {
		return false, err
	}
	ctx := c.Request().Context()
	if err := s.logins.renew(ctx); err != nil {
		return false, err
	}
	until := s.Now().Add(halfTime)
	s.logins.Put(ctx, keyHalf, user.ID)
	s.logins.Put(ctx, keyHalfBy, method)
	s.logins.Put(ctx, keyHalfUntil, until.Unix())
	s.logins.SetDeadline(ctx, until)
	return false, s.logins.save(c)
}

// half lets people through who have given the first factor and not the second.
func (s *server) half(next userHandler) echo.HandlerFunc {
	return func(c echo.Context) error {
		ctx := c.Request().Context()
		id := s.logins.GetInt64(ctx, keyHalf)
		if id == 0 || s.Now().Unix() >= s.logins.GetInt64(ctx, keyHalfUntil) {
			return errNoHalf
		}
		user, err := s.Accounts.User(ctx, id)
		if errors.Is(err, account.ErrNotFound) {
			return errNoHalf
		}
		if err != nil {
			return err
		}
		return next(c, user)
	}
}

// secondFactorGiven makes a half log-in a whole one.
func (s *server) secondFactorGiven(c echo.Context, user *store.User, by string) error {
	method := s.logins.GetString(c.Request().Context(), keyHalfBy)
	s.forgive(c, s.limits.second, secondKey(user))
	return s.beginLogin(c, user.ID, method+" and "+by)
}

func secondKey(user *store.User) string { return strconv.FormatInt(user.ID, 10) }

// throttleSecond is per account: whoever gets here knows the password, so guessing is what it is about.
func (s *server) throttleSecond(c echo.Context, user *store.User) error {
	if err := s.throttleAddress(c, s.limits.logIn); err != nil {
		return err
	}
	return s.throttle(c, s.limits.second, secondKey(user))
}

// secondView is the page that asks for the second factor.
type secondView struct {
	Form     filledForm
	Codes    bool
	Passkeys bool
	Recovery bool // the form for recovery codes was used
}

// Fields of the second step.
const (
	fieldOneTime  = "code"
	fieldRecovery = "recovery_code"
)

func (s *server) secondPage(c echo.Context, user *store.User) error {
	return s.renderSecond(c, http.StatusOK, user, newForm(nil))
}

func (s *server) renderSecond(c echo.Context, status int, user *store.User, f filledForm) error {
	factors, err := s.Factors.Of(c.Request().Context(), user.ID)
	if err != nil {
		return err
	}
	return s.render(c, status, "second", view{Title: "One more step", Script: "second.js", Data: secondView{
		Form: f, Codes: factors.Codes, Passkeys: len(factors.Passkeys) > 0 && s.Factors.WhyNoPasskeys() == "",
		Recovery: f.Errors[fieldRecovery] != "",
	}})
}

// secondBody is what a program sends as the second factor: one of the two.
type secondBody struct {
	Code     string `json:"code"`
	Recovery string `json:"recovery_code"`
}

// giveSecond is the second step itself, of the page and of the API.
func (s *server) giveSecond(c echo.Context, user *store.User, body secondBody) (err error) {
	field, by, use, typed := fieldOneTime, account.ByCode, s.Factors.UseCode, body.Code
	if body.Recovery != "" {
		field, by, use, typed = fieldRecovery, account.ByRecovery, s.Factors.UseRecovery, body.Recovery
	}
	defer func() { s.Figures.logIn(by, true, err) }()
	if err := s.throttleSecond(c, user); err != nil {
		return err
	}
	ctx := c.Request().Context()
	if err := use(ctx, user.ID, typed); err != nil {
		return codeError(err, field)
	}
	return s.secondFactorGiven(c, user, by)
}

// codeError makes a wrong code an error of its field.
func codeError(err error, field string) error {
	if errors.Is(err, factor.ErrWrongCode) {
		return account.FieldErrors{field: sentence(factor.ErrWrongCode.Error())}
	}
	return err
}

func (s *server) second(c echo.Context, user *store.User) error {
	values, err := form(c)
	if err != nil {
		return err
	}
	err = s.giveSecond(c, user, secondBody{values.Get(fieldOneTime), values.Get(fieldRecovery)})
	if err != nil {
		f, status, ok := newForm(nil).withError(err)
		if !ok {
			return err
		}
		return s.renderSecond(c, status, user, f)
	}
	return seeOther(c, startPage(user))
}

func (s *server) apiSecond(c echo.Context, user *store.User) error {
	body, err := decode[secondBody](c)
	if err != nil {
		return err
	}
	if err := s.giveSecond(c, user, body); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, newAccountBody(user))
}

// wanted is what a program is told that has to give a second factor, too.
type wanted struct {
	SecondFactor []string `json:"second_factor"`
}

func (s *server) secondWanted(ctx context.Context, user *store.User) (wanted, error) {
	factors, err := s.Factors.Of(ctx, user.ID)
	w := wanted{SecondFactor: []string{}}
	if factors.Codes {
		w.SecondFactor = append(w.SecondFactor, "code")
	}
	if len(factors.Passkeys) > 0 && s.Factors.WhyNoPasskeys() == "" {
		w.SecondFactor = append(w.SecondFactor, "passkey")
	}
	if factors.Recovery > 0 {
		w.SecondFactor = append(w.SecondFactor, "recovery_code")
	}
	return w, err
}
