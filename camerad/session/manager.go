package session

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"seccam/pkg/signaling"

	"golang.org/x/time/rate"
)

// queueSize bounds the messages that wait for the manager; it needs microseconds for each.
const queueSize = 256

// Manager owns the sessions.
type Manager struct {
	cfg     Config
	queue   chan delivery
	over    chan *session
	changed chan struct{}
	cut     chan string
	restart chan bool
	most    atomic.Int64 // viewers
	recheck chan struct{}

	// Owned by Run.
	sessions map[signaling.SessionID]*entry
	visits   int          // of them
	listen   *time.Ticker // runs while there are sessions
	ended    ended
	early    early
}

type delivery struct {
	topic   string
	payload []byte
}

// entry is a live session with the stamp of its latest message.
type entry struct {
	session *session
	seq     uint64
	grant   string
	end     context.CancelCauseFunc
}

// New prepares a manager that does nothing until [Manager.Run].
func New(cfg Config) (*Manager, error) {
	cfg.talk, cfg.count, cfg.tries = newTalk(cfg.OpenSpeaker), &atomic.Int64{}, rate.NewLimiter(rate.Every(tryEvery), tryBurst)
	m := &Manager{
		cfg: cfg, queue: make(chan delivery, queueSize), over: make(chan *session), cut: make(chan string), restart: make(chan bool), recheck: make(chan struct{}),
		changed: make(chan struct{}, 1), sessions: map[signaling.SessionID]*entry{},
	}
	m.most.Store(int64(cfg.MaxViewers))
	m.cfg.paths = &paths{known: map[signaling.SessionID]path{}, changed: m.tell}
	return m, nil
}

// Deliver hands over a message as it came. It does not block: a message that finds the queue full is
// lost, as with MQTT's QoS 0, and the viewer tries again.
func (m *Manager) Deliver(topic string, payload []byte) {
	select {
	case m.queue <- delivery{topic, payload}:
	default:
		m.cfg.Log.Warn("message dropped: too many at once", "topic", topic)
	}
}

// Viewers returns the number of those who watch.
func (m *Manager) Viewers() int { return int(m.cfg.count.Load()) }

// SetMaxViewers changes how many may watch from now on. Who watches already is not sent away.
func (m *Manager) SetMaxViewers(n int) { m.most.Store(int64(n)) }

// MaxViewers returns how many may watch.
func (m *Manager) MaxViewers() int { return int(m.most.Load()) }

// Changed signals that [Manager.Viewers] or [Manager.Connections] changed. It has one receiver.
func (m *Manager) Changed() <-chan struct{} { return m.changed }

// Cut ends every session with a bye of that reason. It returns when they were told to end, or with ctx.
func (m *Manager) Cut(ctx context.Context, reason string) {
	select {
	case m.cut <- reason:
	case <-ctx.Done():
	}
}

// Restart asks viewers to look for new paths: those whose connection is interrupted, or, after a change of
// the camera's network, all. Ask when they can be reached. It returns when they will be, or with ctx.
func (m *Manager) Restart(ctx context.Context, all bool) {
	select {
	case m.restart <- all:
	case <-ctx.Done():
	}
}

// Recheck ends the sessions of those who may not watch any more, after a change of the paired devices. It
// returns when they were told to look, or with ctx.
func (m *Manager) Recheck(ctx context.Context) {
	select {
	case m.recheck <- struct{}{}:
	case <-ctx.Done():
	}
}

// Run serves until ctx ends, then says bye to each viewer and returns when all sessions have ended.
func (m *Manager) Run(ctx context.Context) error {
	tidy := time.NewTicker(signaling.MaxAge)
	defer tidy.Stop()
	m.listen = time.NewTicker(listenEvery)
	m.listen.Stop()
	defer m.listen.Stop()
	for {
		select {
		case <-ctx.Done():
			for len(m.sessions) > 0 {
				m.remove(<-m.over)
			}
			return nil
		case d := <-m.queue:
			m.route(ctx, d)
		case s := <-m.over:
			m.remove(s)
		case reason := <-m.cut:
			for _, live := range m.sessions {
				live.end(ending(reason))
			}
		case all := <-m.restart:
			for _, live := range m.sessions {
				live.session.wish(all)
			}
		case <-m.recheck:
			for _, live := range m.sessions {
				live.session.check()
			}
		case <-m.listen.C:
			m.listenToAll()
		case <-tidy.C:
			m.early.prune(m.cfg.Now())
		}
	}
}

