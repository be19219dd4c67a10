package alert

import (
	"context"
	"log/slog"
	"time"

	"seccam/pkg/signaling"
)

// Patience is how long a camera is offline before its owner is told: a reboot or a short failure of the
// network is no reason for an alarm.
const Patience = 2 * time.Minute

const watchInterval = 5 * time.Second

// Presence tells how cameras are.
type Presence interface {
	// Offline returns the cameras that are not online, but were once.
	Offline() map[string]bool
	Of(cameraID string) signaling.Presence
}

// Teller tells owners, for all portals together: each thing once.
type Teller interface {
	Offline(ctx context.Context, cameraID, text string) error
	Online(ctx context.Context, cameraID string) error
	// Told lists the cameras whose owners were told that they are offline.
	Told(ctx context.Context) ([]string, error)
}

// Watch has owners told when a camera has been offline for [Patience], and when it is back.
type Watch struct {
	Presence Presence
	Teller   Teller
	Now      func() time.Time
	Log      *slog.Logger

	since map[string]time.Time // when this process noticed that a camera is offline
	told  map[string]bool      // by whichever portal; nil before the first look
}

// Run watches until ctx ends.
func (w *Watch) Run(ctx context.Context) error {
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
		if err := w.look(ctx); err != nil && ctx.Err() == nil {
			w.Log.Error("alerts", "error", err)
		}
	}
}

// look compares how cameras are with what owners were told. What fails is tried at the next look.
func (w *Watch) look(ctx context.Context) error {
	if err := w.remember(ctx); err != nil {
		return err
	}
	offline := w.Presence.Offline()
	for camera := range offline {
		if err := w.lost(ctx, camera); err != nil {
			return err
		}
	}
	for camera := range w.since {
		if !offline[camera] {
			delete(w.since, camera)
		}
	}
	for camera := range w.told {
		if offline[camera] {
			continue
		}
		// It is back, or it changed hands and nobody here knows it any more.
		if w.Presence.Of(camera).Online {
			if err := w.Teller.Online(ctx, camera); err != nil {
				return err
			}
		}
		delete(w.told, camera)
	}
	return nil
}

// remember reads, the first time, what owners were told before this process began.
func (w *Watch) remember(ctx context.Context) error {
	if w.told != nil {
		return nil
	}
	cameras, err := w.Teller.Told(ctx)
	if err != nil {
		return err
	}
	w.told, w.since = map[string]bool{}, map[string]time.Time{}
	for _, camera := range cameras {
		w.told[camera] = true
	}
	return nil
}

// lost has the owner of a camera that is offline told, once it is real. The time counts from when this process
// noticed: after a start of the portal every camera needs a moment to be heard.
func (w *Watch) lost(ctx context.Context, camera string) error {
	since, noticed := w.since[camera]
	if !noticed {
		w.since[camera] = w.Now()
		return nil
	}
	if w.told[camera] || w.Now().Sub(since) < Patience {
		return nil
	}
	if err := w.Teller.Offline(ctx, camera, w.Presence.Of(camera).Text+"."); err != nil {
		return err
	}
	w.told[camera] = true
	return nil
}
