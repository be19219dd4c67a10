package account

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"seccam/pkg/credential"
	"seccam/portal/store"
)

// SignUpTime is how long an unfinished sign-up holds its name and camera.
const SignUpTime = 15 * time.Minute

// Refusals. Their texts are for people.
var (
	// ErrCredentials is the one failure of a log-in, whatever was wrong.
	ErrCredentials = errors.New("the user name or the password is wrong")
	// ErrNotSeen means that the camera of a sign-up has not connected yet.
	ErrNotSeen = errors.New("the camera has not connected yet; check that it has power and network, then try again")
	// ErrExpired means that the sign-up is gone.
	ErrExpired = errors.New("this sign-up has expired; the name and the camera are free again: start over")
	// ErrNotFound is store.ErrNotFound: no such thing, or not yours.
	ErrNotFound = store.ErrNotFound
)

// Presence tells which cameras are connected.
type Presence interface {
	Online(cameraID string) bool
	// Flush writes what is known about when cameras were last seen to the store.
	Flush(ctx context.Context) error
}

// Revoker makes the end of a right known to every portal.
type Revoker interface {
	Revoke(ctx context.Context, subject string) error
	// Look makes what was recorded in the database meanwhile take effect at once.
	Look()
}

// Service is the accounts and the cameras they own.
type Service struct {
	store    *store.Store
	presence Presence
	revoker  Revoker
	hasher   hasher
	decoy    string // a hash to compare with when there is no such user
	now      func() time.Time
	log      *slog.Logger
	alarm    func(camera string) // see WithAlarm; may be nil
	mailer   Mailer              // nil: no mail
	origin   string              // where links in mails lead
	breached Breached            // nil: no password is refused for being known
}

// New returns a service over a store. now is the clock; nil is time.Now.
func New(s *store.Store, presence Presence, revoker Revoker, now func() time.Time, log *slog.Logger, options ...Option) (*Service, error) {
	if now == nil {
		now = time.Now
	}
	h := newHasher(2)
	decoy, err := h.hash(context.Background(), credential.NewCode())
	if err != nil {
		return nil, err
	}
	service := &Service{store: s, presence: presence, revoker: revoker, hasher: h, decoy: decoy, now: now, log: log}
	for _, option := range options {
		option(service)
	}
	return service, nil
}

// SignUpForm is what a person fills in to sign up.
type SignUpForm struct {
	Username        string `json:"username" form:"username"`
	CameraID        string `json:"camera_id" form:"camera_id"`
	ClaimCode       string `json:"claim_code" form:"claim_code"`
	Password        string `json:"password" form:"password"`
	PasswordConfirm string `json:"password_confirm" form:"password_confirm"`
	// Fingerprint is the certificate's, where the label has one; it is pinned.
	Fingerprint string `json:"fingerprint" form:"fingerprint"`
}

// SignUp begins a sign-up: the account is pending until [Service.Confirm] and gone after
// [SignUpTime]. Failures are FieldErrors.
func (s *Service) SignUp(ctx context.Context, form SignUpForm) (*store.User, error) {
	wrong := FieldErrors{}
	wrong.checkUsername(form.Username)
	s.checkNewPassword(wrong, form.Username, form.Password, form.PasswordConfirm)
	camera, code := wrong.checkClaim(form.CameraID, form.ClaimCode)
	fingerprint := wrong.checkFingerprint(form.Fingerprint)
	if err := wrong.err(); err != nil {
		return nil, err
	}
	hash, err := s.hasher.hash(ctx, form.Password)
	if err != nil {
		return nil, fmt.Errorf("hash password: %w", err)
	}
	user, err := s.store.CreatePending(ctx, form.Username, hash, s.now().Add(SignUpTime),
		camera, credential.HashClaimCode(camera, code))
	return s.begun(ctx, user, camera, fingerprint, err)
}

