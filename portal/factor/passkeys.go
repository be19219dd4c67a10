package factor

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

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

// AskNew asks for a new passkey of a person.
func (s *Service) AskNew(ctx context.Context, user *store.User) (*Question, error) {
	if s.rp == nil {
		return nil, ErrNoPasskeys
	}
	h, err := s.holder(ctx, user)
	if err != nil {
		return nil, err
	}
	known := webauthn.Credentials(h.credentials).CredentialDescriptors()
	return s.askNew(h, webauthn.WithExclusions(known))
}

// AskFirst asks for the passkey of somebody who is about to sign up by that name. Such an account has no
// password, so the passkey has to be one that logs in alone.
func (s *Service) AskFirst(username string) (*Question, error) {
	if s.rp == nil {
		return nil, ErrNoPasskeys
	}
	alone := protocol.AuthenticatorSelection{
		ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired,
	}
	return s.askNew(holder{handle: newHandle(), name: username}, webauthn.WithAuthenticatorSelection(alone))
}

func (s *Service) askNew(h holder, options ...webauthn.RegistrationOption) (*Question, error) {
	creation, session, err := s.rp.BeginRegistration(h, options...)
	if err != nil {
		return nil, fmt.Errorf("new passkey: %w", err)
	}
	return s.question(creation.Response, session)
}

// Add takes the answer to AskNew. It returns recovery codes if this is the person's first second factor.
func (s *Service) Add(ctx context.Context, user *store.User, asked, answer []byte, name string) (passkey *store.Passkey, recovery []string, err error) {
	session, err := s.take(ctx, asked)
	if err != nil {
		return nil, nil, err
	}
	h, err := s.holder(ctx, user)
	if err != nil {
		return nil, nil, err
	}
	if passkey, err = s.created(h, session, answer, name); err != nil {
		return nil, nil, err
	}
	passkey.UserID = user.ID
	codes, hashes := newRecovery(user.ID)
	first, err := s.store.AddPasskey(ctx, passkey, maxPasskeys, hashes)
	if errors.Is(err, store.ErrTooMany) {
		return nil, nil, ErrTooMany
	}
	if err != nil {
		return nil, nil, fmt.Errorf("add passkey: %w", err)
	}
	s.log.Info("passkey added", "user", user.ID, "passkey", passkey.ID)
	if !first {
		codes = nil
	}
	return passkey, codes, nil
}

// First takes the answer to AskFirst and returns the passkey, which is not stored yet, and the handle that it
// knows its person by.
func (s *Service) First(ctx context.Context, username string, asked, answer []byte) (passkey *store.Passkey, handle []byte, err error) {
	session, err := s.take(ctx, asked)
	if err != nil {
		return nil, nil, err
	}
	passkey, err = s.created(holder{handle: session.UserID, name: username}, session, answer, "")
	return passkey, session.UserID, err
}

func (s *Service) created(h holder, session webauthn.SessionData, answer []byte, name string) (*store.Passkey, error) {
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return nil, s.refuse("new passkey", err)
	}
	credential, err := s.rp.CreateCredential(h, session, parsed)
	if err != nil {
		return nil, s.refuse("new passkey", err)
	}
	data, err := json.Marshal(credential)
	if err != nil {
		return nil, fmt.Errorf("new passkey: %w", err)
	}
	if name = cleanName(name); name == "" {
		name = "Passkey of " + s.now().UTC().Format("2 January 2006")
	}
	return &store.Passkey{ID: strings.ToLower(rand.Text()[:12]), Credential: credential.ID, Data: data, Name: name}, nil
}

// cleanName makes a name one that fits into a line.
func cleanName(name string) string {
	name = strings.Join(strings.Fields(strings.ToValidUTF8(name, "")), " ")
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, name)
	for utf8.RuneCountInString(name) > maxName {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	return name
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

// AskLogIn asks whoever is there for a passkey of theirs. It has to verify its person, since it logs in alone.
func (s *Service) AskLogIn() (*Question, error) {
	if s.rp == nil {
		return nil, ErrNoPasskeys
	}
	assertion, session, err := s.rp.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, fmt.Errorf("log in by passkey: %w", err)
	}
	return s.question(assertion.Response, session)
}

// LogIn takes the answer to AskLogIn and returns whose passkey it is.
func (s *Service) LogIn(ctx context.Context, asked, answer []byte) (userID int64, err error) {
	session, err := s.take(ctx, asked)
	if err != nil {
		return 0, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return 0, s.refuse("log-in", err)
	}
	var passkey *store.Passkey
	find := func(id, handle []byte) (webauthn.User, error) {
		if passkey, err = s.store.PasskeyByCredential(ctx, id); err != nil {
			return nil, err
		}
		user, err := s.store.UserByID(ctx, passkey.UserID)
		if err != nil {
			return nil, err
		}
		return s.holder(ctx, user)
	}
	_, credential, err := s.rp.ValidatePasskeyLogin(find, session, parsed)
	if err != nil {
		return 0, s.refuse("log-in", err)
	}
	return passkey.UserID, s.used(ctx, passkey, credential)
}

// Ask asks a person for one of their passkeys. alone is for where it stands for the password, too.
func (s *Service) Ask(ctx context.Context, user *store.User, alone bool) (*Question, error) {
	if s.rp == nil {
		return nil, ErrNoPasskeys
	}
	h, err := s.holder(ctx, user)
	if err != nil {
		return nil, err
	}
	if len(h.credentials) == 0 {
		return nil, ErrPasskey
	}
	verification := protocol.VerificationPreferred
	if alone {
		verification = protocol.VerificationRequired
	}
	assertion, session, err := s.rp.BeginLogin(h, webauthn.WithUserVerification(verification))
	if err != nil {
		return nil, fmt.Errorf("passkey: %w", err)
	}
	return s.question(assertion.Response, session)
}

// Check takes the answer to Ask.
func (s *Service) Check(ctx context.Context, user *store.User, asked, answer []byte) error {
	session, err := s.take(ctx, asked)
	if err != nil {
		return err
	}
	h, err := s.holder(ctx, user)
	if err != nil {
		return err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return s.refuse("second factor", err)
	}
	credential, err := s.rp.ValidateLogin(h, session, parsed)
	if err != nil {
		return s.refuse("second factor", err)
	}
	passkey, err := s.store.PasskeyByCredential(ctx, credential.ID)
	if err != nil {
		return fmt.Errorf("passkey: %w", err)
	}
	return s.used(ctx, passkey, credential)
}

// used records a use. A counter that went back is a copy of the key (WebAuthn level 3, section 6.1.1).
func (s *Service) used(ctx context.Context, passkey *store.Passkey, credential *webauthn.Credential) error {
	if credential.Authenticator.CloneWarning {
		s.log.Warn("a passkey seems to be copied", "user", passkey.UserID, "passkey", passkey.ID)
		return ErrPasskey
	}
	data, err := json.Marshal(credential)
	if err != nil {
		return fmt.Errorf("passkey: %w", err)
	}
	return s.store.PasskeyUsed(ctx, passkey.ID, data)
}

// Rename renames one of the person's passkeys.
func (s *Service) Rename(ctx context.Context, userID int64, id, name string) error {
	if name = cleanName(name); name == "" {
		name = "Passkey"
	}
	return s.store.RenamePasskey(ctx, userID, id, name)
}

// Remove removes one of the person's passkeys.
func (s *Service) Remove(ctx context.Context, userID int64, id string) error {
	if err := s.store.DeletePasskey(ctx, userID, id); err != nil {
		return err
	}
	s.log.Info("passkey removed", "user", userID, "passkey", id)
	return nil
}
