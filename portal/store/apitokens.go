package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
)

// APIToken lets a program act for a person, as far as its scopes go.
type APIToken struct {
	ID         string
	UserID     int64
	Name       string
	Hash       []byte
	Scopes     string // words with spaces between them
	CreatedAt  time.Time
	ExpiresAt  time.Time
	LastUsedAt *time.Time
}

// TableName is fixed, since gorm would split the abbreviation.
func (APIToken) TableName() string { return "api_tokens" }

// apiTokenPrefix begins the revocation subject of an API token.
const apiTokenPrefix = "pat-"

// Subject is what the revocation of the token is called.
func (t *APIToken) Subject() string { return apiTokenPrefix + t.ID }

// May reports whether the token has a scope.
func (t *APIToken) May(scope string) bool { return slices.Contains(strings.Fields(t.Scopes), scope) }

// AddAPIToken records a token; a person has at most so many.
func (s *Store) AddAPIToken(ctx context.Context, token *APIToken, most int) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := lockUser(tx, token.UserID); err != nil {
			return err
		}
		var n int64
		if err := tx.Model(&APIToken{}).Where("user_id = ?", token.UserID).Count(&n).Error; err != nil {
			return err
		}
		if n >= int64(most) {
			return ErrTooMany
		}
		return tx.Create(token).Error
	})
}

// APITokens lists a person's tokens, the oldest first, expired ones included.
func (s *Store) APITokens(ctx context.Context, userID int64) ([]APIToken, error) {
	var list []APIToken
	err := s.db.WithContext(ctx).Where("user_id = ?", userID).Order("created_at, id").Find(&list).Error
	return list, err
}

// APITokenByHash finds a token that holds.
func (s *Store) APITokenByHash(ctx context.Context, hash []byte) (*APIToken, error) {
	return s.apiToken(ctx, "hash = ?", hash)
}

// APITokenByID finds a token that holds.
func (s *Store) APITokenByID(ctx context.Context, id string) (*APIToken, error) {
	return s.apiToken(ctx, "id = ?", id)
}

func (s *Store) apiToken(ctx context.Context, where string, arg any) (*APIToken, error) {
	var token APIToken
	err := s.db.WithContext(ctx).Where(where, arg).Where("expires_at > ?", s.now()).First(&token).Error
	return &token, found(err)
}

// TouchAPIToken records that a token was used now.
func (s *Store) TouchAPIToken(ctx context.Context, id string) error {
	now := s.now()
	return s.db.WithContext(ctx).Model(&APIToken{}).
		Where("id = ? AND (last_used_at IS NULL OR last_used_at < ?)", id, now.Add(-viewTouch)).
		Update("last_used_at", now).Error
}

// RevokeAPIToken removes one of a person's tokens and records that with it. It returns the token.
func (s *Store) RevokeAPIToken(ctx context.Context, userID int64, id string) (*APIToken, error) {
	var token APIToken
	err := s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := tx.Clauses(forUpdate).First(&token, "id = ? AND user_id = ?", id, userID).Error; err != nil {
			return found(err)
		}
		if err := one(tx.Delete(&APIToken{}, "id = ?", id)); err != nil {
			return err
		}
		return revoke(tx, token.Subject())
	})
	return &token, err
}
