// Package revocation makes the end of a right take effect on every portal that shares the database:
// a revoked camera or token, a log-out, a camera that changed hands.
package revocation

import (
	"context"
	"log/slog"
	"time"

	"seccam/portal/store"
)

// pollInterval bounds how long a revocation recorded by another process takes to be seen here.
const pollInterval = time.Second

// On Postgres a revocation can show up after one with a greater id: when its transaction took longer. An id that was
// left out is looked for until missingTime is over, which no transaction takes; only the newest missingMost are.
const (
	missingTime = time.Minute
	missingMost = 100
)

// Store records revocations.
type Store interface {
	Revoke(ctx context.Context, subject string) error
	RevocationsAfter(ctx context.Context, id int64, missing ...int64) ([]store.Revocation, error)
	LastRevocation(ctx context.Context) (int64, error)
}

// Watcher records revocations and acts on everyone's.
type Watcher struct {
	store   Store
	act     func(subject string)
	last    int64               // the greatest id that was seen
	missing map[int64]time.Time // smaller ids that were not, and since when
	log     *slog.Logger
	kick    chan struct{}
}

// New returns a watcher that calls act, in order and one at a time, for each revocation recorded
// from now on. act must not block for long.
func New(ctx context.Context, s Store, act func(subject string), log *slog.Logger) (*Watcher, error) {
	last, err := s.LastRevocation(ctx)
	if err != nil {
		return nil, err
	}
	w := &Watcher{store: s, act: act, last: max(0, last-missingMost), missing: map[int64]time.Time{}, log: log, kick: make(chan struct{}, 1)}
	past, err := s.RevocationsAfter(ctx, w.last)
	if err != nil {
		return nil, err
	}
	for _, r := range past {
		w.count(r.ID)
	}
	return w, nil
}

// count notes that the revocation with this id was seen, and which are missing before it.
func (w *Watcher) count(id int64) {
	for left := max(w.last+1, id-missingMost); left < id; left++ {
		w.missing[left] = time.Now()
	}
	delete(w.missing, id)
	w.last = max(w.last, id)
}

// wanted lists the missing ids that may still come.
func (w *Watcher) wanted() (ids []int64) {
	for id, since := range w.missing {
		if time.Since(since) > missingTime || id < w.last-missingMost {
			delete(w.missing, id)
			continue
		}
		ids = append(ids, id)
	}
	return ids
}

// Revoke records that the right named by subject ended; it takes effect here at once.
func (w *Watcher) Revoke(ctx context.Context, subject string) error {
	if err := w.store.Revoke(ctx, subject); err != nil {
		return err
	}
	w.Look()
	return nil
}

// Look makes what was recorded meanwhile take effect here at once.
func (w *Watcher) Look() {
	select {
	case w.kick <- struct{}{}:
	default: // a look is due already
	}
}

// Run acts on revocations until ctx ends.
func (w *Watcher) Run(ctx context.Context) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-w.kick:
		case <-ctx.Done():
			return nil
		}
		list, err := w.store.RevocationsAfter(ctx, w.last, w.wanted()...)
		if err != nil && ctx.Err() == nil {
			w.log.Error("read revocations; trying again", "error", err)
		}
		for _, r := range list {
			w.log.Info("revoked", "subject", r.Subject)
			w.act(r.Subject)
			w.count(r.ID)
		}
	}
}
