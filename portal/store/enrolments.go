package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
)

// Enrolment is a person's token by which one camera of their own becomes theirs.
type Enrolment struct {
	ID        string
	UserID    int64
	Hash      []byte
	CameraID  string // that used it; "" while it is unused
	CreatedAt time.Time
	ExpiresAt time.Time
}

// AddEnrolment records a token; a person has at most so many that are unused.
func (s *Store) AddEnrolment(ctx context.Context, e *Enrolment, most int) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := lockUser(tx, e.UserID); err != nil {
			return err
		}
		var n int64
		unused := tx.Model(&Enrolment{}).Where("user_id = ? AND camera_id = '' AND expires_at > ?", e.UserID, s.now())
		if err := unused.Count(&n).Error; err != nil {
			return err
		}
		if n >= int64(most) {
			return ErrTooMany
		}
		return tx.Create(e).Error
	})
}

// Enrol adds a camera that whoever made the token owns, and uses the token up. [ErrNotFound] says that the token does
// not hold; [ErrTooMany] that its person has so many cameras already. The same camera may ask again until it has
// connected: it may have lost the answer.
func (s *Store) Enrol(ctx context.Context, hash []byte, camera *Camera, most int) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		var e Enrolment
		if err := tx.Clauses(forUpdate).First(&e, "hash = ? AND expires_at > ?", hash, s.now()).Error; err != nil {
			return found(err)
		}
		camera.OwnerID = &e.UserID
		if e.CameraID != "" {
			return enrolledAgain(tx, e, camera)
		}
		if err := lockUser(tx, e.UserID); err != nil {
			return err
		}
		if err := fewer(tx, &Camera{}, e.UserID, most); err != nil {
			return err
		}
		now := s.now()
		camera.KeyVersion, camera.ClaimedAt, camera.PinnedFingerprint = 1, &now, camera.Fingerprint
		if err := tx.Create(camera).Error; err != nil {
			if errors.Is(err, gorm.ErrDuplicatedKey) {
				return ErrExists
			}
			return err
		}
		return tx.Model(&Enrolment{}).Where("id = ?", e.ID).Update("camera_id", camera.ID).Error
	})
}

// enrolledAgain answers the camera that has used a token, and no other.
func enrolledAgain(tx *gorm.DB, e Enrolment, camera *Camera) error {
	if e.CameraID != camera.ID {
		return ErrNotFound
	}
	return found(tx.First(&Camera{}, "id = ? AND owner_id = ? AND pinned_fingerprint = ? AND key_version = 1 AND last_seen_at IS NULL",
		camera.ID, e.UserID, camera.Fingerprint).Error)
}
