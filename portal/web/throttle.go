package web

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"seccam/portal/store"
)

// How many requests one client may make: a burst, then one more per interval.
const (
	signUpBurst, signUpEvery = 20, 3 * time.Second
	logInBurst, logInEvery   = 20, 2 * time.Second
	// guessBurst is per account and client address. It is not per account alone: then anybody could
	// lock the owner out from anywhere.
	guessBurst, guessEvery = 10, 10 * time.Second
	// secondBurst is per account: who is asked for a second factor knows the password already.
	secondBurst, secondEvery = 5, 30 * time.Second
	// resetBurst is of mails asked for and links tried.
	resetBurst, resetEvery     = 10, 30 * time.Second
	claimBurst, claimEvery     = 20, 5 * time.Second
	deviceBurst, deviceEvery   = 200, 20 * time.Millisecond
	callBurst, callEvery       = 60, 250 * time.Millisecond
	webhookBurst, webhookEvery = 5, 10 * time.Second
	// tokenBurst is of what is not a valid token, per client address; watchBurst and trickleBurst are
	// per token or login. Some programs send each candidate by itself.
	tokenBurst, tokenEvery     = 20, 2 * time.Second
	watchBurst, watchEvery     = 20, time.Second
	trickleBurst, trickleEvery = 200, 50 * time.Millisecond
	// apiBurst is per API token.
	apiBurst, apiEvery = 200, 100 * time.Millisecond
	// inviteBurst is of what asks other people by name, per account.
	inviteBurst, inviteEvery = 30, 20 * time.Second
)

// limit is a throttle: take spends one request of key and returns 0, or how long to wait if there is none left.
type limit interface {
	take(ctx context.Context, key string) (wait time.Duration, err error)
	named() string
}

// Throttles keeps how often keys were used, for all portals together.
type Throttles interface {
	Spend(ctx context.Context, t store.Throttle, key string) (wait time.Duration, err error)
	Restore(ctx context.Context, t store.Throttle, key string) error
}

// shared is a limit that all portals on one database keep together: who tries something out gains nothing by asking
// another one.
type shared struct {
	store.Throttle
	kept Throttles
}

// take implements limit.
func (l *shared) take(ctx context.Context, key string) (time.Duration, error) {
	wait, err := l.kept.Spend(ctx, l.Throttle, key)
	if err != nil {
		err = fmt.Errorf("throttle %s: %w", l.Name, err)
	}
	return wait, err
}

// named implements limit.
func (l *shared) named() string { return l.Name }

// limits are the throttles, by what they protect. What keeps the load of each portal low counts in this process
// alone.
type limits struct {
	signUp, logIn, guess, second, reset, claimUser, claimAddress, webhook, token, invite *shared
	device, call, watch, trickle, api                                                    *limiter
}

func newLimits(kept Throttles, now func() time.Time, figures *Figures) limits {
	all := func(name string, burst int, every time.Duration) *shared {
		figures.throttled.WithLabelValues(name) // at zero
		return &shared{store.Throttle{Name: name, Burst: burst, Every: every}, kept}
	}
	here := func(name string, burst int, every time.Duration) *limiter {
		figures.throttled.WithLabelValues(name)
		return newLimiter(name, burst, every, now)
	}
	return limits{
		signUp:       all("sign-up", signUpBurst, signUpEvery),
		logIn:        all("log-in", logInBurst, logInEvery),
		guess:        all("guess", guessBurst, guessEvery),
		second:       all("second", secondBurst, secondEvery),
		reset:        all("reset", resetBurst, resetEvery),
		claimUser:    all("claim-user", claimBurst, claimEvery),
		claimAddress: all("claim-address", claimBurst, claimEvery),
		webhook:      all("webhook", webhookBurst, webhookEvery),
		token:        all("token", tokenBurst, tokenEvery),
		invite:       all("invite", inviteBurst, inviteEvery),
		device:       here("device", deviceBurst, deviceEvery),
		call:         here("call", callBurst, callEvery),
		watch:        here("watch", watchBurst, watchEvery),
		trickle:      here("trickle", trickleBurst, trickleEvery),
		api:          here("api", apiBurst, apiEvery),
	}
}

// throttled is the refusal of a request that came too soon.
type throttled struct{ wait time.Duration }

func (t throttled) Error() string { return fmt.Sprintf("too many requests; wait %s", t.wait) }

// seconds is the value of Retry-After: whole seconds, at least one.
func (t throttled) seconds() int { return int(t.wait/time.Second) + 1 }

func (s *server) throttle(c echo.Context, l limit, key string) error {
	wait, err := l.take(c.Request().Context(), key)
	if err == nil && wait > 0 {
		s.Figures.throttled.WithLabelValues(l.named()).Inc()
		err = throttled{wait}
	}
	return err
}

func (s *server) throttleAddress(c echo.Context, l limit) error {
	return s.throttle(c, l, addressKey(c.RealIP()))
}

// forgive gives key its burst back, after it was right.
func (s *server) forgive(c echo.Context, l *shared, key string) {
	if err := l.kept.Restore(c.Request().Context(), l.Throttle, key); err != nil {
		s.Log.Error("give tries back", "throttle", l.Name, "error", err) // they come back by themselves
	}
}

// throttleLogIn comes before the password is hashed, which is what costs.
func (s *server) throttleLogIn(c echo.Context, username string) error {
	if err := s.throttleAddress(c, s.limits.logIn); err != nil {
		return err
	}
	return s.throttle(c, s.limits.guess, guessKey(c, username))
}

func (s *server) throttleClaim(c echo.Context, userID int64) error {
	if err := s.throttleAddress(c, s.limits.claimAddress); err != nil {
		return err
	}
	return s.throttle(c, s.limits.claimUser, strconv.FormatInt(userID, 10))
}

// maxGuessKey bounds the part of a key that a client chooses, in bytes.
const maxGuessKey = 64

func guessKey(c echo.Context, username string) string {
	username = strings.ToLower(username)
	return addressKey(c.RealIP()) + " " + username[:min(len(username), maxGuessKey)]
}
