package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// OneTimeCode is a user's authenticator app. It counts once it is confirmed.
type OneTimeCode struct {
	UserID      int64  `gorm:"primaryKey"`
	Secret      []byte // sealed
	LastStep    int64  // the newest time step of which a code was used
	ConfirmedAt *time.Time
	CreatedAt   time.Time
}

// Passkey is a WebAuthn credential.
type Passkey struct {
	ID         string // names it in lists
	UserID     int64
	Credential []byte // the credential's own id
	Data       []byte // what is needed to check it; nothing secret
	Name       string
	CreatedAt  time.Time
	LastUsedAt *time.Time
}

type recoveryCode struct {
	Hash      []byte `gorm:"primaryKey"`
	UserID    int64
	CreatedAt time.Time
}

// OneTimeCodeOf finds a user's authenticator app, confirmed or not.
func (s *Store) OneTimeCodeOf(ctx context.Context, userID int64) (*OneTimeCode, error) {
	var code OneTimeCode
	err := s.db.WithContext(ctx).First(&code, "user_id = ?", userID).Error
	if err != nil {
		return nil, found(err)
	}
	return &code, nil
}

// OfferOneTimeCode keeps the sealed secret of an app that is not confirmed yet, in the place of an earlier one
// that never was. It returns ErrNotFound if there is a confirmed one.
func (s *Store) OfferOneTimeCode(ctx context.Context, userID int64, sealed []byte) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		err := tx.Where("user_id = ? AND confirmed_at IS NULL", userID).Delete(&OneTimeCode{}).Error
		if err != nil {
			return err
		}
		offer := &OneTimeCode{UserID: userID, Secret: sealed}
		return one(tx.Clauses(clause.OnConflict{DoNothing: true}).Create(offer))
	})
}

// ConfirmOneTimeCode makes an app count, with the step of the code that proved it used up. recovery is the
// hashes of recovery codes, which are taken if the user had no second factor before.
func (s *Store) ConfirmOneTimeCode(ctx context.Context, userID, step int64, recovery [][]byte) (first bool, err error) {
	err = s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if first, err = firstFactor(tx, userID, recovery); err != nil {
			return err
		}
		return one(tx.Model(&OneTimeCode{}).Where("user_id = ? AND confirmed_at IS NULL AND last_step < ?", userID, step).
			Updates(map[string]any{"confirmed_at": s.now(), "last_step": step}))
	})
	return first, err
}

// firstFactor gives a user without a second factor recovery codes.
func firstFactor(tx *gorm.DB, userID int64, recovery [][]byte) (bool, error) {
	// Locked, so that of two factors added at once one is the first.
	if err := tx.Clauses(forUpdate).First(&User{}, userID).Error; err != nil {
		return false, found(err)
	}
	n, err := factors(tx, userID)
	if err != nil || n > 0 {
		return false, err
	}
	return true, replaceRecovery(tx, userID, recovery)
}

// factors counts a user's second factors.
func factors(tx *gorm.DB, userID int64) (int64, error) {
	var codes, passkeys int64
	if err := tx.Model(&OneTimeCode{}).Where("user_id = ? AND confirmed_at IS NOT NULL", userID).Count(&codes).Error; err != nil {
		return 0, err
	}
	err := tx.Model(&Passkey{}).Where("user_id = ?", userID).Count(&passkeys).Error
	return codes + passkeys, err
}

// UseStep uses a time step of the user's confirmed app up. It reports false if that step or a later one was
// used before, through whichever portal.
func (s *Store) UseStep(ctx context.Context, userID, step int64) (bool, error) {
	used := s.db.WithContext(ctx).Model(&OneTimeCode{}).
		Where("user_id = ? AND confirmed_at IS NOT NULL AND last_step < ?", userID, step).Update("last_step", step)
	return used.RowsAffected == 1, used.Error
}

// DeleteOneTimeCode removes the user's app.
func (s *Store) DeleteOneTimeCode(ctx context.Context, userID int64) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := one(tx.Where("user_id = ?", userID).Delete(&OneTimeCode{})); err != nil {
			return err
		}
		return lastFactor(tx, userID)
	})
}

// lastFactor removes the recovery codes of a user who has no second factor any more.
func lastFactor(tx *gorm.DB, userID int64) error {
	n, err := factors(tx, userID)
	if err != nil || n > 0 {
		return err
	}
	return tx.Where("user_id = ?", userID).Delete(&recoveryCode{}).Error
}

// ReplaceRecovery gives the user other recovery codes.
func (s *Store) ReplaceRecovery(ctx context.Context, userID int64, hashes [][]byte) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error { return replaceRecovery(tx, userID, hashes) })
}

