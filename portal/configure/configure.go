// Package configure sets cameras from afar, for people whose right to do so was checked. What is desired is
// kept in the database and published, retained, for the camera; the camera reports on it, and the report is
// kept, too. Whenever a camera reports that it has not decided about the newest revision, that is published
// again: a broker may have lost what it retained.
package configure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"seccam/pkg/mqttclient"
	"seccam/pkg/signaling"
	"seccam/portal/store"
)

// ErrOutdated means that somebody else has set the camera at the same time, or that it is not the owner's
// any more.
var ErrOutdated = errors.New("somebody else has set this camera at the same time; look at it again")

// ErrChanged means that the camera was set since whoever sets it now has looked at it.
var ErrChanged = errors.New("this camera was set by somebody else, or in another way, since you looked at it; look at it again")

// Problems says what is wrong with values, by key.
type Problems map[string]string

// Error implements error.
func (p Problems) Error() string { return fmt.Sprintf("%d values are refused", len(p)) }

// Store is where configurations are kept.
type Store interface {
	CameraConfig(ctx context.Context, cameraID string) (store.CameraConfig, error)
	SetDesiredConfig(ctx context.Context, ownerID int64, cameraID string, was, revision uint64, values string) error
	ReportConfig(ctx context.Context, cameraID, reported string) (store.CameraConfig, error)
}

// Publisher sends messages; see [mqttclient.Client].
type Publisher interface {
	Publish(ctx context.Context, m mqttclient.Message) error
}

// maxWaiting bounds the cameras whose reports wait to be kept; each has room for its latest.
const maxWaiting = 1 << 16

// Service keeps what is desired and what is reported. All of its fields are required.
type Service struct {
	Store     Store
	Publisher Publisher
	Now       func() time.Time
	Log       *slog.Logger

	stamps signaling.Stamper
	poked  chan struct{}

	mu      sync.Mutex
	waiting map[string][]byte // reports, by camera
}

// New returns a service that keeps reports while [Service.Run] does.
func New(s Store, p Publisher, now func() time.Time, log *slog.Logger) *Service {
	return &Service{Store: s, Publisher: p, Now: now, Log: log, poked: make(chan struct{}, 1), waiting: map[string][]byte{}}
}

// State is how a camera is to be set, and how it is.
type State struct {
	Revision uint64         // of what is desired; 0 if nothing ever was
	Desired  map[string]any // values that differ from the camera's configuration file
	Reported *signaling.ConfigReported
}

// Outcome says what became of the newest desired revision.
type Outcome string

// The outcomes.
const (
	Unset   Outcome = "unset"   // nothing was ever desired here
	Pending Outcome = "pending" // the camera has not said anything yet; it may be offline
	Applied Outcome = "applied"
	Refused Outcome = "refused" // the report has the reasons; the former holds
	Changed Outcome = "changed" // another way, such as an MQTT tool, has set it since
)

// Latest is the newest revision by which the camera was set, or is to be: what a person who looks at it sees.
func (s State) Latest() uint64 {
	if s.Reported != nil {
		return max(s.Revision, s.Reported.Revision)
	}
	return s.Revision
}

// Wanted are the values of the latest revision.
func (s State) Wanted() map[string]any {
	if s.Outcome() == Changed {
		return s.Reported.Set
	}
	return s.Desired
}

// Outcome judges the report.
func (s State) Outcome() Outcome {
	r := s.Reported
	switch {
	case r != nil && r.Revision > s.Revision:
		return Changed
	case s.Revision == 0:
		return Unset
	case r != nil && r.Revision == s.Revision:
		return Applied
	case r != nil && r.Refused != nil && r.Refused.Revision == s.Revision:
		return Refused
	}
	return Pending
}

// State returns what is known of a camera.
func (s *Service) State(ctx context.Context, cameraID string) (State, error) {
	kept, err := s.Store.CameraConfig(ctx, cameraID)
	if err != nil {
		return State{}, err
	}
	return stateOf(kept)
}

func stateOf(kept store.CameraConfig) (State, error) {
	state := State{Revision: kept.Revision, Desired: map[string]any{}}
	if kept.Desired != "" {
		if err := json.Unmarshal([]byte(kept.Desired), &state.Desired); err != nil {
			return state, fmt.Errorf("desired configuration of %s: %w", kept.CameraID, err)
		}
	}
	if kept.Reported != "" {
		reported, err := signaling.DecodeConfigReported([]byte(kept.Reported))
		if err != nil {
			return state, fmt.Errorf("reported configuration of %s: %w", kept.CameraID, err)
		}
		state.Reported = &reported
	}
	return state, nil
}

