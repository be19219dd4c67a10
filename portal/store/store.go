package store

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// ErrNotFound is returned when what was asked for does not exist, or is not the asker's: the same
// on purpose.
var ErrNotFound = errors.New("not found")

// Store is a connection to the database. Its methods are safe for concurrent use.
type Store struct {
	db     *gorm.DB
	now    func() time.Time
	timing *timing
}

// Open connects to a database, a file path (SQLite) or a postgres:// URL, and brings its schema up
// to date. now is the clock; nil is time.Now.
func Open(ctx context.Context, database string, now func() time.Time) (*Store, error) {
	if now == nil {
		now = time.Now
	}
	s, err := connect(database, now)
	if err != nil {
		return nil, err
	}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// connect opens a database as it is.
func connect(database string, now func() time.Time) (*Store, error) {
	dialector, err := dialectorOf(database)
	if err != nil {
		return nil, err
	}
	db, err := gorm.Open(dialector, &gorm.Config{
		Logger:         logger.Discard, // errors are returned, and logged once by whoever handles them
		TranslateError: true,
		NowFunc:        func() time.Time { return now().UTC() },
	})
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	timing := newTiming()
	if err := db.Use(timing); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	pool, err := db.DB()
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	pool.SetConnMaxIdleTime(connectionIdle)
	return &Store{db: db, now: func() time.Time { return now().UTC() }, timing: timing}, nil
}

// A store has at most so many connections: thousands of pages ask at the same time whether their logins still hold,
// and each connection has a cache of megabytes, or is a process of Postgres's. They are kept for a while, since
// opening one takes longer than most questions.
const (
	connections    = 24
	connectionIdle = 5 * time.Minute
)

func dialectorOf(database string) (gorm.Dialector, error) {
	if IsPostgres(database) {
		return postgres.Open(database), nil
	}
	if err := os.MkdirAll(filepath.Dir(database), 0o700); err != nil {
		return nil, fmt.Errorf("database folder: %w", err)
	}
	// WAL lets readers go on during a write; immediate transactions wait for their turn instead of
	// failing half way.
	options := url.Values{
		"_journal_mode": {"WAL"}, "_busy_timeout": {"10000"}, "_foreign_keys": {"on"},
		"_txlock":        {"immediate"},
		"_synchronous":   {"FULL"}, // what was acknowledged survives a power cut, too
		"_secure_delete": {"on"},   // what is deleted is overwritten
	}
	return sqlite.Open("file:" + database + "?" + options.Encode()), nil
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	db, err := s.db.DB()
	if err != nil {
		return err
	}
	return db.PingContext(ctx)
}

// Now is the time by the store's clock, by which all is judged that it keeps.
func (s *Store) Now() time.Time { return s.now() }

// Close releases the connections.
func (s *Store) Close() error {
	db, err := s.db.DB()
	if err != nil {
		return err
	}
	return db.Close()
}

// found turns gorm's not-found into ours. What a new row refers to may be gone, too.
func found(err error) error {
	if errors.Is(err, gorm.ErrRecordNotFound) || errors.Is(err, gorm.ErrForeignKeyViolated) {
		return ErrNotFound
	}
	return err
}

// one turns an UPDATE or DELETE that met no row into [ErrNotFound].
func one(result *gorm.DB) error {
	if result.Error == nil && result.RowsAffected == 0 {
		return ErrNotFound
	}
	return result.Error
}
