package account

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"seccam/pkg/credential"
	"seccam/portal/store"
)

// ErrIdentityTaken means that an identity is linked to another account.
var ErrIdentityTaken = errors.New("that identity is linked to another account here; log in with that one, and remove it there first")

// Known is somebody whom another provider vouches for.
type Known struct{ Issuer, Subject, Name string }

func (k Known) identity(userID int64) *store.Identity {
	return &store.Identity{
		ID: strings.ToLower(rand.Text()[:12]), UserID: userID, Issuer: k.Issuer, Subject: k.Subject, Name: clip(k.Name, MaxName),
	}
}

// LogInKnown returns whose account an identity is, or ErrNotFound.
func (s *Service) LogInKnown(ctx context.Context, known Known) (*store.User, error) {
	return s.store.UseIdentity(ctx, known.Issuer, known.Subject)
}

// Link lets an identity log in to a user's account.
func (s *Service) Link(ctx context.Context, userID int64, known Known) error {
	err := s.store.AddIdentity(ctx, known.identity(userID))
	if errors.Is(err, store.ErrTaken) {
		return ErrIdentityTaken
	}
	if err != nil {
		return fmt.Errorf("link identity: %w", err)
	}
	s.Record(ctx, userID, "", AuditLinked, "linked "+clip(known.Name, MaxName))
	s.log.Info("identity linked", "user", userID)
	return nil
}

// Identities lists the user's identities.
func (s *Service) Identities(ctx context.Context, userID int64) ([]store.Identity, error) {
	return s.store.IdentitiesOf(ctx, userID)
}

// Unlink removes one of the user's identities, unless it is the only way in.
func (s *Service) Unlink(ctx context.Context, userID int64, id string) error {
	if err := s.store.DeleteIdentity(ctx, userID, id); err != nil {
		return err
	}
	s.Record(ctx, userID, "", AuditLinked, "removed")
	s.log.Info("identity removed", "user", userID)
	return nil
}

// SignUpKnown is [Service.SignUp] for somebody whom another provider vouches for, and who has no password.
func (s *Service) SignUpKnown(ctx context.Context, form SignUpForm, known Known) (*store.User, error) {
	if err := s.CheckPasskeySignUp(form); err != nil { // the same fields
		return nil, err
	}
	camera, code := FieldErrors{}.checkClaim(form.CameraID, form.ClaimCode)
	user, err := s.store.CreatePendingIdentity(ctx, form.Username, known.identity(0), s.now().Add(SignUpTime),
		camera, credential.HashClaimCode(camera, code))
	if errors.Is(err, store.ErrTaken) {
		return nil, ErrIdentityTaken
	}
	return s.begun(ctx, user, camera, FieldErrors{}.checkFingerprint(form.Fingerprint), err)
}
