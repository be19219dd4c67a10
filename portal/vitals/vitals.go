// Package vitals keeps how cameras were during the last day, for whoever runs the portal: a measurement for every few
// minutes, and what happened. Every portal hears all of it; the database has each thing once.
package vitals

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/time/rate"

	"seccam/pkg/signaling"
	"seccam/portal/store"
)

// How much is kept: a measurement of each Step, for a day; events for a week.
const (
	Step        = 10 * time.Minute
	SamplesKept = 24 * time.Hour
	EventsKept  = 7 * 24 * time.Hour
)

// Other limits.
const (
	flushInterval = 2 * time.Second
	maxWaiting    = 20_000 // of each kind; what is more is not kept
	eventsBurst   = 20     // of one camera, then one a minute
	maxText       = 500
)

// Store keeps what was heard.
type Store interface {
	SaveVitals(ctx context.Context, v store.Vitals) error
	PruneVitals(ctx context.Context, samples, events time.Time) error
}

// Recorder takes what cameras say. Its methods do not block, and are safe for concurrent use.
type Recorder struct {
	store Store
	now   func() time.Time
	log   *slog.Logger

	mu      sync.Mutex
	cameras map[string]*heard
	waiting store.Vitals
}

// heard is what was heard of a camera last.
type heard struct {
	sampled time.Time
	version string
	events  *rate.Limiter
}

// New returns a recorder. now is the clock; nil is time.Now.
func New(s Store, now func() time.Time, log *slog.Logger) *Recorder {
	if now == nil {
		now = time.Now
	}
	return &Recorder{store: s, now: now, log: log, cameras: map[string]*heard{}, waiting: empty()}
}

func empty() store.Vitals {
	return store.Vitals{Offline: map[string]time.Time{}, Versions: map[string]string{}}
}

func (r *Recorder) camera(id string) *heard {
	h := r.cameras[id]
	if h == nil {
		h = &heard{events: rate.NewLimiter(rate.Every(time.Minute), eventsBurst)}
		r.cameras[id] = h
	}
	return h
}

// Offline records that a camera is known to be offline.
func (r *Recorder) Offline(camera string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting.Offline[camera] = r.now()
}

// Telemetry takes a payload from a camera's telemetry topic: one of each Step is kept.
func (r *Recorder) Telemetry(camera string, payload []byte) {
	t, err := signaling.DecodeTelemetry(payload)
	if err != nil {
		r.log.Warn("telemetry ignored", "camera", camera, "error", err)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.camera(camera)
	if version := clip(t.Version, 100); version != h.version {
		h.version, r.waiting.Versions[camera] = version, version
	}
	at := r.now().UTC().Truncate(Step)
	if at.Equal(h.sampled) || len(r.waiting.Samples) >= maxWaiting {
		return
	}
	h.sampled = at
	r.waiting.Samples = append(r.waiting.Samples, store.Sample{
		CameraID: camera, At: at, FPS: t.FPS, Bitrate: t.Bitrate, Viewers: t.Viewers, Temperature: t.Temperature, Memory: float64(t.Memory),
	})
}

// Event takes a payload from one of a camera's event topics.
func (r *Recorder) Event(camera string, payload []byte) {
	e, err := signaling.DecodeEvent(payload)
	if err != nil {
		r.log.Warn("event ignored", "camera", camera, "error", err)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if !r.camera(camera).events.AllowN(now, 1) || len(r.waiting.Events) >= maxWaiting {
		return
	}
	// The camera has the portal's clock, and so each portal the same moment; a wrong one would not be pruned.
	at := time.UnixMilli(e.At)
	if at.After(now.Add(time.Minute)) || at.Before(now.Add(-EventsKept)) {
		at = now
	}
	r.waiting.Events = append(r.waiting.Events, store.CameraEvent{CameraID: camera, At: at.UTC(), Kind: clip(e.Kind, 50), Text: clip(e.Text, maxText)})
}

// clip cuts a text that a camera chose to so many bytes, at a character's end.
func clip(text string, most int) string {
	for i, r := range text {
		if i+utf8.RuneLen(r) > most {
			return text[:i]
		}
	}
	return text
}

// Run saves what was heard, and removes what is old, until ctx ends.
func (r *Recorder) Run(ctx context.Context) error {
	flush, prune := time.NewTicker(flushInterval), time.NewTicker(time.Minute)
	defer flush.Stop()
	defer prune.Stop()
	for {
		var err error
		select {
		case <-flush.C:
			err = r.flush(ctx)
		case <-prune.C:
			err = r.store.PruneVitals(ctx, r.now().Add(-SamplesKept), r.now().Add(-EventsKept))
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushInterval)
			defer cancel()
			_ = r.flush(last)
			return nil
		}
		if err != nil && ctx.Err() == nil {
			r.log.Error("vitals", "error", err)
		}
	}
}

// flush saves what is waiting. What fails to be saved waits on.
func (r *Recorder) flush(ctx context.Context) error {
	r.mu.Lock()
	saving := r.waiting
	r.waiting = empty()
	r.mu.Unlock()
	if len(saving.Offline)+len(saving.Versions)+len(saving.Samples)+len(saving.Events) == 0 {
		return nil
	}
	err := r.store.SaveVitals(ctx, saving)
	if err == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.Copy(saving.Offline, r.waiting.Offline)
	maps.Copy(saving.Versions, r.waiting.Versions)
	saving.Samples = append(saving.Samples, r.waiting.Samples...)
	saving.Events = append(saving.Events, r.waiting.Events...)
	r.waiting = saving
	return err
}
