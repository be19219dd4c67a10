package factor

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"

	"seccam/pkg/credential"
	"seccam/portal/store"
)

// Refusals. Their texts are for people.
var (
	// ErrWrongCode is the one failure of a one-time or recovery code, whatever was wrong with it.
	ErrWrongCode = errors.New("this code is not right, or it was used already; wait for the next one and type that")
	// ErrAlready means that there is an authenticator app already.
	ErrAlready = errors.New("your account has an authenticator app already; remove that one first")
	// ErrPasskey is the one failure of a passkey.
	ErrPasskey = errors.New("the passkey was not accepted; try again, or choose another one")
	// ErrNoPasskeys means that passkeys cannot work at this portal's address.
	ErrNoPasskeys = errors.New("passkeys do not work at this portal's address")
	// ErrTooMany means that there are as many passkeys as there may be.
	ErrTooMany = fmt.Errorf("an account has at most %d passkeys; remove one that you do not use any more", maxPasskeys)
	// ErrNone means that there is no second factor.
	ErrNone = errors.New("your account has no second factor, so it needs no recovery codes")
)

// Service keeps people's second factors.
type Service struct {
	store *store.Store
	seal  cipher.AEAD
	rp    *webauthn.WebAuthn // nil: passkeys cannot work
	why   string             // and this is why
	host  string
	now   func() time.Time
	log   *slog.Logger
	// changed is told what happened to a person's factors; nil is nobody.
	changed func(ctx context.Context, userID int64, what string)
}

// New returns a service for the portal at a URL. Secrets are sealed under a key made of the master key.
func New(s *store.Store, master credential.Secret, public *url.URL, now func() time.Time, log *slog.Logger) (*Service, error) {
	if now == nil {
		now = time.Now
	}
	block, err := aes.NewCipher(master.Derive("seccam second factors v1").Bytes())
	if err != nil {
		return nil, fmt.Errorf("factors: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("factors: %w", err)
	}
	f := &Service{store: s, seal: aead, host: public.Hostname(), now: now, log: log}
	if f.why = whyNoPasskeys(public); f.why == "" {
		f.rp, err = relyingParty(public)
	}
	return f, err
}

// OnChange has f told, in words, whatever happens to a person's second factors. It is set before the service is used.
func (s *Service) OnChange(f func(ctx context.Context, userID int64, what string)) { s.changed = f }

// happened logs and tells.
func (s *Service) happened(ctx context.Context, userID int64, what string) {
	s.log.Info("second factors", "user", userID, "what", what)
	if s.changed != nil {
		s.changed(ctx, userID, what)
	}
}

// sealContext binds what is sealed to its account: a row moved to another one does not open.
func sealContext(userID int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(userID)) }

// State is a person's second factors.
type State struct {
	Codes    bool // an authenticator app
	Passkeys []store.Passkey
	Recovery int // recovery codes left
}

// Needed reports whether a password is not enough.
func (s State) Needed() bool { return s.Codes || len(s.Passkeys) > 0 }

// Of returns a person's second factors.
func (s *Service) Of(ctx context.Context, userID int64) (state State, err error) {
	code, err := s.store.OneTimeCodeOf(ctx, userID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return state, fmt.Errorf("second factors: %w", err)
	}
	state.Codes = err == nil && code.ConfirmedAt != nil
	if state.Passkeys, err = s.store.PasskeysOf(ctx, userID); err == nil {
		state.Recovery, err = s.store.RecoveryLeft(ctx, userID)
	}
	if err != nil {
		return state, fmt.Errorf("second factors: %w", err)
	}
	return state, nil
}
