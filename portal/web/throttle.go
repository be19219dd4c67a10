package web

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
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

// limits are the throttles of this process, by what they protect.
type limits struct {
	signUp, logIn, guess, second, reset, claimUser, claimAddress, device, call, webhook, token, watch, trickle, invite, api *limiter
}

func newLimits() limits {
	return limits{
		signUp:       newLimiter(signUpBurst, signUpEvery),
		logIn:        newLimiter(logInBurst, logInEvery),
		guess:        newLimiter(guessBurst, guessEvery),
		second:       newLimiter(secondBurst, secondEvery),
		reset:        newLimiter(resetBurst, resetEvery),
		claimUser:    newLimiter(claimBurst, claimEvery),
		claimAddress: newLimiter(claimBurst, claimEvery),
		device:       newLimiter(deviceBurst, deviceEvery),
		call:         newLimiter(callBurst, callEvery),
		webhook:      newLimiter(webhookBurst, webhookEvery),
		token:        newLimiter(tokenBurst, tokenEvery),
		watch:        newLimiter(watchBurst, watchEvery),
		trickle:      newLimiter(trickleBurst, trickleEvery),
		invite:       newLimiter(inviteBurst, inviteEvery),
		api:          newLimiter(apiBurst, apiEvery),
	}
}

// throttled is the refusal of a request that came too soon.
type throttled struct{ wait time.Duration }

func (t throttled) Error() string { return fmt.Sprintf("too many requests; wait %s", t.wait) }

// seconds is the value of Retry-After: whole seconds, at least one.
func (t throttled) seconds() int { return int(t.wait/time.Second) + 1 }

func (s *server) throttle(l *limiter, key string) error {
	if wait := l.take(key, s.Now()); wait > 0 {
		return throttled{wait}
	}
	return nil
}

func (s *server) throttleAddress(c echo.Context, l *limiter) error {
	return s.throttle(l, addressKey(c.RealIP()))
}

// throttleLogIn comes before the password is hashed, which is what costs.
func (s *server) throttleLogIn(c echo.Context, username string) error {
	if err := s.throttleAddress(c, s.limits.logIn); err != nil {
		return err
	}
	return s.throttle(s.limits.guess, guessKey(c, username))
}

func (s *server) throttleClaim(c echo.Context, userID int64) error {
	if err := s.throttleAddress(c, s.limits.claimAddress); err != nil {
		return err
	}
	return s.throttle(s.limits.claimUser, strconv.FormatInt(userID, 10))
}

// maxGuessKey bounds the part of a key that a client chooses, in bytes.
const maxGuessKey = 64

func guessKey(c echo.Context, username string) string {
	username = strings.ToLower(username)
	return addressKey(c.RealIP()) + " " + username[:min(len(username), maxGuessKey)]
}
