package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"seccam/camerad/media"
	"seccam/pkg/signaling"

	"github.com/pion/webrtc/v4"
)

// inboxSize bounds the messages a session has not handled yet: an offer with its candidates.
const inboxSize = 64

// session is one viewer's negotiation. Its fields belong to run's goroutine.
type session struct {
	id       signaling.SessionID
	cfg      *Config
	log      *slog.Logger
	inbox    chan inbound
	events   chan event
	wishes   chan bool     // for an ICE restart; true whatever the connection's state
	checks   chan struct{} // whether the viewer still may watch
	done     chan struct{} // closed when events are no longer read
	stages   *stages
	portal   string        // of the latest message: the viewer's socket may move between portals
	visit    bool          // no picture and no sound: see visit.go
	offered  string        // the fingerprint of the viewer's certificate, by its first offer; "" if that is not clear
	proved   string        // the same, by DTLS
	remote   func() []byte // the viewer's certificate, by DTLS
	viewer   *media.Viewer // nil of a visit
	rerouted func()        // pion chose another path for the viewer's media
	owner    bool          // may change the camera's settings
	talks    bool          // may speak through the camera
	peer     *peer
	waiting  *time.Timer      // ends the session unless it connects first
	until    <-chan time.Time // the viewer may watch no longer; nil is for ever
	context  context.Context  // ends with the session
	working  sync.WaitGroup   // what ends with context
	unuse    func()           // ends the use of the viewer's codec
	heard    hearing          // of the viewer
	punch    *puncher
	resume   bool // send a viewer who was out of reach what it needs, as soon as any path works
}

// inbound is a message with what only its topic says.
type inbound struct {
	message signaling.Message
	portal  string
}

// event is one of a local candidate, their end, the page's channel, its microphone, and a new state.
type event struct {
	candidate *webrtc.ICECandidate
	gathered  bool
	channel   *webrtc.DataChannel
	track     *webrtc.TrackRemote
	state     webrtc.PeerConnectionState
}

func newSession(id signaling.SessionID, visit bool, cfg *Config) *session {
	return &session{
		id: id, visit: visit, cfg: cfg, log: cfg.Log.With("session", id),
		inbox: make(chan inbound, inboxSize), events: make(chan event, inboxSize), done: make(chan struct{}),
		stages: newStages(cfg, id, visit), wishes: make(chan bool, 1), checks: make(chan struct{}, 1), punch: newPuncher(),
		rerouted: func() {},
	}
}

// run returns when the session is over and all its goroutines have ended. The first message must be
// an offer.
func (s *session) run(ctx context.Context) {
	if !s.visit {
		release := s.cfg.Media.Hold() // the camera starts while ICE does
		defer release()
	}
	s.waiting = time.NewTimer(s.cfg.ConnectTimeout)
	defer s.waiting.Stop()
	defer s.punch.ticker.Stop()
	defer s.recovered()
	sending, stop := context.WithCancel(ctx)
	s.context = sending
	defer s.close(stop)
	for s.step(ctx) {
	}
}

// recovered turns a panic over what this viewer sent into the end of this session only.
func (s *session) recovered() {
	if p := recover(); p != nil {
		s.log.Error("session failed badly", "panic", fmt.Sprint(p))
		s.send(signaling.Message{Type: signaling.TypeError,
			Error: refuse(signaling.CodeInternal, "The camera could not handle this view. Try again.")})
	}
}

func (s *session) close(stopSending func()) {
	close(s.done)
	stopSending()
	s.working.Wait()
	if s.peer != nil {
		s.peer.close()
	}
	if s.unuse != nil {
		s.unuse()
	}
}

// step handles one thing that happened and reports whether the session goes on.
func (s *session) step(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		s.bye(reasonOf(ctx))
		return false
	case in := <-s.inbox:
		s.portal = in.portal
		return s.handle(in.message)
	case e := <-s.events:
		return s.happened(e)
	case <-s.punch.ticker.C:
		s.punch.round(s.peer.connection)
		s.tryResume()
	case <-s.checks:
		return s.stillAdmitted()
	case all := <-s.wishes:
		s.askRestart(all)
	case <-s.until:
		s.log.Info("the viewer's time is over")
		s.bye(signaling.ReasonRevoked)
		return false
	case <-s.waiting.C:
		s.log.Info("viewer did not connect, or its connection was lost")
		s.bye(signaling.ReasonFailed)
		return false
	}
	return true
}

