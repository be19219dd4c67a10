package account

import (
	"context"
	"errors"
	"time"

	"seccam/portal/store"
)

// OfferFor is how long an offer to take a camera over stands.
const OfferFor = 7 * 24 * time.Hour

// OfferCamera offers one of the user's cameras to the person with a user name. Whether anybody has it is not
// told. Failures are FieldErrors or ErrNotFound.
func (s *Service) OfferCamera(ctx context.Context, user *store.User, cameraID, username string) (*store.Transfer, error) {
	wrong := FieldErrors{}
	wrong.checkOther(user, username)
	if err := wrong.err(); err != nil {
		return nil, err
	}
	to, err := s.named(ctx, username)
	if err != nil {
		return nil, err
	}
	t := &store.Transfer{
		ID: newID(), CameraID: cameraID, FromID: user.ID, ToID: to, ToName: username, ExpiresAt: s.now().Add(OfferFor).UTC(),
	}
	if err := s.store.OfferCamera(ctx, t); err != nil {
		return nil, err
	}
	s.Record(ctx, user.ID, cameraID, AuditOffered, username)
	s.log.Info("camera offered", "user", user.ID, "camera", cameraID)
	return t, nil
}

// TransferOf returns the open offer of one of the user's cameras; nil is none.
func (s *Service) TransferOf(ctx context.Context, userID int64, cameraID string) (*store.Transfer, error) {
	t, err := s.store.TransferOf(ctx, userID, cameraID)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return t, err
}

// WithdrawTransfer takes the user's offer back.
func (s *Service) WithdrawTransfer(ctx context.Context, userID int64, cameraID string) error {
	return s.store.WithdrawTransfer(ctx, userID, cameraID)
}

// Offers lists the cameras that others offer to the user.
func (s *Service) Offers(ctx context.Context, userID int64) ([]store.Offered, error) {
	return s.store.Offers(ctx, userID)
}

// AcceptTransfer makes the user the owner of a camera that was offered to them, and returns its id. Nothing of
// what the former owner did with it stays, and who watches it is cut off.
func (s *Service) AcceptTransfer(ctx context.Context, userID int64, transferID string) (string, error) {
	t, err := s.store.AcceptTransfer(ctx, userID, transferID)
	if err != nil {
		return "", err
	}
	s.revoker.Look()
	s.Record(ctx, t.FromID, t.CameraID, AuditGiven, t.ToName)
	s.Record(ctx, userID, t.CameraID, AuditTaken, "")
	s.log.Info("camera taken over", "user", userID, "camera", t.CameraID, "from", t.FromID)
	return t.CameraID, nil
}

// DeclineTransfer refuses a camera that was offered to the user. Its owner cannot tell.
func (s *Service) DeclineTransfer(ctx context.Context, userID int64, transferID string) error {
	return s.store.DeclineTransfer(ctx, userID, transferID)
}
