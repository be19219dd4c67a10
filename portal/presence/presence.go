// Package presence judges which cameras are connected, from their retained status messages and
// Wills, and remembers when each was last heard from.
package presence

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"seccam/pkg/signaling"
)

// How often stale cameras are looked for, and last-seen times are written.
const (
	sweepInterval = time.Second
	flushInterval = 15 * time.Second
	// SaveInterval is how often the last-seen time of a camera that stays online is written: it says little while it
	// is, and a hundred thousand cameras repeat their status thousands of times a second.
	SaveInterval = 5 * time.Minute
)

// Grace is how long a camera whose connection was lost still counts as online: most are back by then, from
// another Wi-Fi, a new address or a restarted router, and who hears of each blip soon listens to none. A
// camera that says that it shuts down is believed at once.
const Grace = 5 * time.Second

// Store keeps when cameras were last seen.
type Store interface {
	Seen(ctx context.Context, at map[string]time.Time) error
}

// Tracker holds the presence of every camera that was heard from. Its methods are safe for
// concurrent use.
type Tracker struct {
	store    Store
	now      func() time.Time
	log      *slog.Logger
	onChange func(camera string)

	mu      sync.Mutex
	cameras map[string]*entry
	unsaved map[string]time.Time
}

// New returns an empty tracker. onChange is called, without blocking it for long, after the presence
// of a camera changed. now is the clock; nil is time.Now.
func New(store Store, onChange func(camera string), now func() time.Time, log *slog.Logger) *Tracker {
	if now == nil {
		now = time.Now
	}
	return &Tracker{
		store: store, now: now, log: log, onChange: onChange,
		cameras: map[string]*entry{}, unsaved: map[string]time.Time{},
	}
}

// Remember sets when a camera was last seen before this process began.
func (t *Tracker) Remember(camera string, lastSeen time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.cameras[camera] == nil {
		t.cameras[camera] = &entry{lastSeen: lastSeen, saved: lastSeen}
	}
}

// Handle takes a payload from a camera's status topic. An empty one (a cleared retained message) and
// an earlier connection's Will change nothing.
func (t *Tracker) Handle(camera string, payload []byte) {
	if len(payload) == 0 {
		return
	}
	status, err := signaling.DecodeStatus(payload)
	if err != nil {
		t.log.Warn("status ignored", "camera", camera, "error", err)
		return
	}
	if t.update(camera, status) {
		t.onChange(camera)
	}
}

// update reports whether what people see has changed.
func (t *Tracker) update(camera string, status signaling.Status) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.cameras[camera]
	if e == nil {
		e = &entry{}
		t.cameras[camera] = e
	}
	now := t.now()
	if e.repeats(status, now) || !status.Supersedes(e.status) {
		return false
	}
	before := e.presence()
	if e.hear(status, now) {
		t.keep(camera, e)
	}
	return differs(before, e.presence())
}

// Of returns a camera's presence; its Fingerprint is not this package's to know.
func (t *Tracker) Of(camera string) signaling.Presence {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.cameras[camera]; e != nil {
		return e.presence()
	}
	return (&entry{}).presence()
}

// Offline returns the cameras that are not online, but were once.
func (t *Tracker) Offline() map[string]bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	offline := map[string]bool{}
	for camera, e := range t.cameras {
		if !e.lastSeen.IsZero() && !e.online() {
			offline[camera] = true
		}
	}
	return offline
}

// Known returns how many cameras were ever heard from: as many as may connect.
func (t *Tracker) Known() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.cameras)
}

// Count returns how many cameras are online.
func (t *Tracker) Count() (online int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range t.cameras {
		if e.online() {
			online++
		}
	}
	return online
}

// Unheard reports whether nothing was heard of a camera for so long that it may be connected all the same: to a node
// of the broker that does not tell us what it remembers.
func (t *Tracker) Unheard(camera string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.cameras[camera]
	return e == nil || e.status.Boot == "" || e.stale
}

// Online reports whether a camera is connected.
func (t *Tracker) Online(camera string) bool { return t.Of(camera).Online }

// Forget drops what is known about a camera that changed hands, but for whether it is connected.
func (t *Tracker) Forget(camera string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.unsaved, camera)
	e := t.cameras[camera]
	switch {
	case e == nil:
	case !e.presence().Online || !e.lost.IsZero():
		delete(t.cameras, camera)
	default:
		e.saved = time.Time{} // its next status is the first that its next owner has
	}
}

// Run marks cameras stale whose status was not repeated, and saves last-seen times, until ctx ends.
func (t *Tracker) Run(ctx context.Context) error {
	sweep, flush := time.NewTicker(sweepInterval), time.NewTicker(flushInterval)
	defer sweep.Stop()
	defer flush.Stop()
	for {
		select {
		case <-sweep.C:
			t.sweep()
		case <-flush.C:
			t.flushLogged(ctx)
		case <-ctx.Done():
			t.keepAll()
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			t.flushLogged(last)
			return nil
		}
	}
}

// sweep finds the cameras that are online no more though nobody said so.
func (t *Tracker) sweep() {
	var changed []string
	t.mu.Lock()
	now := t.now()
	for camera, e := range t.cameras {
		if e.lapse(now) {
			t.keep(camera, e)
			changed = append(changed, camera)
		}
	}
	t.mu.Unlock()
	for _, camera := range changed {
		t.onChange(camera)
	}
}
