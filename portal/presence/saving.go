package presence

import (
	"context"
	"fmt"
	"time"
)

// keep has it written when a camera was last seen.
func (t *Tracker) keep(camera string, e *entry) {
	if e.lastSeen.After(e.saved) {
		e.saved, t.unsaved[camera] = e.lastSeen, e.lastSeen
	}
}

// keepAll is for the end of this process: what comes after it starts from what was written.
func (t *Tracker) keepAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for camera, e := range t.cameras {
		t.keep(camera, e)
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
