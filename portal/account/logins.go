package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"seccam/portal/store"
)

// How a person logged in, as the list of logins says it.
const (
	ByPassword = "password"
	ByPasskey  = "passkey"
	ByCode     = "one-time code"
	ByRecovery = "recovery code"
)

// ProofTime is how long a proof of who somebody is counts for what is delicate.
const ProofTime = 10 * time.Minute

// loginTouch is how exact the time of a login's last use is: not every request costs a write.
const loginTouch = time.Minute

// maxAgent bounds what is kept of a User-Agent, in bytes.
const maxAgent = 300

// ErrNoPassword means that the account has no password: its person logs in by other means.
var ErrNoPassword = errors.New("this account has no password yet")

// Client is what a request says of the browser or program that made it.
type Client struct{ Address, Agent string }

func (c Client) agent() string { return c.Agent[:min(len(c.Agent), maxAgent)] }

// BeginLogin records a login. id is random, session the key of its login session.
func (s *Service) BeginLogin(ctx context.Context, userID int64, id, session, method string, client Client) error {
	err := s.store.AddLogin(ctx, &store.Login{
		ID: id, Session: session, UserID: userID, Method: method, Address: client.Address, Agent: client.agent(),
	})
	if err != nil {
		return fmt.Errorf("begin login: %w", err)
	}
	s.Record(As(ctx, s.actor(ctx, userID, client)), userID, "", AuditLogin, method)
	s.log.Info("logged in", "user", userID, "by", method)
	if err := s.meet(ctx, userID, client); err != nil {
		s.log.Error("tell of a new device", "user", userID, "error", err)
	}
	return nil
}

// UseLogin returns a login that has not ended, else ErrNotFound, and records that it is used.
func (s *Service) UseLogin(ctx context.Context, id string, client Client) (*store.Login, error) {
	login, err := s.store.LoginByID(ctx, id)
	if err != nil || s.now().Sub(login.LastUsedAt) < loginTouch {
		return login, err
	}
	return login, s.store.TouchLogin(ctx, id, client.Address, client.agent())
}

// LoginHolds reports whether a login, of the session with that key, has not ended.
func (s *Service) LoginHolds(ctx context.Context, id, session string) (bool, error) {
	return s.store.LoginHolds(ctx, id, session)
}

// Logins lists where the user is logged in, the most recently used first.
func (s *Service) Logins(ctx context.Context, userID int64) ([]store.Login, error) {
	return s.store.LoginsOf(ctx, userID)
}

// EndLogin ends one of the user's logins: its pages, its WebSockets, and what it watches.
func (s *Service) EndLogin(ctx context.Context, userID int64, id string) error {
	if err := s.store.EndLogin(ctx, userID, id); err != nil {
		return err
	}
	s.Record(ctx, userID, "", AuditLoginEnded, "")
	s.revoker.Look()
	s.log.Info("login ended", "user", userID)
	return nil
}

// EndLogins ends all of the user's logins but the one to keep, "" for none, and returns how many.
func (s *Service) EndLogins(ctx context.Context, userID int64, keep string) (int, error) {
	n, err := s.store.EndLogins(ctx, userID, keep)
	if err == nil {
		s.Record(ctx, userID, "", AuditLoginEnded, "everywhere else")
		s.revoker.Look()
		s.log.Info("logins ended", "user", userID, "count", n)
	}
	return n, err
}

// Proven reports whether the person of a login proved who they are lately.
func (s *Service) Proven(login *store.Login) bool { return s.now().Sub(login.ProvedAt) < ProofTime }

// Prove takes the user's password as a proof for a login. A wrong one is FieldErrors.
func (s *Service) Prove(ctx context.Context, user *store.User, loginID, password string) error {
	if err := s.checkPassword(ctx, user, password); err != nil {
		return err
	}
	return s.store.ProveLogin(ctx, loginID)
}

// ProveByPasskey takes a passkey that was checked as a proof for a login.
func (s *Service) ProveByPasskey(ctx context.Context, loginID string) error {
	return s.store.ProveLogin(ctx, loginID)
}

// FactorChanged records what happened to a person's second factors, and tells them.
func (s *Service) FactorChanged(ctx context.Context, userID int64, what string) {
	s.Record(ctx, userID, "", AuditFactor, what)
	s.tell(userID, "second factor", "Your second factors", factorText, what)
}

// checkPassword refuses what is not the user's password, as an error of the field for it.
func (s *Service) checkPassword(ctx context.Context, user *store.User, password string) error {
	if user.PasswordHash == "" {
		return ErrNoPassword
	}
	ok, err := s.verify(ctx, user, password)
	if err != nil {
		return fmt.Errorf("check password: %w", err)
	}
	if !ok {
		return FieldErrors{FieldCurrent: "This is not your password."}
	}
	return nil
}

// PasswordForm is what a person fills in to change their password.
type PasswordForm struct {
	Current         string `json:"current_password"`
	Password        string `json:"password"`
	PasswordConfirm string `json:"password_confirm"`
}

// ChangePassword sets another password and ends every login of the user but the one to keep. It needs the
// current password, or, of an account without one, a recent proof. Failures are FieldErrors.
func (s *Service) ChangePassword(ctx context.Context, user *store.User, login *store.Login, form PasswordForm) error {
	if user.PasswordHash != "" || !s.Proven(login) {
		if err := s.checkPassword(ctx, user, form.Current); err != nil {
			return err
		}
	}
	wrong := FieldErrors{}
	s.checkNewPassword(wrong, user.Username, form.Password, form.PasswordConfirm)
	if form.Password == form.Current && wrong[FieldPassword] == "" {
		wrong[FieldPassword] = "This is the password that you have. Choose another one."
	}
	if err := wrong.err(); err != nil {
		return err
	}
	hash, err := s.hasher.hash(ctx, form.Password)
	if err != nil {
		return fmt.Errorf("hash password: %w", err)
	}
	if err := s.store.SetPassword(ctx, user.ID, hash, login.ID); err != nil {
		return fmt.Errorf("change password: %w", err)
	}
	s.Record(ctx, user.ID, "", AuditPassword, "")
	s.revoker.Look()
	s.log.Info("password changed", "user", user.ID)
	s.tell(user.ID, "password changed", "Your password was changed", passwordText)
	return nil
}
