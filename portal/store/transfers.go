package store

import (
	"context"
	"time"

	"gorm.io/gorm"
)

// Transfer is a camera that its owner offers to another person. A camera has at most one.
type Transfer struct {
	ID       string
	CameraID string
	FromID   int64
	// ToID is who is asked; nil if nobody has the name, or said no. The owner cannot tell.
	ToID      *int64
	ToName    string // as the owner typed it
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Offered is a transfer as the person sees it who is asked.
type Offered struct {
	Transfer `gorm:"embedded"`
	From     string // user name
}

// OfferCamera records a transfer of a camera of its owner's, in place of an earlier one.
func (s *Store) OfferCamera(ctx context.Context, t *Transfer) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		err := tx.Clauses(forUpdate).First(&Camera{}, "id = ? AND owner_id = ?", t.CameraID, t.FromID).Error
		if err != nil {
			return found(err)
		}
		if err := tx.Where("camera_id = ?", t.CameraID).Delete(&Transfer{}).Error; err != nil {
			return err
		}
		return tx.Create(t).Error
	})
}

// TransferOf finds the owner's open transfer of a camera, ErrNotFound if there is none.
func (s *Store) TransferOf(ctx context.Context, ownerID int64, cameraID string) (*Transfer, error) {
	var t Transfer
	err := s.db.WithContext(ctx).First(&t, "camera_id = ? AND from_id = ? AND expires_at > ?", cameraID, ownerID, s.now()).Error
	return &t, found(err)
}

// WithdrawTransfer takes the owner's offer back.
func (s *Store) WithdrawTransfer(ctx context.Context, ownerID int64, cameraID string) error {
	return one(s.db.WithContext(ctx).Where("camera_id = ? AND from_id = ?", cameraID, ownerID).Delete(&Transfer{}))
}

// Offers lists the cameras that are offered to a person.
func (s *Store) Offers(ctx context.Context, userID int64) ([]Offered, error) {
	var list []Offered
	err := s.db.WithContext(ctx).Table("transfers").Select(`transfers.*, users.username AS "from"`).
		Joins("JOIN users ON users.id = transfers.from_id").
		Where("to_id = ? AND expires_at > ?", userID, s.now()).Order("transfers.created_at, transfers.id").Find(&list).Error
	return list, err
}

// DeclineTransfer forgets who was asked: to the owner, the offer stays one that nobody accepted.
func (s *Store) DeclineTransfer(ctx context.Context, userID int64, id string) error {
	return one(s.db.WithContext(ctx).Model(&Transfer{}).Where("id = ? AND to_id = ?", id, userID).Update("to_id", nil))
}

// AcceptTransfer makes the person the camera's owner. Nothing of what the former owner did with it stays.
func (s *Store) AcceptTransfer(ctx context.Context, userID int64, id string) (*Transfer, error) {
	var t Transfer
	err := s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := tx.First(&t, "id = ? AND to_id = ? AND expires_at > ?", id, userID, s.now()).Error; err != nil {
			return found(err)
		}
		return handOver(tx, t.FromID, t.CameraID, map[string]any{
			"owner_id": userID, "claimed_at": s.now(), "name": "", "pinned_fingerprint": gorm.Expr("fingerprint"),
		})
	})
	return &t, err
}

// handOver takes a camera from its owner, with everything that they did with it. Of two at once, one finds
// that it is no longer theirs.
func handOver(tx *gorm.DB, ownerID int64, cameraID string, set map[string]any) error {
	var camera Camera
	if err := tx.Clauses(forUpdate).First(&camera, "id = ? AND owner_id = ?", cameraID, ownerID).Error; err != nil {
		return found(err)
	}
	if err := endCamera(tx, cameraID); err != nil {
		return err
	}
	if err := one(tx.Model(&Camera{}).Where("id = ? AND owner_id = ?", cameraID, ownerID).Updates(set)); err != nil {
		return err
	}
	if err := resetConfig(tx, cameraID); err != nil {
		return err
	}
	return revoke(tx, camera.Ownership(), ReleasePrefix+cameraID)
}
