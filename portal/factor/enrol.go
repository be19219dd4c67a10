package factor

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"seccam/portal/store"
)

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
	s.happened(ctx, user.ID, "A passkey was added: "+passkey.Name+".")
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
