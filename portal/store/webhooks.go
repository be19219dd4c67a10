package store

import (
	"context"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Webhook is an address that is called when something happens to a user's cameras.
type Webhook struct {
	ID        string
	UserID    int64
	URL       string
	CreatedAt time.Time
	// LastAt is when it was last called, and LastError why that failed; empty if it did not.
	LastAt    *time.Time
	LastError string
}

// WebhookCall is an event on its way to a webhook. It stays until it has arrived, or is given up.
type WebhookCall struct {
	ID        string
	WebhookID string
	Body      []byte
	Attempts  int
	NextAt    time.Time
	CreatedAt time.Time
}

// AddWebhook adds a webhook to a user who has fewer than most, else it returns ErrTooMany.
func (s *Store) AddWebhook(ctx context.Context, hook *Webhook, most int) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		var user User
		// Locked, so that two at once count each other.
		if err := tx.Clauses(forUpdate).First(&user, "id = ?", hook.UserID).Error; err != nil {
			return found(err)
		}
		var n int64
		if err := tx.Model(&Webhook{}).Where("user_id = ?", hook.UserID).Count(&n).Error; err != nil {
			return err
		}
		if n >= int64(most) {
			return ErrTooMany
		}
		return tx.Create(hook).Error
	})
}

// Webhooks lists a user's webhooks, the oldest first.
func (s *Store) Webhooks(ctx context.Context, userID int64) ([]Webhook, error) {
	var list []Webhook
	err := s.db.WithContext(ctx).Where("user_id = ?", userID).Order("created_at, id").Find(&list).Error
	return list, err
}

// Webhook returns one of a user's webhooks.
func (s *Store) Webhook(ctx context.Context, userID int64, id string) (*Webhook, error) {
	var hook Webhook
	err := s.db.WithContext(ctx).First(&hook, "user_id = ? AND id = ?", userID, id).Error
	return &hook, found(err)
}

// WebhookByID returns any webhook.
func (s *Store) WebhookByID(ctx context.Context, id string) (*Webhook, error) {
	var hook Webhook
	err := s.db.WithContext(ctx).First(&hook, "id = ?", id).Error
	return &hook, found(err)
}

// DeleteWebhook removes one of a user's webhooks and what is on its way to it.
func (s *Store) DeleteWebhook(ctx context.Context, userID int64, id string) error {
	return one(s.db.WithContext(ctx).Where("user_id = ? AND id = ?", userID, id).Delete(&Webhook{}))
}

// QueueCalls has webhooks called as soon as may be.
func (s *Store) QueueCalls(ctx context.Context, calls []WebhookCall) error {
	return s.queueCalls(s.db.WithContext(ctx), calls)
}

func (s *Store) queueCalls(tx *gorm.DB, calls []WebhookCall) error {
	if len(calls) == 0 {
		return nil
	}
	for i := range calls {
		calls[i].NextAt = s.now()
	}
	return tx.Create(&calls).Error
}

// TakeCalls returns up to most calls whose time has come. Nobody else gets them before the lease is over.
func (s *Store) TakeCalls(ctx context.Context, most int, lease time.Duration) ([]WebhookCall, error) {
	now := s.now()
	var due, taken []WebhookCall
	if err := s.db.WithContext(ctx).Where("next_at <= ?", now).Order("next_at").Limit(most).Find(&due).Error; err != nil {
		return nil, err
	}
	for _, call := range due {
		mine := s.db.WithContext(ctx).Model(&WebhookCall{}).Where("id = ? AND next_at <= ?", call.ID, now).
			Updates(map[string]any{"next_at": now.Add(lease), "attempts": gorm.Expr("attempts + 1")})
		if mine.Error != nil {
			return taken, mine.Error
		}
		if mine.RowsAffected == 1 {
			call.Attempts++
			taken = append(taken, call)
		}
	}
	return taken, nil
}

// EndCall records how a call ended. It is made again at next, unless that is zero.
func (s *Store) EndCall(ctx context.Context, call *WebhookCall, failure string, next time.Time) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		end := tx.Where("id = ?", call.ID)
		if next.IsZero() {
			end = end.Delete(&WebhookCall{})
		} else {
			end = end.Model(&WebhookCall{}).Update("next_at", next)
		}
		if end.Error != nil {
			return end.Error
		}
		return tx.Model(&Webhook{}).Where("id = ?", call.WebhookID).
			Updates(map[string]any{"last_at": s.now(), "last_error": failure}).Error
	})
}

// CameraAlert says that a camera's owner was told that it is offline.
type CameraAlert struct {
	CameraID string `gorm:"primaryKey"`
	RaisedAt time.Time
}

// RaiseAlert queues the calls that tell a camera's owner that it is offline. Of all portals one does so, once
// until [Store.EndAlert]; it reports whether that was this one.
func (s *Store) RaiseAlert(ctx context.Context, cameraID string, calls []WebhookCall) (first bool, err error) {
	err = s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		made := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&CameraAlert{cameraID, s.now()})
		if first = made.RowsAffected == 1; made.Error != nil || !first {
			return made.Error
		}
		return s.queueCalls(tx, calls)
	})
	return first && err == nil, err
}

// EndAlert queues the calls that tell the owner that the camera is back, if they were told that it was offline.
func (s *Store) EndAlert(ctx context.Context, cameraID string, calls []WebhookCall) (first bool, err error) {
	err = s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		gone := tx.Where("camera_id = ?", cameraID).Delete(&CameraAlert{})
		if first = gone.RowsAffected == 1; gone.Error != nil || !first {
			return gone.Error
		}
		return s.queueCalls(tx, calls)
	})
	return first && err == nil, err
}

// Alerts lists the cameras whose owners were told that they are offline.
func (s *Store) Alerts(ctx context.Context) ([]string, error) {
	var cameras []string
	err := s.db.WithContext(ctx).Model(&CameraAlert{}).Pluck("camera_id", &cameras).Error
	return cameras, err
}
