package store

import (
	"context"
	"crypto/sha256"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// throttlesKept bounds how many keys are remembered past a [Store.Prune]. Those that are nearest to having their
// whole burst back go first.
const throttlesKept = 100_000

// Throttle is how often a key may be used: a burst, then once more per interval.
type Throttle struct {
	Name  string
	Burst int
	Every time.Duration
}

type throttled struct {
	Hash    []byte
	WholeAt int64
}

// TableName is what the rows make up.
func (throttled) TableName() string { return "throttles" }

// Spend uses key once, in one statement: however many portals share the database, a key has one burst. It returns
// 0, or how long to wait if there is none left; to be refused costs nothing.
//
// What is kept of a key is its hash, and the moment at which its whole burst is there again (the generic cell rate
// algorithm's theoretical arrival time, ITU-T I.371), in Unix nanoseconds.
func (s *Store) Spend(ctx context.Context, t Throttle, key string) (time.Duration, error) {
	now, every := s.now().UnixNano(), int64(t.Every)
	latest := now + int64(t.Burst-1)*every
	later := gorm.Expr("? + CASE WHEN throttles.whole_at > ? THEN throttles.whole_at ELSE ? END", every, now, now)
	db, hash := s.db.WithContext(ctx), t.hash(key)
	spent := db.Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "hash"}},
		DoUpdates: clause.Assignments(map[string]any{"whole_at": later}),
		Where:     clause.Where{Exprs: []clause.Expression{gorm.Expr("throttles.whole_at <= ?", latest)}},
	}).Create(&throttled{hash, now + every})
	if spent.Error != nil || spent.RowsAffected == 1 {
		return 0, spent.Error
	}
	var whole []int64
	if err := db.Model(&throttled{}).Where("hash = ?", hash).Pluck("whole_at", &whole).Error; err != nil {
		return 0, err
	}
	for _, at := range whole { // none is left if it was given back meanwhile
		return max(time.Duration(at-latest), 1), nil
	}
	return 1, nil
}

// Restore gives a key its burst back.
func (s *Store) Restore(ctx context.Context, t Throttle, key string) error {
	return s.db.WithContext(ctx).Where("hash = ?", t.hash(key)).Delete(&throttled{}).Error
}

// hash is what stands for a key in the database: keys have names and addresses in them.
func (t Throttle) hash(key string) []byte {
	sum := sha256.Sum256([]byte(t.Name + "\x00" + key))
	return sum[:]
}

// pruneThrottles forgets keys that have their whole burst, and what is too much.
func (s *Store) pruneThrottles(ctx context.Context, kept int) error {
	return s.db.WithContext(ctx).Exec(`DELETE FROM throttles WHERE whole_at <= ? OR whole_at <
(SELECT whole_at FROM throttles ORDER BY whole_at DESC LIMIT 1 OFFSET ?)`, s.now().UnixNano(), kept-1).Error
}
