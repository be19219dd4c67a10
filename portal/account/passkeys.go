package account

import (
	"context"
	"errors"
	"fmt"

	"seccam/pkg/credential"
	"seccam/portal/store"
)

// CheckPasskeySignUp checks what somebody filled in who signs up with a passkey. Failures are FieldErrors.
func (s *Service) CheckPasskeySignUp(form SignUpForm) error {
	wrong := FieldErrors{}
	wrong.checkUsername(form.Username)
	wrong.checkClaim(form.CameraID, form.ClaimCode)
	wrong.checkFingerprint(form.Fingerprint)
	return wrong.err()
}

// SignUpWithPasskey is [Service.SignUp] for somebody with a passkey and no password.
func (s *Service) SignUpWithPasskey(ctx context.Context, form SignUpForm, handle []byte, passkey *store.Passkey) (*store.User, error) {
	if err := s.CheckPasskeySignUp(form); err != nil {
		return nil, err
	}
	camera, code := FieldErrors{}.checkClaim(form.CameraID, form.ClaimCode)
	user, err := s.store.CreatePendingPasskey(ctx, form.Username, handle, passkey, s.now().Add(SignUpTime),
		camera, credential.HashClaimCode(camera, code))
	return s.begun(ctx, user, camera, FieldErrors{}.checkFingerprint(form.Fingerprint), err)
}

// begun is how every sign-up begins, or fails.
func (s *Service) begun(ctx context.Context, user *store.User, camera, fingerprint string, err error) (*store.User, error) {
	switch {
	case errors.Is(err, store.ErrUsernameTaken):
		return nil, FieldErrors{FieldUsername: "This user name is taken. Choose another one."}
	case errors.Is(err, store.ErrClaimRefused):
		return nil, s.claimRefused(ctx, camera)
	case err != nil:
		return nil, fmt.Errorf("sign up: %w", err)
	}
	if err := s.pinLabel(ctx, user.ID, camera, fingerprint); err != nil {
		return nil, err
	}
	s.log.Info("sign-up begun", "user", user.ID, "camera", camera)
	return user, nil
}
