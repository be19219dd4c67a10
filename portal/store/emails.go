package store

import (
	"context"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Email is a user's verified address.
type Email struct {
	UserID     int64  `gorm:"primaryKey"`
	Address    string // as it was typed
	AddressKey string // lower case
	VerifiedAt time.Time
}

// Kinds of mail tokens.
const (
	MailVerify = "verify" // makes its address the user's
	MailReset  = "reset"  // sets another password
)

// MailToken is a right that was sent by mail, once. A user has at most one of each kind.
type MailToken struct {
	Hash      []byte `gorm:"primaryKey"`
	UserID    int64
	Kind      string
	Address   string
	CreatedAt time.Time
	ExpiresAt time.Time
}

type knownDevice struct {
	UserID    int64  `gorm:"primaryKey"`
	Hash      []byte `gorm:"primaryKey"`
	CreatedAt time.Time
}

// EmailOf finds a user's verified address.
func (s *Store) EmailOf(ctx context.Context, userID int64) (*Email, error) {
	var email Email
	if err := s.db.WithContext(ctx).First(&email, "user_id = ?", userID).Error; err != nil {
		return nil, found(err)
	}
	return &email, nil
}

// EmailsBy lists the users whose verified address this is, in any case.
func (s *Store) EmailsBy(ctx context.Context, address string) ([]Email, error) {
	var list []Email
	err := s.db.WithContext(ctx).Where("address_key = ?", strings.ToLower(address)).Order("user_id").Find(&list).Error
	return list, err
}

// RemoveEmail removes a user's address, and one that waits to be verified.
func (s *Store) RemoveEmail(ctx context.Context, userID int64) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := tx.Where("user_id = ?", userID).Delete(&MailToken{}).Error; err != nil {
			return err
		}
		return tx.Where("user_id = ?", userID).Delete(&Email{}).Error
	})
}

// AddMailToken records a token in the place of the user's earlier one of this kind. It reports false, and does
// nothing, if that one is younger than the pause between two mails.
func (s *Store) AddMailToken(ctx context.Context, token *MailToken, pause time.Duration) (added bool, err error) {
	token.ExpiresAt = token.ExpiresAt.UTC()
	err = s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		old := tx.Where("user_id = ? AND kind = ? AND created_at <= ?", token.UserID, token.Kind, s.now().Add(-pause))
		if err := old.Delete(&MailToken{}).Error; err != nil {
			return err
		}
		created := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(token)
		added = created.RowsAffected == 1
		return created.Error
	})
	return added, err
}

// MailTokenOf finds the user's token of a kind that holds.
func (s *Store) MailTokenOf(ctx context.Context, userID int64, kind string) (*MailToken, error) {
	return s.mailToken(ctx, "user_id = ? AND kind = ?", userID, kind)
}

// MailTokenBy finds a token of a kind that holds.
func (s *Store) MailTokenBy(ctx context.Context, hash []byte, kind string) (*MailToken, error) {
	return s.mailToken(ctx, "hash = ? AND kind = ?", hash, kind)
}

func (s *Store) mailToken(ctx context.Context, where string, args ...any) (*MailToken, error) {
	var token MailToken
	err := s.db.WithContext(ctx).Where(where, args...).Where("expires_at > ?", s.now()).First(&token).Error
	if err != nil {
		return nil, found(err)
	}
	return &token, nil
}

// useMailToken uses a token up: of two at once, one finds it.
func (s *Store) useMailToken(tx *gorm.DB, hash []byte, kind string) (*MailToken, error) {
	var used []MailToken
	err := tx.Clauses(clause.Returning{}).Where("hash = ? AND kind = ? AND expires_at > ?", hash, kind, s.now()).Delete(&used).Error
	if err != nil {
		return nil, err
	}
	if len(used) == 0 {
		return nil, ErrNotFound
	}
	return &used[0], nil
}

// VerifyEmail uses a token up and makes its address the user's.
func (s *Store) VerifyEmail(ctx context.Context, hash []byte) (email *Email, err error) {
	err = s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		token, err := s.useMailToken(tx, hash, MailVerify)
		if err != nil {
			return err
		}
		email = &Email{UserID: token.UserID, Address: token.Address, AddressKey: strings.ToLower(token.Address), VerifiedAt: s.now()}
		return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(email).Error
	})
	return email, err
}

// ResetPassword uses a token up, sets another password and ends every login of the user, at once.
func (s *Store) ResetPassword(ctx context.Context, hash []byte, passwordHash string) (userID int64, err error) {
	err = s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		token, err := s.useMailToken(tx, hash, MailReset)
		if err != nil {
			return err
		}
		userID = token.UserID
		set := tx.Model(&User{}).Where("id = ? AND pending_until IS NULL", userID).Update("password_hash", passwordHash)
		if err := one(set); err != nil {
			return err
		}
		_, err = endLogins(tx, "user_id = ?", userID)
		return err
	})
	return userID, err
}

// MeetDevice records that a user logs in from a device. It reports whether the device is new to them, and
// whether it is their first.
func (s *Store) MeetDevice(ctx context.Context, userID int64, hash []byte) (fresh, first bool, err error) {
	var n int64
	db := s.db.WithContext(ctx)
	if err := db.Model(&knownDevice{}).Where("user_id = ?", userID).Count(&n).Error; err != nil {
		return false, false, err
	}
	met := db.Clauses(clause.OnConflict{DoNothing: true}).Create(&knownDevice{UserID: userID, Hash: hash})
	return met.RowsAffected == 1, n == 0, met.Error
}
