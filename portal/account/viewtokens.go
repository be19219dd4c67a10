package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"seccam/portal/store"
)

// MaxViewTokens is how many view tokens a camera may have.
const MaxViewTokens = 20

// FieldExpires is the field of a view token's end.
const FieldExpires = "expires_at"

// maxViewTime bounds how far ahead the end of a view token may be.
const maxViewTime = 10 * 366 * 24 * time.Hour

// ViewTokenForm is what an owner says of a new view token.
type ViewTokenForm struct {
	Name      string     `json:"name"`
	ExpiresAt *time.Time `json:"expires_at"` // nil is never
}

// CreateViewToken gives a program the right to watch one of the user's cameras, and nothing else. The
// token itself is returned only here. Failures are FieldErrors or ErrNotFound.
func (s *Service) CreateViewToken(ctx context.Context, userID int64, cameraID string, form ViewTokenForm) (*store.ViewToken, string, error) {
	wrong := FieldErrors{}
	name := wrong.checkName(form.Name)
	if name == "" && wrong[FieldName] == "" {
		wrong[FieldName] = "Say who it is for, such as the name of the program."
	}
	if e := form.ExpiresAt; e != nil && (!e.After(s.now()) || e.After(s.now().Add(maxViewTime))) {
		wrong[FieldExpires] = "The end must be in the future, at most ten years away."
	}
	if err := wrong.err(); err != nil {
		return nil, "", err
	}
	secret := viewSecret.create()
	hash, _ := viewSecret.hash(secret)
	token := &store.ViewToken{ID: newID(), CameraID: cameraID, UserID: userID, Name: name, Hash: hash}
	if form.ExpiresAt != nil {
		end := form.ExpiresAt.UTC()
		token.ExpiresAt = &end
	}
	err := s.store.AddViewToken(ctx, token, MaxViewTokens)
	if errors.Is(err, store.ErrTooMany) {
		return nil, "", FieldErrors{FieldName: fmt.Sprintf("A camera has at most %d of these. Revoke one that is not used any more.", MaxViewTokens)}
	}
	if err != nil {
		return nil, "", err
	}
	s.Record(ctx, userID, cameraID, AuditViewToken, name)
	s.log.Info("view token created", "user", userID, "camera", cameraID, "token", token.ID)
	return token, secret, nil
}

// ViewTokens lists the view tokens of one of the user's cameras, expired ones included.
func (s *Service) ViewTokens(ctx context.Context, userID int64, cameraID string) ([]store.ViewToken, error) {
	return s.store.ViewTokens(ctx, userID, cameraID)
}

// RevokeViewToken ends a view token and cuts everyone who watches by it.
func (s *Service) RevokeViewToken(ctx context.Context, userID int64, cameraID, tokenID string) error {
	if err := s.store.RevokeViewToken(ctx, userID, cameraID, tokenID); err != nil {
		return err
	}
	s.revoker.Look()
	s.Record(ctx, userID, cameraID, AuditViewTokenEnded, "")
	s.log.Info("view token revoked", "user", userID, "camera", cameraID, "token", tokenID)
	return nil
}

// RedeemViewToken returns the token that a program showed, if it holds, else ErrNotFound.
func (s *Service) RedeemViewToken(ctx context.Context, secret string) (*store.ViewToken, error) {
	hash, ok := viewSecret.hash(secret)
	if !ok {
		return nil, ErrNotFound
	}
	return s.store.ViewTokenByHash(ctx, hash)
}

// ViewTokenHolds reports whether a token that was redeemed still holds.
func (s *Service) ViewTokenHolds(ctx context.Context, tokenID string) (bool, error) {
	_, err := s.store.ViewTokenByID(ctx, tokenID)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// ViewTokenUsed records that a program begins to watch.
func (s *Service) ViewTokenUsed(ctx context.Context, tokenID string) error {
	return s.store.TouchViewToken(ctx, tokenID)
}
