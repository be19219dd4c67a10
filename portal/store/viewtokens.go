package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// ErrTooMany means that there are as many as there may be.
var ErrTooMany = errors.New("too many")

// ViewToken is a right to watch one camera, which its owner gave to a program. It holds as long as that
// person owns the camera.
type ViewToken struct {
	ID         string // names the token; the token itself is kept as a hash only
	CameraID   string
	UserID     int64
	Name       string
	Hash       []byte
	CreatedAt  time.Time
	ExpiresAt  *time.Time // nil is never
	LastUsedAt *time.Time
}

// Subject is what the revocation of the token is called.
func (t *ViewToken) Subject() string { return viewPrefix + t.CameraID + "-" + t.ID }

// AddViewToken records a token for a camera of its user, who may have so many for each camera.
func (s *Store) AddViewToken(ctx context.Context, token *ViewToken, most int) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		var camera Camera
		// Locked, so that two at once count each other.
		err := tx.Clauses(forUpdate).First(&camera, "id = ? AND owner_id = ?", token.CameraID, token.UserID).Error
		if err != nil {
			return found(err)
		}
		var n int64
		if err := tx.Model(&ViewToken{}).Where("camera_id = ?", token.CameraID).Count(&n).Error; err != nil {
			return err
		}
		if n >= int64(most) {
			return ErrTooMany
		}
		return tx.Create(token).Error
	})
}

// ViewTokens lists the tokens for a camera of the user, the oldest first, expired ones included.
func (s *Store) ViewTokens(ctx context.Context, userID int64, cameraID string) ([]ViewToken, error) {
	var list []ViewToken
	err := s.db.WithContext(ctx).Where("user_id = ? AND camera_id = ?", userID, cameraID).
		Order("created_at, id").Find(&list).Error
	return list, err
}

// ViewTokenByHash finds a token that holds.
func (s *Store) ViewTokenByHash(ctx context.Context, hash []byte) (*ViewToken, error) {
	return s.viewToken(ctx, "hash = ?", hash)
}

// ViewTokenByID finds a token that holds.
func (s *Store) ViewTokenByID(ctx context.Context, id string) (*ViewToken, error) {
	return s.viewToken(ctx, "view_tokens.id = ?", id)
}

func (s *Store) viewToken(ctx context.Context, where string, arg any) (*ViewToken, error) {
	var token ViewToken
	err := s.db.WithContext(ctx).
		Joins("JOIN cameras ON cameras.id = view_tokens.camera_id AND cameras.owner_id = view_tokens.user_id").
		Where(where, arg).Where("expires_at IS NULL OR expires_at > ?", s.now()).
		First(&token).Error
	if err != nil {
		return nil, found(err)
	}
	return &token, nil
}

// viewTouch is how exact the time of last use is: not every use costs a write.
const viewTouch = time.Minute

// TouchViewToken records that a token was used now.
func (s *Store) TouchViewToken(ctx context.Context, id string) error {
	now := s.now()
	return s.db.WithContext(ctx).Model(&ViewToken{}).
		Where("id = ? AND (last_used_at IS NULL OR last_used_at < ?)", id, now.Add(-viewTouch)).
		Update("last_used_at", now).Error
}

// RevokeViewToken removes a token of the user's, and records the revocation with it: there is no moment
// in which only one of the two has happened.
func (s *Store) RevokeViewToken(ctx context.Context, userID int64, cameraID, id string) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		n, err := revokeViews(tx, "id = ? AND user_id = ? AND camera_id = ?", id, userID, cameraID)
		if err == nil && n == 0 {
			return ErrNotFound
		}
		return err
	})
}

// revokeViews removes tokens, records their revocations and returns how many there were.
func revokeViews(tx *gorm.DB, where string, args ...any) (int, error) {
	var gone []ViewToken
	if err := tx.Clauses(clause.Returning{}).Where(where, args...).Delete(&gone).Error; err != nil {
		return 0, err
	}
	for _, token := range gone {
		if err := revoke(tx, token.Subject()); err != nil {
			return 0, err
		}
	}
	return len(gone), nil
}
