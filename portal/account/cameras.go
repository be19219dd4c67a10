package account

import (
	"context"
	"errors"
	"fmt"

	"seccam/pkg/credential"
	"seccam/portal/store"
)

// Cameras lists the user's cameras.
func (s *Service) Cameras(ctx context.Context, userID int64) ([]store.Camera, error) {
	return s.store.CamerasOf(ctx, userID)
}

// Camera returns one of the user's cameras, or ErrNotFound.
func (s *Service) Camera(ctx context.Context, userID int64, cameraID string) (*store.Camera, error) {
	return s.store.CameraOf(ctx, userID, cameraID)
}

// ClaimForm is what a person fills in to claim another camera.
type ClaimForm struct {
	CameraID  string `json:"camera_id" form:"camera_id"`
	ClaimCode string `json:"claim_code" form:"claim_code"`
	Name      string `json:"name" form:"name"`
	// Fingerprint is the certificate's, where the label has one; it is pinned.
	Fingerprint string `json:"fingerprint" form:"fingerprint"`
}

// Claim gives the user a camera and returns its id. Failures are FieldErrors.
func (s *Service) Claim(ctx context.Context, userID int64, form ClaimForm) (string, error) {
	wrong := FieldErrors{}
	camera, code := wrong.checkClaim(form.CameraID, form.ClaimCode)
	name := wrong.checkName(form.Name)
	fingerprint := wrong.checkFingerprint(form.Fingerprint)
	if err := wrong.err(); err != nil {
		return "", err
	}
	err := s.store.ClaimPinned(ctx, userID, camera, credential.HashClaimCode(camera, code), name, fingerprint)
	if errors.Is(err, store.ErrClaimRefused) {
		return "", s.claimRefused(ctx, camera)
	}
	if err != nil {
		return "", fmt.Errorf("claim: %w", err)
	}
	s.Record(ctx, userID, camera, AuditClaimed, "")
	s.log.Info("camera claimed", "user", userID, "camera", camera)
	return camera, nil
}

// Rename names one of the user's cameras; an empty name restores the default. Failures are
// FieldErrors or ErrNotFound.
func (s *Service) Rename(ctx context.Context, userID int64, cameraID, name string) error {
	wrong := FieldErrors{}
	name = wrong.checkName(name)
	if err := wrong.err(); err != nil {
		return err
	}
	if err := s.store.Rename(ctx, userID, cameraID, name); err != nil {
		return err
	}
	s.Record(ctx, userID, cameraID, AuditRenamed, name)
	return nil
}

// Release gives one of the user's cameras up, cuts everyone who watches it, and returns the new
// claim code for its next owner, which is shown only this once.
func (s *Service) Release(ctx context.Context, userID int64, cameraID string) (string, error) {
	code := credential.NewCode()
	if err := s.store.Release(ctx, userID, cameraID, credential.HashClaimCode(cameraID, code)); err != nil {
		return "", err
	}
	s.revoker.Look()
	s.Record(ctx, userID, cameraID, AuditReleased, "")
	s.log.Info("camera released", "user", userID, "camera", cameraID)
	return code, nil
}

// Notices lists what the user should know.
func (s *Service) Notices(ctx context.Context, userID int64) ([]store.Notice, error) {
	return s.store.Notices(ctx, userID)
}

// DismissNotice removes one of the user's notices.
func (s *Service) DismissNotice(ctx context.Context, userID, noticeID int64) error {
	return s.store.DismissNotice(ctx, userID, noticeID)
}
