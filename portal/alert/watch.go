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
	// Offline returns the cameras that are not online, but were once, and when each was last seen.
	Offline() map[string]time.Time
	Of(cameraID string) signaling.Presence
}

// Alerts remembers whose owners were told, for all portals together.
type Alerts interface {
	RaiseAlert(ctx context.Context, cameraID string) (bool, error)
	EndAlert(ctx context.Context, cameraID string) (bool, error)
	Alerts(ctx context.Context) ([]string, error)
}

// Watch raises an event when a camera has been offline for [Patience], and one when it is back.
type Watch struct {
	Presence Presence
	Alerts   Alerts
	Raise    func(ctx context.Context, cameraID string, kind Kind, text string) error
	Now      func() time.Time
	Log      *slog.Logger

	offline map[string]time.Time // since when this process knows it
	told    map[string]bool      // by whatever portal
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

// look compares how cameras are with what owners were told.
func (w *Watch) look(ctx context.Context) error {
	now, offline := w.Now(), w.Presence.Offline()
	if w.told == nil { // the first time
		cameras, err := w.Alerts.Alerts(ctx)
		if err != nil {
			return err
		}
		w.told, w.offline = map[string]bool{}, map[string]time.Time{}
		for _, camera := range cameras {
			w.told[camera] = true
		}
	}
	for camera := range w.offline {
		if _, still := offline[camera]; !still {
			delete(w.offline, camera)
		}
	}
	for camera := range offline {
		if w.offline[camera].IsZero() {
			// Not when it was last seen: after a start of the portal every camera needs a moment to be heard.
			w.offline[camera] = now
		}
		if !w.told[camera] && now.Sub(w.offline[camera]) >= Patience {
			if err := w.raise(ctx, camera); err != nil {
				return err
			}
		}
	}
	for camera := range w.told {
		if w.Presence.Of(camera).Online {
			if err := w.end(ctx, camera); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *Watch) raise(ctx context.Context, camera string) error {
	w.told[camera] = true
	ours, err := w.Alerts.RaiseAlert(ctx, camera)
	if err != nil || !ours {
		return err
	}
	w.Log.Info("camera is offline", "camera", camera)
	return w.Raise(ctx, camera, CameraOffline, w.Presence.Of(camera).Text+".")
}

func (w *Watch) end(ctx context.Context, camera string) error {
	delete(w.told, camera)
	ours, err := w.Alerts.EndAlert(ctx, camera)
	if err != nil || !ours {
		return err
	}
	w.Log.Info("camera is back", "camera", camera)
	return w.Raise(ctx, camera, CameraOnline, "The camera is online again.")
}
