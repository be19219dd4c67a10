package bridge

import (
	"errors"
	"sync"
	"time"

	"seccam/pkg/signaling"
	"seccam/pkg/tracing"
)

// Traces are told how long the stages of views took.
type Traces interface {
	View(session string, s tracing.Stage)
	Stage(session string, s tracing.Stage)
}

// measureTimeout is how long a page may take to tell the stages of a view. It gives the view up earlier.
const measureTimeout = signaling.MaxStage * time.Millisecond

// codeNoFrame is by what a view failed of which the page never told a frame.
const codeNoFrame = "no_frame"

// stages tells traces how views begin. Its methods do nothing if traces is nil.
type stages struct {
	traces Traces
	now    func() time.Time

	mu   sync.Mutex
	open map[signaling.SessionID]*beginning // of which something is still to be told
}

// beginning is a view that begins, or an ICE restart in one. The mutex of its stages guards it.
type beginning struct {
	of        *stages
	session   signaling.SessionID
	camera    string      // that may be watched
	view      bool        // not told yet
	first     time.Time   // when the view's first offer came
	offered   time.Time   // when the latest one came, and what became of it
	allowed   time.Time   // zero: it was not
	published time.Time   // zero: not yet
	patience  *time.Timer // for the page to tell
}

func newStages(traces Traces, now func() time.Time) *stages {
	return &stages{traces: traces, now: now, open: map[signaling.SessionID]*beginning{}}
}

func (s *stages) on() bool { return s.traces != nil }

// received begins with an offer; again is one in a view that has begun. It returns nil if nobody wants to know.
func (s *stages) received(session signaling.SessionID, again bool) *beginning {
	if !s.on() {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	b := s.open[session]
	if b == nil {
		b = &beginning{of: s, session: session, view: !again, first: now}
		b.patience = time.AfterFunc(measureTimeout, func() { s.ended(session, codeNoFrame) })
		s.open[session] = b
	}
	b.offered, b.allowed, b.published = now, time.Time{}, time.Time{}
	return b
}

// allow notes that the viewer may watch a camera. Before, what was asked for may be anything.
func (b *beginning) allow(camera string) {
	if b == nil {
		return
	}
	b.of.mu.Lock()
	defer b.of.mu.Unlock()
	b.allowed, b.camera = b.of.now(), camera
}

// passedOn tells of the offer once it was published, or refused.
func (b *beginning) passedOn(err error) {
	if b == nil {
		return
	}
	b.of.mu.Lock()
	b.published = b.of.now()
	stage := tracing.Stage{Service: tracing.Portal, Name: "offer", Began: b.offered, Ended: b.published, Refused: refusalOf(err)}
	if !b.allowed.IsZero() {
		stage.Parts = []tracing.Stage{
			{Name: "allow", Began: b.offered, Ended: b.allowed}, {Name: "publish", Began: b.allowed, Ended: b.published},
		}
	}
	b.of.mu.Unlock()
	b.of.traces.Stage(string(b.session), stage)
	if err != nil {
		b.of.ended(b.session, stage.Refused)
	}
}

// refusalOf is the code of what went wrong; "" if nothing did.
func refusalOf(err error) string {
	var refusal *signaling.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &refusal):
		return string(refusal.Code)
	}
	return string(signaling.CodeInternal)
}

// answered tells that the camera's answer has gone to the viewer. A page will still tell of its own stages.
func (s *stages) answered(session signaling.SessionID, page bool) {
	s.mu.Lock()
	b := s.open[session]
	if b == nil {
		s.mu.Unlock()
		return
	}
	began := b.published
	if began.IsZero() { // it was that quick
		began = s.now()
	}
	over := !page || !b.view
	s.mu.Unlock()
	s.traces.Stage(string(session), tracing.Stage{Service: tracing.Portal, Name: "answer", Began: began, Ended: s.now()})
	if over {
		s.ended(session, "")
	}
}

// ended tells of the view that is not measured by a page, or will not be any more.
func (s *stages) ended(session signaling.SessionID, code string) {
	if b := s.take(session); b != nil {
		s.traces.View(string(session), tracing.Stage{
			Service: tracing.Portal, Name: "view", Began: b.first, Ended: s.now(), Refused: code, Details: b.details(),
		})
	}
}

// measured tells of the view as the page saw it. Its clock is not believed, only how long it says that things took.
func (s *stages) measured(session signaling.SessionID, t signaling.StageTimes) {
	b := s.take(session)
	if b == nil {
		return
	}
	at := func(ms int) time.Time { return b.first.Add(time.Duration(ms-t.Offer) * time.Millisecond) }
	s.traces.View(string(session), tracing.Stage{
		Service: tracing.Browser, Name: "view", Began: at(0), Ended: at(t.Frame), Details: b.details(),
		Parts: []tracing.Stage{
			{Name: "prepare", Began: at(0), Ended: at(t.Offer)}, {Name: "answer", Began: at(t.Offer), Ended: at(t.Answer)},
			{Name: "connect", Began: at(t.Answer), Ended: at(t.Connected)}, {Name: "picture", Began: at(t.Connected), Ended: at(t.Frame)},
		},
	})
}

func (b *beginning) details() map[string]string {
	if b.camera == "" {
		return nil
	}
	return map[string]string{"camera": b.camera}
}

// take forgets a beginning, and returns it if its view is to be told.
func (s *stages) take(session signaling.SessionID) *beginning {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.open[session]
	if b == nil {
		return nil
	}
	delete(s.open, session)
	b.patience.Stop()
	if !b.view {
		return nil
	}
	return b
}

// close tells of all that have not ended.
func (s *stages) close() {
	s.mu.Lock()
	var left []signaling.SessionID
	for session := range s.open {
		left = append(left, session)
	}
	s.mu.Unlock()
	for _, session := range left {
		s.ended(session, "")
	}
}
