package session

import (
	"sync"
	"time"

	"seccam/pkg/signaling"
	"seccam/pkg/tracing"

	"github.com/pion/webrtc/v4"
)

// Traces is told how long the stages of views took. It must not block.
type Traces interface {
	Stage(session string, s tracing.Stage)
}

// stages times how a view comes about, for its trace. Its methods do nothing if traces is nil.
type stages struct {
	traces  Traces
	now     func() time.Time
	session string

	mu    sync.Mutex // pion reports from goroutines of its own
	since time.Time  // when the stage before was over; zero: there is none to wait for
}

// newStages follows a view. A visit is none.
func newStages(cfg *Config, session signaling.SessionID, visit bool) *stages {
	s := &stages{traces: cfg.Traces, now: cfg.Now, session: string(session)}
	if visit {
		s.traces = nil
	}
	return s
}

// answered tells of an offer that came at a time, and begins to wait for ICE if it was not refused.
func (s *stages) answered(came time.Time, refusal *signaling.Error) {
	if s.traces == nil {
		return
	}
	stage := tracing.Stage{Service: tracing.Camera, Name: "offer", Began: came, Ended: s.now()}
	if refusal != nil {
		stage.Refused = string(refusal.Code)
	}
	s.mu.Lock()
	s.since = time.Time{}
	if refusal == nil {
		s.since = stage.Ended
	}
	s.mu.Unlock()
	s.traces.Stage(s.session, stage)
}

// follow waits for ICE and then for DTLS. It must come before the connection begins.
func (s *stages) follow(dtls *webrtc.DTLSTransport) {
	if s.traces == nil {
		return
	}
	dtls.ICETransport().OnConnectionStateChange(func(state webrtc.ICETransportState) {
		if state == webrtc.ICETransportStateConnected {
			s.over("ice")
		}
	})
	dtls.OnStateChange(func(state webrtc.DTLSTransportState) {
		if state == webrtc.DTLSTransportStateConnected {
			s.over("dtls")
		}
	})
}

// sent tells of the first packets of a picture.
func (s *stages) sent() { s.over("first-packet") }

// over tells of a stage that ends now, where the one before did.
func (s *stages) over(name string) {
	if s.traces == nil {
		return
	}
	s.mu.Lock()
	began := s.since
	s.since = s.now()
	stage := tracing.Stage{Service: tracing.Camera, Name: name, Began: began, Ended: s.since}
	s.mu.Unlock()
	if !began.IsZero() {
		s.traces.Stage(s.session, stage)
	}
}
