package store

import (
	"context"
	"time"

	"gorm.io/gorm"
)

// AuditEntry is one thing that happened. It never changes.
type AuditEntry struct {
	ID       int64
	At       time.Time
	UserID   int64  // in whose log it is
	CameraID string // "" is about the account
	Kind     string
	// Who did it, and from where, as far as that is known.
	ActorKind string
	Actor     string
	Address   string
	Device    string // as the browser or program calls itself
	Detail    string
	Session   string // of a view
	Seconds   int64  // how long a view lasted
}

// TableName is what it is: a log.
func (AuditEntry) TableName() string { return "audit_log" }

// AuditFilter chooses entries of one person's log. Zero fields choose all.
type AuditFilter struct {
	UserID    int64
	CameraID  string
	Kinds     []string
	From, To  time.Time // To is not included
	Before    int64     // entries with smaller ids
	Limit     int
	Ascending bool // the oldest first, after Before
}

// auditChunk bounds the parameters of one statement: SQLite has at most 32,766.
const auditChunk = 500

// Audit appends entries, all of them or none.
func (s *Store) Audit(ctx context.Context, entries ...AuditEntry) error {
	if len(entries) == 0 {
		return nil
	}
	for i := range entries {
		entries[i].At = s.now()
	}
	return s.db.WithContext(ctx).CreateInBatches(entries, auditChunk).Error
}

// AuditLog lists entries, the newest first unless the filter says otherwise.
func (s *Store) AuditLog(ctx context.Context, f AuditFilter) ([]AuditEntry, error) {
	db := s.db.WithContext(ctx).Where("user_id = ?", f.UserID)
	if f.CameraID != "" {
		db = db.Where("camera_id = ?", f.CameraID)
	}
	if len(f.Kinds) > 0 {
		db = db.Where("kind IN ?", f.Kinds)
	}
	if !f.From.IsZero() {
		db = db.Where("at >= ?", f.From.UTC())
	}
	if !f.To.IsZero() {
		db = db.Where("at < ?", f.To.UTC())
	}
	order := "id DESC"
	switch {
	case f.Ascending:
		db, order = db.Where("id > ?", f.Before), "id"
	case f.Before > 0:
		db = db.Where("id < ?", f.Before)
	}
	var list []AuditEntry
	err := db.Order(order).Limit(f.Limit).Find(&list).Error
	return list, err
}

// AuditCount counts a person's entries of a kind since a moment.
func (s *Store) AuditCount(ctx context.Context, userID int64, kind string, since time.Time) (int64, error) {
	var n int64
	err := s.db.WithContext(ctx).Model(&AuditEntry{}).
		Where("user_id = ? AND kind = ? AND at >= ?", userID, kind, since.UTC()).Count(&n).Error
	return n, err
}

// PruneAudit removes entries from before a moment.
func (s *Store) PruneAudit(ctx context.Context, before time.Time) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		return EraseAudit(tx, "at < ?", before.UTC())
	})
}

// EraseAudit is the one way by which entries leave the log, for their age or with their account: the database
// refuses every other.
func EraseAudit(tx *gorm.DB, where string, args ...any) error {
	var n int64
	if err := tx.Model(&AuditEntry{}).Where(where, args...).Count(&n).Error; err != nil || n == 0 {
		return err
	}
	if err := tx.Exec("UPDATE audit_gate SET opened = 1").Error; err != nil {
		return err
	}
	if err := tx.Where(where, args...).Delete(&AuditEntry{}).Error; err != nil {
		return err
	}
	return tx.Exec("UPDATE audit_gate SET opened = 0").Error
}