// Set keeps and publishes what a camera is to be set to. Whoever has looked at it before names the [State.Latest]
// that was seen; nil is whatever is there. It returns [Problems] if the values cannot be, [ErrChanged] if another was
// there, and [ErrOutdated]. A camera that is offline gets it when it is back.
func (s *Service) Set(ctx context.Context, ownerID int64, cameraID string, seen *uint64, values map[string]any) (State, error) {
	if problems := signaling.CheckConfig(values); len(problems) > 0 {
		return State{}, Problems(problems)
	}
	data, err := json.Marshal(values)
	if err != nil {
		return State{}, fmt.Errorf("configuration: %w", err)
	}
	before, err := s.State(ctx, cameraID)
	if err != nil {
		return State{}, fmt.Errorf("configuration: %w", err)
	}
	if seen != nil && *seen != before.Latest() {
		return State{}, ErrChanged
	}
	revision := s.stamps.Next(s.Now())
	err = s.Store.SetDesiredConfig(ctx, ownerID, cameraID, before.Revision, revision, string(data))
	if errors.Is(err, store.ErrNotFound) {
		return State{}, ErrOutdated
	}
	if err != nil {
		return State{}, fmt.Errorf("configuration: %w", err)
	}
	s.publish(ctx, cameraID, revision, values)
	return s.State(ctx, cameraID)
}

// Released has a camera that has changed hands set back to its own configuration file, as the store has
// noted. It does not block.
func (s *Service) Released(cameraID string) { s.Handle(cameraID, nil) }

// republish publishes what is desired, if anything ever was.
func (s *Service) republish(ctx context.Context, cameraID string) error {
	state, err := s.State(ctx, cameraID)
	if err == nil && state.Revision != 0 {
		s.publish(ctx, cameraID, state.Revision, state.Desired)
	}
	return err
}

// publish does its best: what is lost is published again when the camera reports.
func (s *Service) publish(ctx context.Context, cameraID string, revision uint64, values map[string]any) {
	payload, err := json.Marshal(signaling.ConfigDesired{V: signaling.Version, Revision: revision, Values: values})
	if err == nil {
		err = s.Publisher.Publish(ctx, mqttclient.Message{Topic: signaling.ConfigDesiredTopic(cameraID), Payload: payload, QoS: 1, Retain: true})
	}
	if err != nil {
		s.Log.Warn("desired configuration not published; it will be when the camera reports", "camera", cameraID, "error", err)
	}
}

// Handle takes a report as it came. It does not block.
func (s *Service) Handle(cameraID string, payload []byte) {
	s.mu.Lock()
	if _, known := s.waiting[cameraID]; known || len(s.waiting) < maxWaiting {
		s.waiting[cameraID] = payload
	}
	s.mu.Unlock()
	select {
	case s.poked <- struct{}{}:
	default:
	}
}

// Run keeps reports until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.poked:
		}
		s.mu.Lock()
		reports := s.waiting
		s.waiting = map[string][]byte{}
		s.mu.Unlock()
		for cameraID, payload := range reports {
			if err := s.keep(ctx, cameraID, payload); err != nil && ctx.Err() == nil {
				s.Log.Warn("a camera's report on its configuration is lost", "camera", cameraID, "error", err)
			}
		}
	}
}

// keep remembers a report, and publishes what the camera has not decided about.
func (s *Service) keep(ctx context.Context, cameraID string, payload []byte) error {
	if payload == nil {
		return s.republish(ctx, cameraID)
	}
	reported, err := signaling.DecodeConfigReported(payload)
	if err != nil || reported.Trying != 0 { // soon it says more
		return err
	}
	reported.At = 0 // it changes each time, and is of no use later
	data, err := json.Marshal(reported)
	if err != nil {
		return err
	}
	kept, err := s.Store.ReportConfig(ctx, cameraID, string(data))
	if errors.Is(err, store.ErrNotFound) {
		return nil // a camera that was deleted meanwhile
	}
	if err != nil {
		return err
	}
	state, err := stateOf(kept)
	if err != nil {
		return err
	}
	if reported.Latest() < state.Revision {
		s.publish(ctx, cameraID, state.Revision, state.Desired)
	}
	return nil
}
