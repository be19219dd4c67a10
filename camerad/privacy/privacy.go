package privacy

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"seccam/camerad/statefile"
	"seccam/pkg/signaling"
)

// Settings and Span are what the owner sets; see package signaling.
type (
	Settings = signaling.PrivacySettings
	Span     = signaling.PrivacySpan
)

// How long Run sleeps at most, so that a clock that was set is noticed: soon while it is not known.
const (
	longestSleep = time.Minute
	clockPoll    = time.Second
)

// Config is what a [Switch] needs. All of it is required.
type Config struct {
	Folder string // the state folder
	// Now is the time by which the schedule goes, and ClockKnown reports whether it can be relied on.
	// Neither may block.
	Now        func() time.Time
	ClockKnown func() bool
	Log        *slog.Logger
}

// Switch is privacy mode. Its methods are safe for concurrent use.
type Switch struct {
	cfg     Config
	changed chan struct{}
	poked   chan struct{} // the settings are others

	mu    sync.Mutex
	saved saved
	zone  *time.Location // of the schedule; nil if the settings could not be read
	state State
}

// Open reads the settings. It always returns a switch: one whose settings cannot be read is on.
func Open(cfg Config) *Switch {
	s := &Switch{cfg: cfg, changed: make(chan struct{}, 1), poked: make(chan struct{}, 1)}
	var err error
	if s.saved, err = load(cfg.Folder); err == nil {
		s.zone, err = s.saved.Settings.Location()
	}
	if err != nil {
		s.saved.Settings = &Settings{On: true}
		cfg.Log.Error("privacy mode is on, since its settings are not known; set them again on the portal", "error", err)
	}
	s.refresh()
	return s
}

// Run follows the schedule until ctx ends.
func (s *Switch) Run(ctx context.Context) error {
	for {
		timer := time.NewTimer(s.refresh())
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-s.poked:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// Changed signals that [Switch.State] changed. It has one receiver.
func (s *Switch) Changed() <-chan struct{} { return s.changed }

// State is what the settings mean now.
func (s *Switch) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// Settings returns what the owner set. Those that could not be read are shown as switched on.
func (s *Switch) Settings() Settings {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.saved.Settings
}

// Set replaces the settings. seq is the portal's stamp, as [signaling.Fresh] says. A
// [signaling.Error] is the asker's fault; after any error the old settings hold.
func (s *Switch) Set(settings Settings, seq uint64) error {
	if problems := settings.Problems(); len(problems) > 0 {
		return invalid(problems)
	}
	zone, err := settings.Location()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.cfg.Now(); !signaling.Fresh(seq, now) || seq <= s.saved.Seq && !ahead(s.saved.Seq, now) {
		return &signaling.Error{Code: signaling.CodeReplayed, RetryAfter: 1,
			Message: "This change is too old, or a newer one was already made. Nothing was changed; try again."}
	}
	next := saved{V: signaling.Version, Seq: seq, Settings: &settings}
	err = next.save(s.cfg.Folder)
	if err != nil && !errors.Is(err, statefile.ErrUnsynced) {
		return err
	}
	s.saved, s.zone = next, zone
	if err != nil {
		s.cfg.Log.Warn("the new privacy settings hold, but a power failure now may bring the old ones back", "error", err)
	}
	s.update()
	select {
	case s.poked <- struct{}{}:
	default:
	}
	return nil
}

// ahead reports whether a stamp that was obeyed is of a later time than now: the portal's clock was
// wrong when it was made. It must not lock the owner out until then.
func ahead(seq uint64, now time.Time) bool {
	return seq > uint64(now.Add(signaling.MaxAge).UnixMicro())
}

// refresh judges the settings anew and returns after how long that is to be done again.
func (s *Switch) refresh() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.update()
	switch {
	case s.state.Why == WhyClock:
		return clockPoll
	case s.state.Until.IsZero():
		return longestSleep
	}
	return min(longestSleep, max(0, s.state.Until.Sub(s.cfg.Now())))
}

func (s *Switch) update() {
	state := judge(*s.saved.Settings, s.zone, s.cfg.ClockKnown(), s.cfg.Now())
	if state.equal(s.state) {
		return
	}
	if state.Active != s.state.Active || state.Why != s.state.Why {
		s.cfg.Log.Info(state.Text(), "why", state.Why)
	}
	s.state = state
	select {
	case s.changed <- struct{}{}:
	default:
	}
}
