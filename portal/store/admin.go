package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
)

// Operator is who does something with the whole fleet, and from where.
type Operator struct{ Name, Address string }

// Kinds of entries of the fleet's log.
const (
	AdminAdded        = "cameras_added"
	AdminKeyRevoked   = "key_revoked"
	AdminKeyReplaced  = "key_replaced"
	AdminExported     = "cameras_exported"
	AdminTokenMade    = "token_made"
	AdminTokenRevoked = "token_revoked"
	AdminNamed        = "admin_named"
	AdminDismissed    = "admin_dismissed"
)

// AdminEntry is one thing that was done with the fleet. It never changes.
type AdminEntry struct {
	ID       int64
	At       time.Time
	Operator string
	Address  string
	Kind     string
	CameraID string // "" is about no single one
	Detail   string
}

// TableName is what it is: a log.
func (AdminEntry) TableName() string { return "admin_log" }

// record appends to the fleet's log, in the transaction of what is recorded.
func (o Operator) record(tx *gorm.DB, kind, camera, detail string) error {
	return tx.Create(&AdminEntry{
		At: tx.NowFunc(), Operator: o.Name, Address: o.Address, Kind: kind, CameraID: camera, Detail: detail,
	}).Error
}

// tell appends what was done to a camera to its owner's log, if it has one.
func (o Operator) tell(tx *gorm.DB, camera *Camera, kind string) error {
	if camera.OwnerID == nil {
		return nil
	}
	return tx.Create(&AuditEntry{
		At: tx.NowFunc(), UserID: *camera.OwnerID, CameraID: camera.ID, Kind: kind, ActorKind: "operator", Actor: o.Name,
	}).Error
}

// RecordAdmin appends something to the fleet's log that changed nothing.
func (s *Store) RecordAdmin(ctx context.Context, by Operator, kind, detail string) error {
	return by.record(s.db.WithContext(ctx), kind, "", detail)
}

// AdminLog lists entries with smaller ids than before, or all if that is 0, the newest first. A camera's id chooses
// those about it.
func (s *Store) AdminLog(ctx context.Context, camera string, before int64, limit int) ([]AdminEntry, error) {
	db := s.db.WithContext(ctx)
	if camera != "" {
		db = db.Where("camera_id = ?", camera)
	}
	if before > 0 {
		db = db.Where("id < ?", before)
	}
	var list []AdminEntry
	err := db.Order("id DESC").Limit(limit).Find(&list).Error
	return list, err
}

// PruneAdminLog removes entries from before a moment.
func (s *Store) PruneAdminLog(ctx context.Context, before time.Time) error {
	return s.db.WithContext(ctx).Where("at < ?", before.UTC()).Delete(&AdminEntry{}).Error
}

// AdminToken lets a program do what its scopes say with the whole fleet.
type AdminToken struct {
	ID         string
	Name       string
	Hash       []byte
	Scopes     string // words with spaces between them
	CreatedAt  time.Time
	ExpiresAt  time.Time
	LastUsedAt *time.Time
}

// May reports whether the token has a scope.
func (t *AdminToken) May(scope string) bool { return slices.Contains(strings.Fields(t.Scopes), scope) }

// AddAdminToken records a token, which holds for a while from now.
func (s *Store) AddAdminToken(ctx context.Context, by Operator, token *AdminToken, holds time.Duration) error {
	token.ExpiresAt = s.now().Add(holds)
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := tx.Create(token).Error; err != nil {
			return err
		}
		return by.record(tx, AdminTokenMade, "", token.ID+" "+token.Name+" ("+token.Scopes+")")
	})
}

// AdminTokens lists the tokens, the oldest first, expired ones included.
func (s *Store) AdminTokens(ctx context.Context) ([]AdminToken, error) {
	var list []AdminToken
	err := s.db.WithContext(ctx).Order("created_at, id").Find(&list).Error
	return list, err
}

// AdminTokenByHash finds a token that holds, and records that it is used.
func (s *Store) AdminTokenByHash(ctx context.Context, hash []byte) (*AdminToken, error) {
	var token AdminToken
	now, db := s.now(), s.db.WithContext(ctx)
	if err := db.Where("hash = ? AND expires_at > ?", hash, now).First(&token).Error; err != nil {
		return nil, found(err)
	}
	used := db.Model(&AdminToken{}).Where("id = ? AND (last_used_at IS NULL OR last_used_at < ?)", token.ID, now.Add(-viewTouch))
	return &token, used.Update("last_used_at", now).Error
}

// RevokeAdminToken removes a token.
func (s *Store) RevokeAdminToken(ctx context.Context, by Operator, id string) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := one(tx.Delete(&AdminToken{}, "id = ?", id)); err != nil {
			return err
		}
		return by.record(tx, AdminTokenRevoked, "", id)
	})
}

// Admin is a person who may see the whole fleet.
type Admin struct {
	Username string
	AddedAt  time.Time
}

// Admins lists them by name.
func (s *Store) Admins(ctx context.Context) ([]Admin, error) {
	var list []Admin
	err := s.db.WithContext(ctx).Table("admins").Select("users.username", "admins.added_at").
		Joins("JOIN users ON users.id = admins.user_id").Order("users.username_key").Find(&list).Error
	return list, err
}

// IsAdmin reports whether a person is an admin.
func (s *Store) IsAdmin(ctx context.Context, userID int64) (bool, error) {
	var n int64
	err := s.db.WithContext(ctx).Table("admins").Where("user_id = ?", userID).Count(&n).Error
	return n > 0, err
}

// AddAdmin makes a person an admin, who may be one already.
func (s *Store) AddAdmin(ctx context.Context, by Operator, username string) error {
	return s.changeAdmin(ctx, by, username, AdminNamed, func(tx *gorm.DB, userID int64) error {
		return tx.Exec("INSERT INTO admins (user_id, added_at) VALUES (?, ?) ON CONFLICT DO NOTHING", userID, s.now()).Error
	})
}

// RemoveAdmin makes a person no admin any more; [ErrNotFound] says that they are none.
func (s *Store) RemoveAdmin(ctx context.Context, by Operator, username string) error {
	return s.changeAdmin(ctx, by, username, AdminDismissed, func(tx *gorm.DB, userID int64) error {
		return one(tx.Exec("DELETE FROM admins WHERE user_id = ?", userID))
	})
}

func (s *Store) changeAdmin(ctx context.Context, by Operator, username, kind string, change func(*gorm.DB, int64) error) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		var user User
		if err := tx.First(&user, "username_key = ? AND pending_until IS NULL", usernameKey(username)).Error; err != nil {
			return found(err)
		}
		if err := change(tx, user.ID); err != nil {
			return err
		}
		return by.record(tx, kind, "", user.Username)
	})
}
