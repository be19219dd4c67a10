package store

import (
	"context"
	"errors"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// ErrUsernameTaken and ErrClaimRefused are the two ways a sign-up or claim fails. The latter does
// not say whether the camera exists, is owned, or the code is wrong.
var (
	ErrUsernameTaken = errors.New("username taken")
	ErrClaimRefused  = errors.New("camera cannot be claimed with this code")
)

// User is an account. PendingUntil is set while its sign-up is unfinished.
type User struct {
	ID           int64
	Username     string // as it was typed
	UsernameKey  string // lower case, unique
	PasswordHash string // PHC string, argon2id; "" for who logs in without a password
	Handle       []byte // the account's name towards passkeys; nil until it is needed
	PendingUntil *time.Time
	CreatedAt    time.Time
}

// Pending reports whether the sign-up still has to be finished.
func (u *User) Pending() bool { return u.PendingUntil != nil }

// forUpdate makes a confirmation and an expiry of the same sign-up wait for each other. SQLite has
// one writer at a time and no such words; gorm leaves them out there.
var forUpdate = clause.Locking{Strength: clause.LockingStrengthUpdate}

func usernameKey(username string) string { return strings.ToLower(username) }

// CreatePending creates an unfinished account that holds its name and its camera until
// pendingUntil. The camera's claim code is not used up before [Store.Confirm].
func (s *Store) CreatePending(ctx context.Context, username, passwordHash string, until time.Time, cameraID string, claimHash []byte) (*User, error) {
	user := &User{Username: username, PasswordHash: passwordHash, PendingUntil: &until}
	nothing := func(*gorm.DB) error { return nil }
	if err := s.createPending(ctx, user, cameraID, claimHash, nothing); err != nil {
		return nil, err
	}
	return user, nil
}

// CreatePendingPasskey is [Store.CreatePending] for somebody who has a passkey and no password.
func (s *Store) CreatePendingPasskey(ctx context.Context, username string, handle []byte, passkey *Passkey, until time.Time, cameraID string, claimHash []byte) (*User, error) {
	user := &User{Username: username, Handle: handle, PendingUntil: &until}
	err := s.createPending(ctx, user, cameraID, claimHash, func(tx *gorm.DB) error {
		passkey.UserID = user.ID
		return tx.Create(passkey).Error
	})
	if err != nil {
		return nil, err
	}
	return user, nil
}

// createPending creates an account with a camera, and what else it begins with.
func (s *Store) createPending(ctx context.Context, user *User, cameraID string, claimHash []byte, also func(tx *gorm.DB) error) error {
	if err := s.ExpirePending(ctx); err != nil {
		return err
	}
	until := user.PendingUntil.UTC()
	user.UsernameKey, user.PendingUntil = usernameKey(user.Username), &until
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := tx.Create(user).Error; err != nil {
			if errors.Is(err, gorm.ErrDuplicatedKey) {
				return ErrUsernameTaken
			}
			return err
		}
		if err := also(tx); err != nil {
			return err
		}
		return take(tx, cameraID, claimHash, map[string]any{"owner_id": user.ID, "claimed_at": s.now()})
	})
}

// Confirm finishes a sign-up whose camera was seen since it began: the account becomes permanent,
// the claim code is used up, the camera's fingerprint is pinned. It returns ErrNotFound if the
// sign-up has expired, was confirmed already, or its camera was not seen.
func (s *Store) Confirm(ctx context.Context, userID int64) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		var user User
		err := tx.Clauses(forUpdate).Where("id = ? AND pending_until > ?", userID, s.now()).First(&user).Error
		if err != nil {
			return found(err)
		}
		claimed := tx.Model(&Camera{}).
			Where("owner_id = ? AND claim_hash IS NOT NULL AND last_seen_at >= ?", userID, user.CreatedAt).
			Updates(map[string]any{"claim_hash": nil, "pinned_fingerprint": firstPin})
		if err := one(claimed); err != nil {
			return err
		}
		return one(tx.Model(&User{}).Where("id = ?", userID).Update("pending_until", nil))
	})
}

// DeletePending removes an unfinished account, which frees its name and camera.
func (s *Store) DeletePending(ctx context.Context, userID int64) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		return deletePending(tx, tx.Where("id = ? AND pending_until IS NOT NULL", userID))
	})
}

// ExpirePending removes every unfinished account whose time is over.
func (s *Store) ExpirePending(ctx context.Context) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		return deletePending(tx, tx.Where("pending_until <= ?", s.now()))
	})
}

func deletePending(tx, which *gorm.DB) error {
	var users []User
	if err := which.Clauses(forUpdate).Find(&users).Error; err != nil {
		return err
	}
	for _, user := range users {
		freed := map[string]any{"owner_id": nil, "claimed_at": nil, "name": "", "pinned_fingerprint": ""}
		if err := tx.Model(&Camera{}).Where("owner_id = ?", user.ID).Updates(freed).Error; err != nil {
			return err
		}
		if err := tx.Delete(&User{}, user.ID).Error; err != nil {
			return err
		}
	}
	return nil
}

// UserByName finds an account by its name in any case. Expired sign-ups are not found.
func (s *Store) UserByName(ctx context.Context, username string) (*User, error) {
	return s.user(ctx, "username_key = ?", usernameKey(username))
}

// UserByID finds an account. Expired sign-ups are not found.
func (s *Store) UserByID(ctx context.Context, id int64) (*User, error) {
	return s.user(ctx, "id = ?", id)
}

func (s *Store) user(ctx context.Context, where string, arg any) (*User, error) {
	var user User
	err := s.db.WithContext(ctx).
		Where(where, arg).Where("pending_until IS NULL OR pending_until > ?", s.now()).
		First(&user).Error
	if err != nil {
		return nil, found(err)
	}
	return &user, nil
}