// wish has the viewer asked for an ICE restart soon. It does not block. Only the manager calls it.
func (s *session) wish(all bool) {
	select {
	case before := <-s.wishes:
		all = all || before
	default:
	}
	s.wishes <- all
}

// askRestart asks the viewer to offer an ICE restart, unless the connection stands and need not be doubted.
func (s *session) askRestart(all bool) {
	if s.peer == nil || !all && !s.heard.silent() && s.peer.connection.ConnectionState() == webrtc.PeerConnectionStateConnected {
		return
	}
	s.log.Info("asking for an ICE restart")
	s.send(signaling.Message{Type: signaling.TypeRestart})
}

// ending is why the manager ended a session, as the reason of a bye.
type ending string

// Error implements error.
func (e ending) Error() string { return "session ended: " + string(e) }

// reasonOf is the reason of the bye for the end of ctx.
func reasonOf(ctx context.Context) string {
	var why ending
	if errors.As(context.Cause(ctx), &why) {
		return string(why)
	}
	return signaling.ReasonShutdown
}

// happened follows what the connection reports.
func (s *session) happened(e event) bool {
	switch {
	case e.candidate != nil:
		s.sendCandidate(e.candidate.ToJSON())
	case e.gathered:
		s.sendCandidate(webrtc.ICECandidateInit{})
	case e.channel != nil:
		return s.serve(e.channel)
	case e.track != nil:
		s.peer.readers.Go(func() { s.hear(e.track) })
	default:
		return s.changed(e.state)
	}
	return true
}

// serve answers on the page's channel. It may open before the connection is said to stand.
func (s *session) serve(channel *webrtc.DataChannel) bool {
	if !s.recognise() {
		return false
	}
	if s.visit {
		visitor := newVisitor(s, channel)
		s.working.Go(func() { visitor.run(s.context) })
		return true
	}
	control := newControl(s, channel)
	s.working.Go(func() { control.run(s.context) })
	return true
}

// hear plays what the viewer says while it has the turn; else it is thrown away.
func (s *session) hear(track *webrtc.TrackRemote) {
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		s.cfg.talk.push(s.id, packet.Payload, packet.SequenceNumber, packet.Timestamp)
	}
}

func (s *session) handle(m signaling.Message) bool {
	switch m.Type {
	case signaling.TypeOffer:
		return s.offer(m)
	case signaling.TypeCandidate:
		s.addCandidate(m.Candidate)
	case signaling.TypeBye:
		s.log.Info("viewer left", "reason", m.Reason)
		return false
	default:
		s.log.Warn("message of this type is not for a camera", "type", m.Type)
	}
	return true
}

func (s *session) report(e event) {
	select {
	case s.events <- e:
	case <-s.done:
	}
}

// changed follows the connection; see the package comment.
func (s *session) changed(state webrtc.PeerConnectionState) bool {
	s.log.Debug("connection", "state", state)
	switch state {
	case webrtc.PeerConnectionStateConnected:
		return s.connected()
	case webrtc.PeerConnectionStateFailed:
		if !s.visit {
			s.viewer.SetLive(false)
		}
		s.waiting.Reset(s.cfg.FailedTimeout)
	case webrtc.PeerConnectionStateClosed:
		s.log.Info("viewer closed the connection")
		s.bye(signaling.ReasonLeft) // the portal may not know
		return false
	}
	return true
}

// connected has the pictures flow, once DTLS has proved who is at the other end.
func (s *session) connected() bool {
	if !s.recognise() {
		return false
	}
	if s.visit {
		s.waiting.Reset(visitTime)
		return true
	}
	s.resume = false
	s.waiting.Stop()
	s.viewer.SetLive(true)
	s.log.Info("viewer connected")
	return true
}

func (s *session) bye(reason string) {
	s.send(signaling.Message{Type: signaling.TypeBye, Reason: reason})
}

func (s *session) send(m signaling.Message) {
	s.cfg.send(signaling.Topic{Portal: s.portal, Session: s.id}, m)
}