// route judges one message. The topic says whose it is: the broker let only that portal publish it.
func (m *Manager) route(ctx context.Context, d delivery) {
	topic, err := signaling.ParseTopic(d.topic)
	if err != nil || topic.Kind != signaling.KindToCamera || topic.Camera != m.cfg.Camera {
		m.cfg.Log.Warn("message on a topic that is not ours", "topic", d.topic)
		return
	}
	message, err := signaling.Decode(d.payload)
	switch {
	case errors.Is(err, signaling.ErrVersion):
		m.refuse(topic, refuse(signaling.CodeVersion, "The camera and the portal speak different versions. Update both."))
	case err != nil:
		m.refuse(topic, refuse(signaling.CodeBadMessage, err.Error()))
	case message.Session != topic.Session:
		m.refuse(topic, refuse(signaling.CodeBadMessage, "The message names another session than its topic."))
	case !signaling.Fresh(message.Seq, m.cfg.Now()):
		m.cfg.Stale()
		m.refuse(topic, refuse(signaling.CodeReplayed, "This message is too old, or the portal's clock is wrong."))
	default:
		m.accept(ctx, topic, inbound{message: message, portal: topic.Portal})
	}
}

// accept finds or begins the session, or ends those of a grant.
func (m *Manager) accept(ctx context.Context, topic signaling.Topic, in inbound) {
	id := topic.Session
	if in.message.Type == signaling.TypeBye && in.message.Grant != "" {
		m.endGrant(in.message)
		return
	}
	if live, ok := m.sessions[id]; ok {
		if in.message.Seq <= live.seq {
			m.refuse(topic, refuse(signaling.CodeReplayed, "This message, or a newer one, was already handled."))
			return
		}
		m.pass(live, in)
		return
	}
	last, known := m.ended.get(id)
	switch {
	case in.message.Type == signaling.TypeCandidate && !known:
		if !m.early.add(in) {
			m.cfg.Log.Warn("early candidate dropped", "session", id)
		}
	case in.message.Type != signaling.TypeOffer: // crossed with our bye
	case known && in.message.Seq <= last:
		m.refuse(topic, refuse(signaling.CodeReplayed, "This message, or a newer one, was already handled."))
	case known:
		m.refuse(topic, refuse(signaling.CodeUnknown, "This view has ended. Start a new one."))
	default:
		m.begin(ctx, topic, in)
	}
}

// endGrant ends the sessions of a grant. A replay finds none: a grant that ended never comes back.
func (m *Manager) endGrant(bye signaling.Message) {
	for id, live := range m.sessions {
		if live.grant == bye.Grant {
			m.cfg.Log.Info("the viewer's right to watch ended", "session", id, "reason", bye.Reason)
			live.end(ending(bye.Reason))
		}
	}
}

func (m *Manager) begin(ctx context.Context, topic signaling.Topic, in inbound) {
	visit := in.message.Visits()
	if refusal := m.room(visit); refusal != nil {
		m.refuse(topic, refusal)
		return
	}
	life, end := context.WithCancelCause(ctx)
	live := &entry{session: newSession(topic.Session, visit, &m.cfg), grant: in.message.Grant, end: end}
	m.sessions[topic.Session] = live
	if visit {
		m.visits++
	}
	if len(m.sessions) == 1 {
		m.listen.Reset(listenEvery)
	}
	m.countChanged()
	m.cfg.Log.Info("viewer arrives", "session", topic.Session, "portal", topic.Portal, "viewers", len(m.sessions))
	m.pass(live, in)
	for _, candidate := range m.early.take(topic.Session) {
		m.pass(live, candidate)
	}
	go func() {
		defer end(nil)
		live.session.run(life)
		m.over <- live.session
	}()
}

// pass never blocks: a session that is busy loses messages, others do not wait for it.
func (m *Manager) pass(live *entry, in inbound) {
	live.seq = max(live.seq, in.message.Seq)
	select {
	case live.session.inbox <- in:
	default:
		live.session.log.Warn("message dropped: session is busy", "type", in.message.Type)
	}
}

func (m *Manager) remove(s *session) {
	m.ended.add(s.id, m.sessions[s.id].seq)
	delete(m.sessions, s.id)
	m.cfg.paths.forget(s.id)
	if s.visit {
		m.visits--
	}
	if len(m.sessions) == 0 {
		m.listen.Stop()
	}
	m.countChanged()
	m.cfg.Log.Info("viewer gone", "session", s.id, "viewers", len(m.sessions))
}

func (m *Manager) countChanged() {
	m.cfg.count.Store(int64(len(m.sessions) - m.visits))
	m.tell()
}

func (m *Manager) tell() {
	select {
	case m.changed <- struct{}{}:
	default:
	}
}
