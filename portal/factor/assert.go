package factor

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"seccam/portal/store"
)

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
	s.happened(ctx, userID, "A passkey was removed.")
	return nil
}
