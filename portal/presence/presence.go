// Package presence judges which cameras are connected, from their retained status messages and
// Wills, and remembers when each was last heard from.
package presence

import (
	"context"
	"fmt"
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

type entry struct {
	status   signaling.Status // the latest
	shown    signaling.Status // the latest, but for a loss within its grace
	lastSeen time.Time        // when an online status last arrived
	saved    time.Time        // the last-seen time that was given to be saved
	latest   int64            // the greatest At that was heard
	since    time.Time        // when the present connection was first heard of
	lost     time.Time        // when the connection was lost; zero unless within grace
	stale    bool
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
	if status.At > 0 {
		e.latest = status.At
	}
	switch {
	case status.Online && status.At > 0 && now.Sub(time.UnixMilli(status.At)) > signaling.StatusStale:
		// What a broker's node remembers and nobody has repeated since.
		e.shown, e.stale, e.lost = status, true, time.Time{}
		if at := time.UnixMilli(status.At); at.After(e.lastSeen) {
			e.lastSeen = at
		}
	case status.Online:
		if !e.status.Online || e.status.Boot != status.Boot || e.status.Connection != status.Connection {
			e.since = now
		}
		if !e.online() || now.Sub(e.saved) >= SaveInterval {
			e.saved, t.unsaved[camera] = now, now
		}
		e.lastSeen, e.stale, e.lost, e.shown = now, false, time.Time{}, status
	case e.shown.Online && status.Reason == signaling.OfflineConnectionLost:
		if e.lost.IsZero() {
			e.lost = now
		}
	default:
		t.leave(camera, e)
		e.lost, e.shown = time.Time{}, status
	}
	e.status = status
	return differs(before, e.presence())
}

// leave has it written when a camera that is online no more was last heard from.
func (t *Tracker) leave(camera string, e *entry) {
	if e.lastSeen.After(e.saved) {
		e.saved, t.unsaved[camera] = e.lastSeen, e.lastSeen
	}
}

// leaveAll is for the end of this process: what comes after it starts from what was written.
func (t *Tracker) leaveAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for camera, e := range t.cameras {
		t.leave(camera, e)
	}
}

// repeats reports whether a status is a copy of one from before: the nodes of a cluster each remember what they
// heard, and tell it to who subscribes. A mark from the future is of a clock that was wrong.
func (e *entry) repeats(s signaling.Status, now time.Time) bool {
	return s.At > 0 && s.At <= e.latest && e.latest <= now.Add(signaling.StatusStale).UnixMilli()
}

// differs reports whether people should be told.
func differs(before, after signaling.Presence) bool {
	return before.State != after.State || before.Text != after.Text || before.Since != after.Since ||
		before.OnlyPaired != after.OnlyPaired
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

func (e *entry) online() bool { return e.shown.Online && !e.stale }

func (e *entry) presence() signaling.Presence {
	p := signaling.Presence{Online: e.online(), OnlyPaired: e.shown.OnlyPaired}
	if !e.lastSeen.IsZero() {
		p.LastSeen = e.lastSeen.UnixMilli()
	}
	if p.Online {
		p.Since = e.since.UnixMilli()
	}
	switch {
	case p.Online && e.shown.Picture == signaling.PictureLost:
		p.State, p.Text = signaling.StateNoPicture, "Online, but no picture"
		if e.shown.Detail != "" {
			p.Text += ": " + e.shown.Detail
		}
	case p.Online && e.shown.Picture == signaling.PicturePrivate:
		p.State, p.Text = signaling.StatePrivate, "Privacy mode is on"
		if e.shown.Detail != "" {
			p.Text += " " + e.shown.Detail
		}
	case p.Online:
		p.State, p.Text = signaling.StateOnline, "Online"
	case e.lastSeen.IsZero():
		p.State, p.Text = signaling.StateNever, "Not connected yet"
	default:
		p.State, p.Text = signaling.StateOffline, e.offlineText()
	}
	return p
}

func (e *entry) offlineText() string {
	switch {
	case e.stale:
		return fmt.Sprintf("Offline: nothing heard from the camera for %d seconds", int(signaling.StatusStale.Seconds()))
	case e.shown.Reason == signaling.OfflineShutdown:
		return "Offline: the camera was shut down"
	case e.shown.Reason == signaling.OfflineRestart:
		return "Offline: the camera restarts, and is back within seconds"
	case e.shown.Reason == signaling.OfflineConnectionLost:
		return "Offline: the connection to the camera was lost; check its power and network"
	}
	return "Offline"
}

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
			t.leaveAll()
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			t.flushLogged(last)
			return nil
		}
	}
}

// sweep finds cameras whose grace is over, and online ones that have been silent for too long: a Will dies
// with its broker node.
func (t *Tracker) sweep() {
	var changed []string
	t.mu.Lock()
	now := t.now()
	for camera, e := range t.cameras {
		before := e.presence()
		if !e.lost.IsZero() && now.Sub(e.lost) >= Grace {
			t.leave(camera, e)
			e.lost, e.shown = time.Time{}, e.status
		}
		if e.shown.Online && now.Sub(e.lastSeen) > signaling.StatusStale {
			t.leave(camera, e)
			e.stale = true
		}
		if differs(before, e.presence()) {
			changed = append(changed, camera)
		}
	}
	t.mu.Unlock()
	for _, camera := range changed {
		t.onChange(camera)
	}
}

// Flush saves the last-seen times that are not saved yet. What fails to be saved is kept.
func (t *Tracker) Flush(ctx context.Context) error {
	t.mu.Lock()
	unsaved := t.unsaved
	t.unsaved = map[string]time.Time{}
	t.mu.Unlock()
	err := t.store.Seen(ctx, unsaved)
	if err == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for camera, at := range unsaved {
		if _, newer := t.unsaved[camera]; !newer {
			t.unsaved[camera] = at
		}
	}
	return fmt.Errorf("save when cameras were last seen: %w", err)
}

func (t *Tracker) flushLogged(ctx context.Context) {
	if err := t.Flush(ctx); err != nil {
		t.log.Error("presence", "error", err)
	}
}
