package store

import (
	"context"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// GuestLink lets whoever has it watch one camera, without an account. It holds as long as its owner owns
// the camera.
type GuestLink struct {
	ID        string
	CameraID  string
	OwnerID   int64
	Name      string
	Hash      []byte
	CreatedAt time.Time
	ExpiresAt time.Time
	Visits    []GuestVisit `gorm:"foreignKey:LinkID"`
}

// GuestVisit is a browser that opened a guest link. It has a secret of its own.
type GuestVisit struct {
	ID          int64
	LinkID      string
	Hash        []byte
	Address     string
	Device      string
	FirstUsedAt time.Time
	LastUsedAt  time.Time
	Count       int // how often it opened the page
	ExpiresAt   time.Time
}

// Subject is what the revocation of the link is called.
func (l *GuestLink) Subject() string { return guestPrefix + l.CameraID + "-" + l.ID }

// AddGuestLink records a link for a camera of its owner, who may have so many for each camera.
func (s *Store) AddGuestLink(ctx context.Context, link *GuestLink, most int) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		err := tx.Clauses(forUpdate).First(&Camera{}, "id = ? AND owner_id = ?", link.CameraID, link.OwnerID).Error
		if err != nil {
			return found(err)
		}
		var n int64
		if err := tx.Model(&GuestLink{}).Where("camera_id = ?", link.CameraID).Count(&n).Error; err != nil {
			return err
		}
		if n >= int64(most) {
			return ErrTooMany
		}
		return tx.Omit("Visits").Create(link).Error
	})
}

// GuestLinks lists the links for a camera of the owner with who used them, expired ones included.
func (s *Store) GuestLinks(ctx context.Context, ownerID int64, cameraID string) ([]GuestLink, error) {
	var list []GuestLink
	err := s.db.WithContext(ctx).Where("owner_id = ? AND camera_id = ?", ownerID, cameraID).
		Preload("Visits", func(db *gorm.DB) *gorm.DB { return db.Order("last_used_at DESC, id DESC") }).
		Order("created_at, id").Find(&list).Error
	return list, err
}

// GuestLinkByHash finds a link that holds.
func (s *Store) GuestLinkByHash(ctx context.Context, hash []byte) (*GuestLink, error) {
	return s.guestLink(s.db.WithContext(ctx), "guest_links.hash = ?", hash)
}

func (s *Store) guestLink(db *gorm.DB, where string, args ...any) (*GuestLink, error) {
	var link GuestLink
	err := db.Joins("JOIN cameras ON cameras.id = guest_links.camera_id AND cameras.owner_id = guest_links.owner_id").
		Where(where, args...).Where("guest_links.expires_at > ?", s.now()).First(&link).Error
	if err != nil {
		return nil, found(err)
	}
	return &link, nil
}

// AddGuestVisit records that a browser opened a link. A link remembers at most so many: the one unused
// longest makes room. It is ErrNotFound if the link has ended meanwhile.
func (s *Store) AddGuestVisit(ctx context.Context, visit *GuestVisit, most int) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		visit.FirstUsedAt, visit.LastUsedAt, visit.Count = s.now(), s.now(), 1
		if err := tx.Create(visit).Error; err != nil {
			return found(err)
		}
		kept := tx.Model(&GuestVisit{}).Select("id").Where("link_id = ?", visit.LinkID).Order("last_used_at DESC, id DESC").Limit(most)
		return tx.Where("link_id = ? AND id NOT IN (SELECT id FROM (?) AS kept)", visit.LinkID, kept).Delete(&GuestVisit{}).Error
	})
}

// GuestByHash finds the visit with this secret, and its link, if both hold.
func (s *Store) GuestByHash(ctx context.Context, hash []byte) (*GuestVisit, *GuestLink, error) {
	var visit GuestVisit
	db := s.db.WithContext(ctx)
	if err := db.First(&visit, "hash = ? AND expires_at > ?", hash, s.now()).Error; err != nil {
		return nil, nil, found(err)
	}
	link, err := s.guestLink(db, "guest_links.id = ?", visit.LinkID)
	return &visit, link, err
}

// TouchGuest records that a visit goes on from an address.
func (s *Store) TouchGuest(ctx context.Context, id int64, address string) error {
	return s.db.WithContext(ctx).Model(&GuestVisit{}).Where("id = ?", id).
		Updates(map[string]any{"last_used_at": s.now(), "address": address, "count": gorm.Expr("count + 1")}).Error
}

// EndGuestLink removes one of the owner's links and cuts everyone who watches by it.
func (s *Store) EndGuestLink(ctx context.Context, ownerID int64, cameraID, id string) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		var n int64
		where, args := "id = ? AND owner_id = ? AND camera_id = ?", []any{id, ownerID, cameraID}
		if err := tx.Model(&GuestLink{}).Where(where, args...).Count(&n).Error; err != nil {
			return err
		}
		if n == 0 {
			return ErrNotFound
		}
		return revokeGuests(tx, where, args...)
	})
}

// revokeGuests removes links and records their revocations.
func revokeGuests(tx *gorm.DB, where string, args ...any) error {
	var gone []GuestLink
	if err := tx.Clauses(clause.Returning{}).Where(where, args...).Delete(&gone).Error; err != nil {
		return err
	}
	for i := range gone {
		if err := revoke(tx, gone[i].Subject()); err != nil {
			return err
		}
	}
	return nil
}
