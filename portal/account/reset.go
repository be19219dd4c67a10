package account

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"seccam/portal/mail"
	"seccam/portal/store"
)

// AskReset has links sent that set another password, to whoever has this user name or verified address. It does
// not say whether there is anybody: all of it happens later, when nobody can measure it.
func (s *Service) AskReset(who string) {
	who = strings.TrimSpace(who)
	if who == "" || len(who) > maxAddress {
		return
	}
	s.queue("reset password", func(ctx context.Context) ([]mail.Message, error) {
		emails, err := s.emailsOf(ctx, who)
		if err != nil {
			return nil, err
		}
		var list []mail.Message
		for _, email := range emails {
			m, err := s.resetMail(ctx, email)
			if err != nil {
				return list, err
			}
			if m != nil {
				list = append(list, *m)
			}
		}
		return list, nil
	})
}

func (s *Service) emailsOf(ctx context.Context, who string) ([]store.Email, error) {
	if strings.Contains(who, "@") {
		return s.store.EmailsBy(ctx, who)
	}
	user, err := s.store.UserByName(ctx, who)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	email, err := s.store.EmailOf(ctx, user.ID)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []store.Email{*email}, nil
}

// resetMail returns nil for who was sent one a moment ago.
func (s *Service) resetMail(ctx context.Context, email store.Email) (*mail.Message, error) {
	user, err := s.store.UserByID(ctx, email.UserID)
	if err != nil {
		return nil, err
	}
	secret, token := newMailToken(user.ID, store.MailReset, email.Address, s.now().Add(ResetTime))
	added, err := s.store.AddMailToken(ctx, token, mailPause)
	if err != nil || !added {
		return nil, err
	}
	s.log.Info("password reset asked for", "user", user.ID)
	return &mail.Message{To: email.Address, Subject: "Choose another password",
		Text: fill(resetText, s.origin, user.Username, s.origin+"/reset#"+secret)}, nil
}

// ResetForm is what a person fills in who follows the link of a reset.
type ResetForm struct {
	Token           string `json:"token"`
	Password        string `json:"password"`
	PasswordConfirm string `json:"password_confirm"`
}

// Reset sets another password by a link, which is used up, and ends every login of its user. It logs nobody in: a
// second factor is still wanted for that. Failures are FieldErrors or ErrLink.
func (s *Service) Reset(ctx context.Context, form ResetForm) error {
	token, err := s.store.MailTokenBy(ctx, hashMailToken(form.Token), store.MailReset)
	if errors.Is(err, ErrNotFound) {
		return ErrLink
	}
	if err != nil {
		return fmt.Errorf("reset: %w", err)
	}
	user, err := s.store.UserByID(ctx, token.UserID)
	if err != nil {
		return fmt.Errorf("reset: %w", err)
	}
	wrong := FieldErrors{}
	s.checkNewPassword(wrong, user.Username, form.Password, form.PasswordConfirm)
	if err := wrong.err(); err != nil {
		return err
	}
	hash, err := s.hasher.hash(ctx, form.Password)
	if err != nil {
		return fmt.Errorf("hash password: %w", err)
	}
	_, err = s.store.ResetPassword(ctx, token.Hash, hash)
	if errors.Is(err, ErrNotFound) {
		return ErrLink // of two at once, the other one
	}
	if err != nil {
		return fmt.Errorf("reset: %w", err)
	}
	s.revoker.Look()
	s.Record(ctx, user.ID, "", AuditPassword, "by a link sent by mail")
	s.log.Info("password reset", "user", user.ID)
	s.tell(user.ID, "password changed", "Your password was changed", passwordText)
	return nil
}