// claimRefused answers the same for a camera that does not exist, is owned, or has another code,
// and tells the owner, if there is one, that somebody tried.
func (s *Service) claimRefused(ctx context.Context, camera string) error {
	if err := s.store.NotifyOwner(ctx, camera, store.NoticeClaimAttempt); err != nil {
		s.log.Error("notify owner of a claim attempt", "camera", camera, "error", err)
	}
	s.recordOwner(ctx, camera, AuditClaimRefused, "")
	if s.alarm != nil {
		s.alarm(camera)
	}
	s.tellOwner(camera)
	s.log.Warn("claim refused", "camera", camera)
	return FieldErrors{FieldCode: "This id and this code do not match a camera that can be claimed. " +
		"Check both against the label. If the camera belonged to someone else, that person must release it first."}
}

// Confirm finishes the sign-up once its camera was seen.
func (s *Service) Confirm(ctx context.Context, userID int64) error {
	user, err := s.store.UserByID(ctx, userID)
	if errors.Is(err, store.ErrNotFound) {
		return ErrExpired
	}
	if err != nil {
		return fmt.Errorf("confirm: %w", err)
	}
	if !user.Pending() {
		return nil // pressed twice
	}
	if err := s.recordSeen(ctx, userID); err != nil {
		return fmt.Errorf("confirm: %w", err)
	}
	err = s.store.Confirm(ctx, userID)
	if errors.Is(err, store.ErrNotFound) {
		return ErrNotSeen
	}
	if err != nil {
		return fmt.Errorf("confirm: %w", err)
	}
	for _, camera := range s.owned(ctx, userID) {
		s.Record(ctx, userID, camera.ID, AuditClaimed, "")
	}
	s.log.Info("sign-up finished", "user", userID)
	return nil
}

// recordSeen writes down what is known about the user's cameras now: one that was connected before
// the sign-up began need not say so again.
func (s *Service) recordSeen(ctx context.Context, userID int64) error {
	if err := s.presence.Flush(ctx); err != nil {
		return err
	}
	cameras, err := s.store.CamerasOf(ctx, userID)
	if err != nil {
		return err
	}
	seen := map[string]time.Time{}
	for _, camera := range cameras {
		if s.presence.Online(camera.ID) {
			seen[camera.ID] = s.now()
		}
	}
	return s.store.Seen(ctx, seen)
}

// Cancel gives up an unfinished sign-up and frees its name and camera at once.
func (s *Service) Cancel(ctx context.Context, userID int64) error {
	return s.store.DeletePending(ctx, userID)
}

// LogIn returns the user with this name and password, or ErrCredentials. It takes as long for a
// name that does not exist.
func (s *Service) LogIn(ctx context.Context, username, password string) (*store.User, error) {
	var user *store.User
	if usernameRegexp.MatchString(username) { // what else cannot be a name is not for the database
		var err error
		user, err = s.store.UserByName(ctx, username)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, fmt.Errorf("log in: %w", err)
		}
	}
	ok, err := s.verify(ctx, user, password)
	if err != nil {
		return nil, fmt.Errorf("log in: %w", err)
	}
	if !ok {
		if user != nil {
			s.recordFailure(ctx, user)
		}
		return nil, ErrCredentials
	}
	return user, nil
}

// verify reports whether the password is the user's. It takes as long for no user, and for one who has no
// password.
func (s *Service) verify(ctx context.Context, user *store.User, password string) (bool, error) {
	hash := s.decoy
	known := user != nil && user.PasswordHash != ""
	if known {
		hash = user.PasswordHash
	}
	if len(password) > 1024 { // no rule allows it, so it need not be hashed
		return false, nil
	}
	ok, err := s.hasher.verify(ctx, password, hash)
	return ok && known, err
}

// User returns an account by its id, or ErrNotFound; expired sign-ups are not found.
func (s *Service) User(ctx context.Context, userID int64) (*store.User, error) {
	return s.store.UserByID(ctx, userID)
}