func replaceRecovery(tx *gorm.DB, userID int64, hashes [][]byte) error {
	if err := tx.Where("user_id = ?", userID).Delete(&recoveryCode{}).Error; err != nil {
		return err
	}
	for _, hash := range hashes {
		if err := tx.Create(&recoveryCode{Hash: hash, UserID: userID}).Error; err != nil {
			return err
		}
	}
	return nil
}

// UseRecovery uses a recovery code up. It reports false if the user has no such code.
func (s *Store) UseRecovery(ctx context.Context, userID int64, hash []byte) (bool, error) {
	used := s.db.WithContext(ctx).Where("hash = ? AND user_id = ?", hash, userID).Delete(&recoveryCode{})
	return used.RowsAffected == 1, used.Error
}

// RecoveryLeft counts the user's recovery codes.
func (s *Store) RecoveryLeft(ctx context.Context, userID int64) (int, error) {
	var n int64
	err := s.db.WithContext(ctx).Model(&recoveryCode{}).Where("user_id = ?", userID).Count(&n).Error
	return int(n), err
}

// AddPasskey records a passkey, at most so many for each user. recovery is as for ConfirmOneTimeCode.
func (s *Store) AddPasskey(ctx context.Context, passkey *Passkey, most int, recovery [][]byte) (first bool, err error) {
	err = s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if first, err = firstFactor(tx, passkey.UserID, recovery); err != nil {
			return err
		}
		var n int64
		if err := tx.Model(&Passkey{}).Where("user_id = ?", passkey.UserID).Count(&n).Error; err != nil {
			return err
		}
		if n >= int64(most) {
			return ErrTooMany
		}
		return tx.Create(passkey).Error
	})
	return first, err
}

// PasskeysOf lists the user's passkeys, the oldest first.
func (s *Store) PasskeysOf(ctx context.Context, userID int64) ([]Passkey, error) {
	var list []Passkey
	err := s.db.WithContext(ctx).Where("user_id = ?", userID).Order("created_at, id").Find(&list).Error
	return list, err
}

// PasskeyByCredential finds a passkey by the credential's own id.
func (s *Store) PasskeyByCredential(ctx context.Context, credential []byte) (*Passkey, error) {
	var passkey Passkey
	if err := s.db.WithContext(ctx).First(&passkey, "credential = ?", credential).Error; err != nil {
		return nil, found(err)
	}
	return &passkey, nil
}

// PasskeyUsed records that a passkey was used, and what changed in it by that.
func (s *Store) PasskeyUsed(ctx context.Context, id string, data []byte) error {
	return one(s.db.WithContext(ctx).Model(&Passkey{}).Where("id = ?", id).
		Updates(map[string]any{"data": data, "last_used_at": s.now()}))
}

// RenamePasskey renames one of the user's passkeys.
func (s *Store) RenamePasskey(ctx context.Context, userID int64, id, name string) error {
	return one(s.db.WithContext(ctx).Model(&Passkey{}).Where("id = ? AND user_id = ?", id, userID).Update("name", name))
}

// ErrLastWayIn means that the user could not log in any more. Its text is for people.
var ErrLastWayIn = errors.New("this is the only way into your account; set a password or add another passkey first")

// DeletePasskey removes one of the user's passkeys, but not the only way in.
func (s *Store) DeletePasskey(ctx context.Context, userID int64, id string) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		var user User
		if err := tx.Clauses(forUpdate).First(&user, userID).Error; err != nil {
			return found(err)
		}
		if err := one(tx.Where("id = ? AND user_id = ?", id, userID).Delete(&Passkey{})); err != nil {
			return err
		}
		left, err := waysIn(tx, &user)
		if err == nil && left == 0 {
			return ErrLastWayIn // and the transaction is undone
		}
		if err != nil {
			return err
		}
		return lastFactor(tx, userID)
	})
}

// waysIn counts how a user can log in.
func waysIn(tx *gorm.DB, user *User) (int64, error) {
	var n int64
	if user.PasswordHash != "" {
		n++
	}
	var passkeys int64
	err := tx.Model(&Passkey{}).Where("user_id = ?", user.ID).Count(&passkeys).Error
	return n + passkeys, err
}

// HandleOf returns the user's name towards passkeys; fresh becomes it if there is none yet.
func (s *Store) HandleOf(ctx context.Context, userID int64, fresh []byte) ([]byte, error) {
	db := s.db.WithContext(ctx)
	if err := db.Model(&User{}).Where("id = ? AND handle IS NULL", userID).Update("handle", fresh).Error; err != nil {
		return nil, err
	}
	var user User
	if err := db.First(&user, userID).Error; err != nil {
		return nil, found(err)
	}
	return user.Handle, nil
}
