package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm/clause"
)

// Logins is the store of login sessions for alexedwards/scs. Tokens arrive hashed.
type Logins struct{ store *Store }

// Logins returns the scs store backed by s.
func (s *Store) Logins() *Logins { return &Logins{s} }

type loginSession struct {
	Token     string `gorm:"primaryKey"`
	Data      []byte
	ExpiresAt time.Time
}

var errNoContext = errors.New("store: login sessions need a context")

// FindCtx implements scs.CtxStore.
func (l *Logins) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	var found []loginSession
	err := l.store.db.WithContext(ctx).
		Where("token = ? AND expires_at > ?", token, l.store.now()).Limit(1).Find(&found).Error
	if err != nil || len(found) == 0 {
		return nil, false, err
	}
	return found[0].Data, true, nil
}

// CommitCtx implements scs.CtxStore.
func (l *Logins) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	row := &loginSession{Token: token, Data: data, ExpiresAt: expiry.UTC()}
	return l.store.db.WithContext(ctx).Clauses(clause.OnConflict{UpdateAll: true}).Create(row).Error
}

// DeleteCtx implements scs.CtxStore.
func (l *Logins) DeleteCtx(ctx context.Context, token string) error {
	return l.store.db.WithContext(ctx).Delete(&loginSession{Token: token}).Error
}

// Find, Commit and Delete complete scs.Store; scs calls the Ctx forms.

// Find implements scs.Store and is never called.
func (*Logins) Find(string) ([]byte, bool, error) { return nil, false, errNoContext }

// Commit implements scs.Store and is never called.
func (*Logins) Commit(string, []byte, time.Time) error { return errNoContext }

// Delete implements scs.Store and is never called.
func (*Logins) Delete(string) error { return errNoContext }
