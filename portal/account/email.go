package account

import (
	"context"
	"errors"
	"fmt"
	netmail "net/mail"
	"strings"

	"seccam/portal/mail"
	"seccam/portal/store"
)

// EmailState is what is known of a person's address.
type EmailState struct {
	Address string // verified, "" if there is none
	Pending string // waits to be verified
}

// Email returns what is known of the user's address.
func (s *Service) Email(ctx context.Context, userID int64) (state EmailState, err error) {
	email, err := s.store.EmailOf(ctx, userID)
	if err == nil {
		state.Address = email.Address
	} else if !errors.Is(err, ErrNotFound) {
		return state, fmt.Errorf("e-mail: %w", err)
	}
	token, err := s.store.MailTokenOf(ctx, userID, store.MailVerify)
	if err == nil {
		state.Pending = token.Address
	} else if !errors.Is(err, ErrNotFound) {
		return state, fmt.Errorf("e-mail: %w", err)
	}
	return state, nil
}

// AddEmail sends a link that verifies an address; until then nothing changes. Failures are FieldErrors.
func (s *Service) AddEmail(ctx context.Context, user *store.User, address string) error {
	address = strings.TrimSpace(address)
	parsed, err := netmail.ParseAddress(address)
	if err != nil || parsed.Address != address || len(address) > maxAddress || !strings.Contains(address, "@") {
		return FieldErrors{FieldEmail: "This is not a mail address. It looks like name@example.org."}
	}
	secret, token := newMailToken(user.ID, store.MailVerify, address, s.now().Add(VerifyTime))
	added, err := s.store.AddMailToken(ctx, token, mailPause)
	if err != nil {
		return fmt.Errorf("add e-mail: %w", err)
	}
	if !added {
		return FieldErrors{FieldEmail: "A mail was sent a moment ago. Wait a minute before you ask for another one."}
	}
	s.log.Info("e-mail to be verified", "user", user.ID)
	s.queue("verify address", func(context.Context) ([]mail.Message, error) {
		return []mail.Message{{To: address, Subject: "Is this your mail address?", Text: fill(verifyText, s.origin, user.Username,
			s.origin+"/verify#"+secret)}}, nil
	})
	return nil
}

// VerifyEmail makes the address of a link its user's.
func (s *Service) VerifyEmail(ctx context.Context, secret string) error {
	email, err := s.store.VerifyEmail(ctx, hashMailToken(secret))
	if errors.Is(err, ErrNotFound) {
		return ErrLink
	}
	if err != nil {
		return fmt.Errorf("verify e-mail: %w", err)
	}
	s.Record(ctx, email.UserID, "", AuditEmail, "verified")
	s.log.Info("e-mail verified", "user", email.UserID)
	return nil
}

// RemoveEmail removes the user's address, and one that waits to be verified.
func (s *Service) RemoveEmail(ctx context.Context, userID int64) error {
	if err := s.store.RemoveEmail(ctx, userID); err != nil {
		return fmt.Errorf("remove e-mail: %w", err)
	}
	s.Record(ctx, userID, "", AuditEmail, "removed")
	s.log.Info("e-mail removed", "user", userID)
	return nil
}
