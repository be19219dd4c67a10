package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
)

// Identity is somebody at another provider, whom it vouches for, and whose account that is here. It is known by
// issuer and subject only: mail addresses change hands.
type Identity struct {
	ID         string // names it in lists
	UserID     int64
	Issuer     string
	Subject    string
	Name       string // as the provider calls them, for people
	CreatedAt  time.Time
	LastUsedAt *time.Time
}

// ErrTaken means that an identity is another account's already.
var ErrTaken = errors.New("identity taken")

// AddIdentity links an identity to its user.
func (s *Store) AddIdentity(ctx context.Context, identity *Identity) error {
	return addIdentity(s.db.WithContext(ctx), identity)
}

func addIdentity(tx *gorm.DB, identity *Identity) error {
	err := tx.Create(identity).Error
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return ErrTaken
	}
	return err
}

// CreatePendingIdentity is [Store.CreatePending] for somebody whom another provider vouches for.
func (s *Store) CreatePendingIdentity(ctx context.Context, username string, identity *Identity, until time.Time, cameraID string, claimHash []byte) (*User, error) {
	user := &User{Username: username, PendingUntil: &until}
	err := s.createPending(ctx, user, cameraID, claimHash, func(tx *gorm.DB) error {
		identity.UserID = user.ID
		return addIdentity(tx, identity)
	})
	if err != nil {
		return nil, err
	}
	return user, nil
}

// UseIdentity finds whose an identity is and records that it is used.
func (s *Store) UseIdentity(ctx context.Context, issuer, subject string) (*User, error) {
	var identity Identity
	db := s.db.WithContext(ctx)
	if err := db.First(&identity, "issuer = ? AND subject = ?", issuer, subject).Error; err != nil {
		return nil, found(err)
	}
	if err := db.Model(&identity).Update("last_used_at", s.now()).Error; err != nil {
		return nil, err
	}
	return s.UserByID(ctx, identity.UserID)
}

// IdentitiesOf lists the user's identities, the oldest first.
func (s *Store) IdentitiesOf(ctx context.Context, userID int64) ([]Identity, error) {
	var list []Identity
	err := s.db.WithContext(ctx).Where("user_id = ?", userID).Order("created_at, id").Find(&list).Error
	return list, err
}

// DeleteIdentity removes one of the user's identities. A password or a passkey has to be left: the portal may stop
// asking the provider.
func (s *Store) DeleteIdentity(ctx context.Context, userID int64, id string) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		var user User
		if err := tx.Clauses(forUpdate).First(&user, userID).Error; err != nil {
			return found(err)
		}
		if err := one(tx.Where("id = ? AND user_id = ?", id, userID).Delete(&Identity{})); err != nil {
			return err
		}
		left, err := waysIn(tx, &user)
		if err == nil && left == 0 {
			return ErrLastWayIn // and the transaction is undone
		}
		return err
	})
}
