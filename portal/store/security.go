package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// UseNonce records a nonce as used. It reports false if it was used before.
func (s *Store) UseNonce(ctx context.Context, nonce string, expires time.Time) (bool, error) {
	type usedNonce struct {
		Nonce     string
		ExpiresAt time.Time
	}
	err := s.db.WithContext(ctx).Table("used_nonces").Create(&usedNonce{nonce, expires.UTC()}).Error
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return false, nil
	}
	return err == nil, err
}

// Revocation says that an identity, login or ownership ended. Every portal acts on it, whichever of
// them recorded it.
type Revocation struct {
	ID        int64
	Subject   string
	CreatedAt time.Time
}

// Revoke records a revocation.
func (s *Store) Revoke(ctx context.Context, subject string) error {
	return s.db.WithContext(ctx).Create(&Revocation{Subject: subject}).Error
}

// RevocationsAfter lists the revocations whose ids are greater than the given one, and those with ids that were
// missing before: on Postgres an id is given when a transaction writes, and others see it when that ends.
func (s *Store) RevocationsAfter(ctx context.Context, id int64, missing ...int64) ([]Revocation, error) {
	after := s.db.WithContext(ctx).Where("id > ?", id)
	if len(missing) > 0 {
		after = after.Or("id IN ?", missing)
	}
	var list []Revocation
	err := after.Order("id").Find(&list).Error
	return list, err
}

// LastRevocation returns the id of the newest revocation, 0 if there is none.
func (s *Store) LastRevocation(ctx context.Context) (int64, error) {
	var last Revocation
	err := s.db.WithContext(ctx).Order("id DESC").Limit(1).Find(&last).Error
	return last.ID, err
}

// MQTTToken is the record of a token given to a person.
type MQTTToken struct {
	ID        string // the token's jti
	Subject   string
	Camera    string // "+" is every camera
	RPC       bool
	Snapshot  bool // it may take pictures
	Restart   bool // it may restart cameras
	Config    bool // it may set what can be set from afar
	Note      string
	CreatedAt time.Time
	ExpiresAt time.Time
	RevokedAt *time.Time
}

// TableName is fixed, since gorm would split the abbreviation.
func (MQTTToken) TableName() string { return "mqtt_tokens" }

// RecordToken keeps the record of a token given to a person.
func (s *Store) RecordToken(ctx context.Context, token MQTTToken) error {
	token.ExpiresAt = token.ExpiresAt.UTC()
	return s.db.WithContext(ctx).Create(&token).Error
}

// TokenRevoked reports whether the token with this jti was revoked or never recorded.
func (s *Store) TokenRevoked(ctx context.Context, id string) (bool, error) {
	var n int64
	err := s.db.WithContext(ctx).Model(&MQTTToken{}).Where("id = ? AND revoked_at IS NULL", id).Count(&n).Error
	return n == 0, err
}

// RevokeToken ends a person's token before its time and returns its subject.
func (s *Store) RevokeToken(ctx context.Context, id string) (string, error) {
	var token MQTTToken
	if err := s.db.WithContext(ctx).First(&token, "id = ?", id).Error; err != nil {
		return "", found(err)
	}
	return token.Subject, s.db.WithContext(ctx).Model(&token).Update("revoked_at", s.now()).Error
}

// NoticeClaimAttempt is the kind of notice for a claim of a camera that is already owned.
const NoticeClaimAttempt = "claim_attempt"

// Notice is something an owner should know. Equal notices are counted, not repeated.
type Notice struct {
	ID        int64
	UserID    int64
	CameraID  string
	Kind      string
	Count     int
	UpdatedAt time.Time
}

// NotifyOwner adds a notice for the owner of a camera, if it has one.
func (s *Store) NotifyOwner(ctx context.Context, cameraID, kind string) error {
	camera, err := s.CameraByID(ctx, cameraID)
	if errors.Is(err, ErrNotFound) || err == nil && camera.OwnerID == nil {
		return nil
	}
	if err != nil {
		return err
	}
	again := clause.OnConflict{
		Columns:   []clause.Column{{Name: "user_id"}, {Name: "camera_id"}, {Name: "kind"}},
		DoUpdates: clause.Assignments(map[string]any{"count": gorm.Expr("notices.count + 1"), "updated_at": s.now()}),
	}
	notice := &Notice{UserID: *camera.OwnerID, CameraID: cameraID, Kind: kind, Count: 1}
	return s.db.WithContext(ctx).Clauses(again).Create(notice).Error
}

// Notices lists a user's notices, the newest first.
func (s *Store) Notices(ctx context.Context, userID int64) ([]Notice, error) {
	var list []Notice
	err := s.db.WithContext(ctx).Where("user_id = ?", userID).Order("updated_at DESC").Find(&list).Error
	return list, err
}

// DismissNotice removes one of a user's notices.
func (s *Store) DismissNotice(ctx context.Context, userID, id int64) error {
	return one(s.db.WithContext(ctx).Where("user_id = ? AND id = ?", userID, id).Delete(&Notice{}))
}

// Prune removes what has expired: sign-ups, nonces, throttles, login sessions, and revocations after a week. What lets
// others watch stays in its owner's sight for a month more.
func (s *Store) Prune(ctx context.Context) error {
	now := s.now()
	db := s.db.WithContext(ctx)
	return errors.Join(
		s.ExpirePending(ctx),
		s.pruneThrottles(ctx, throttlesKept),
		db.Exec("DELETE FROM used_nonces WHERE expires_at < ?", now).Error,
		db.Exec("DELETE FROM mail_tokens WHERE expires_at < ?", now).Error,
		db.Exec("DELETE FROM login_sessions WHERE expires_at < ?", now).Error,
		db.Exec("DELETE FROM view_tokens WHERE expires_at < ?", now.AddDate(0, -1, 0)).Error,
		db.Exec("DELETE FROM api_tokens WHERE expires_at < ?", now.AddDate(0, -1, 0)).Error,
		db.Exec("DELETE FROM guest_links WHERE expires_at < ?", now.AddDate(0, -1, 0)).Error,
		db.Exec("DELETE FROM shares WHERE expires_at < ? OR viewer_id IS NULL AND invite_until < ?", now.AddDate(0, -1, 0), now.AddDate(0, -1, 0)).Error,
		db.Exec("DELETE FROM enrolments WHERE expires_at < ?", now).Error,
		db.Exec("DELETE FROM admin_tokens WHERE expires_at < ?", now.AddDate(0, -1, 0)).Error,
		db.Exec("DELETE FROM transfers WHERE expires_at < ?", now).Error,
		db.Exec("DELETE FROM revocations WHERE created_at < ?", now.AddDate(0, 0, -7)).Error,
	)
}
