package store

import (
	"context"
	"time"

	"gorm.io/gorm"
)

// Login is one browser or program that is logged in. It ends with its login session, and the session
// with it.
type Login struct {
	ID      string // random; names the login in lists and, with [LoginPrefix], in revocations
	Session string // the key of its login session
	UserID  int64
	Method  string // how the person proved who they are
	Address string // of the latest visit
	Agent   string // the User-Agent of the latest visit
	// ProvedAt is when the person last proved who they are: what is delicate wants that to be recent.
	ProvedAt   time.Time
	CreatedAt  time.Time
	LastUsedAt time.Time
}

// LoginPrefix begins the revocation subject of a login.
const LoginPrefix = "login-"

// Subject is what the revocation of the login is called.
func (l *Login) Subject() string { return LoginPrefix + l.ID }

// AddLogin records a login whose session exists already.
func (s *Store) AddLogin(ctx context.Context, login *Login) error {
	login.CreatedAt = s.now()
	login.ProvedAt, login.LastUsedAt = login.CreatedAt, login.CreatedAt
	return s.db.WithContext(ctx).Create(login).Error
}

// LoginByID finds a login that has not ended.
func (s *Store) LoginByID(ctx context.Context, id string) (*Login, error) {
	var login Login
	if err := s.liveLogins(ctx).Where("logins.id = ?", id).First(&login).Error; err != nil {
		return nil, found(err)
	}
	return &login, nil
}

// LoginHolds reports whether a login has not ended, is that of a session, and its user is not a sign-up that has
// lapsed. It is one query, since every open page asks every few seconds.
func (s *Store) LoginHolds(ctx context.Context, id, session string) (bool, error) {
	var holding int64
	err := s.liveLogins(ctx).Model(&Login{}).
		Joins("JOIN users ON users.id = logins.user_id AND (users.pending_until IS NULL OR users.pending_until > ?)", s.now()).
		Where("logins.id = ? AND logins.session = ?", id, session).Count(&holding).Error
	return holding == 1, err
}

// LoginsOf lists where a user is logged in, the most recently used first.
func (s *Store) LoginsOf(ctx context.Context, userID int64) ([]Login, error) {
	var list []Login
	err := s.liveLogins(ctx).Where("user_id = ?", userID).Order("last_used_at DESC, logins.id").Find(&list).Error
	return list, err
}

func (s *Store) liveLogins(ctx context.Context) *gorm.DB {
	return s.db.WithContext(ctx).
		Joins("JOIN login_sessions ON login_sessions.token = logins.session AND login_sessions.expires_at > ?", s.now())
}

// TouchLogin records that a login is used now, from where and by what.
func (s *Store) TouchLogin(ctx context.Context, id, address, agent string) error {
	return s.db.WithContext(ctx).Model(&Login{}).Where("id = ?", id).
		Updates(map[string]any{"last_used_at": s.now(), "address": address, "agent": agent}).Error
}

// ProveLogin records that the person of a login has just proved who they are.
func (s *Store) ProveLogin(ctx context.Context, id string) error {
	return one(s.db.WithContext(ctx).Model(&Login{}).Where("id = ?", id).Update("proved_at", s.now()))
}

// EndLogin ends one of the user's logins and records the revocation with it.
func (s *Store) EndLogin(ctx context.Context, userID int64, id string) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		n, err := endLogins(tx, "id = ? AND user_id = ?", id, userID)
		if err == nil && n == 0 {
			return ErrNotFound
		}
		return err
	})
}

// EndLogins ends every login of the user but the one to keep, "" for none, and returns how many.
func (s *Store) EndLogins(ctx context.Context, userID int64, keep string) (n int, err error) {
	err = s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		n, err = endLogins(tx, "user_id = ? AND id <> ?", userID, keep)
		return err
	})
	return n, err
}

// endLogins removes logins with their sessions and records their revocations: there is no moment in which
// only some of that has happened.
func endLogins(tx *gorm.DB, where string, args ...any) (int, error) {
	var gone []Login
	if err := tx.Clauses(forUpdate).Where(where, args...).Find(&gone).Error; err != nil {
		return 0, err
	}
	for _, login := range gone {
		// The login goes with its session, by the foreign key.
		if err := tx.Delete(&loginSession{Token: login.Session}).Error; err != nil {
			return 0, err
		}
		if err := tx.Create(&Revocation{Subject: login.Subject()}).Error; err != nil {
			return 0, err
		}
	}
	return len(gone), nil
}

// SetPassword gives the user another password and ends every login but the one to keep, at once.
func (s *Store) SetPassword(ctx context.Context, userID int64, passwordHash, keep string) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		set := tx.Model(&User{}).Where("id = ?", userID).Update("password_hash", passwordHash)
		if err := one(set); err != nil {
			return err
		}
		_, err := endLogins(tx, "user_id = ? AND id <> ?", userID, keep)
		return err
	})
}
