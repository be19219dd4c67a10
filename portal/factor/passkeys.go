package factor

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"seccam/portal/store"
)

// Limits of passkeys.
const (
	maxPasskeys  = 20
	maxName      = 60 // characters
	handleSize   = 32
	ceremonyTime = 5 * time.Minute // from the question to the answer
)

// whyNoPasskeys says why passkeys cannot work at an address, "" if they can: browsers bind them to a name,
// and want https but on the machine itself.
func whyNoPasskeys(public *url.URL) string {
	host := public.Hostname()
	if _, err := netip.ParseAddr(host); err == nil {
		return "This portal's address (public_url) is a number; passkeys need a name, such as cameras.example.org, or localhost for trying out."
	}
	if public.Scheme != "https" && host != "localhost" {
		return "This portal's address (public_url) is plain http; passkeys need https, or localhost for trying out."
	}
	return ""
}

func relyingParty(public *url.URL) (*webauthn.WebAuthn, error) {
	return webauthn.New(&webauthn.Config{
		RPID: public.Hostname(), RPDisplayName: "SecCam", RPOrigins: []string{public.Scheme + "://" + public.Host},
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementPreferred, UserVerification: protocol.VerificationPreferred,
		},
		AttestationPreference: protocol.PreferNoAttestation, // which maker's key it is, is nobody's business
	})
}

// WhyNoPasskeys says why passkeys cannot work at this portal's address, "" if they can.
func (s *Service) WhyNoPasskeys() string { return s.why }

// Question is what a browser asks an authenticator, and what is kept until it answers.
type Question struct {
	Options any // for the browser
	State   []byte
}

// state is a question that waits for its answer. It is used once, within ceremonyTime.
type state struct {
	Session webauthn.SessionData
	Until   int64 // Unix seconds
}

func (s *Service) question(options any, session *webauthn.SessionData) (*Question, error) {
	data, err := json.Marshal(state{*session, s.now().Add(ceremonyTime).Unix()})
	if err != nil {
		return nil, fmt.Errorf("passkey: %w", err)
	}
	return &Question{options, data}, nil
}

// take uses a question up: every portal on the database takes an answer to it once.
func (s *Service) take(ctx context.Context, data []byte) (webauthn.SessionData, error) {
	var kept state
	if json.Unmarshal(data, &kept) != nil || s.now().Unix() >= kept.Until {
		return kept.Session, ErrPasskey
	}
	fresh, err := s.store.UseNonce(ctx, "passkey "+kept.Session.Challenge, time.Unix(kept.Until, 0))
	if err != nil {
		return kept.Session, fmt.Errorf("passkey: %w", err)
	}
	if !fresh {
		return kept.Session, ErrPasskey
	}
	return kept.Session, nil
}

// holder is a person as the WebAuthn library wants one.
type holder struct {
	handle      []byte
	name        string
	credentials []webauthn.Credential
}

func (h holder) WebAuthnID() []byte                         { return h.handle }
func (h holder) WebAuthnName() string                       { return h.name }
func (h holder) WebAuthnDisplayName() string                { return h.name }
func (h holder) WebAuthnCredentials() []webauthn.Credential { return h.credentials }

func newHandle() []byte {
	handle := make([]byte, handleSize)
	_, _ = rand.Read(handle) // crypto/rand.Read never fails (Go 1.24)
	return handle
}

func (s *Service) holder(ctx context.Context, user *store.User) (holder, error) {
	h := holder{name: user.Username}
	var err error
	if h.handle, err = s.store.HandleOf(ctx, user.ID, newHandle()); err != nil {
		return h, fmt.Errorf("passkeys: %w", err)
	}
	list, err := s.store.PasskeysOf(ctx, user.ID)
	if err != nil {
		return h, fmt.Errorf("passkeys: %w", err)
	}
	for _, passkey := range list {
		var credential webauthn.Credential
		if err := json.Unmarshal(passkey.Data, &credential); err != nil {
			return h, fmt.Errorf("passkey %s: %w", passkey.ID, err)
		}
		h.credentials = append(h.credentials, credential)
	}
	return h, nil
}

// refuse logs why a passkey was not accepted, and tells its person only that.
func (s *Service) refuse(what string, err error) error {
	detail := err.Error()
	var known *protocol.Error
	if errors.As(err, &known) {
		detail = known.Details + " " + known.DevInfo
	}
	s.log.Warn("passkey refused", "in", what, "error", detail)
	return ErrPasskey
}
