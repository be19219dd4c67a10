package whep

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"seccam/pkg/signaling"
	"seccam/portal/account"
	"seccam/portal/bridge"
	"seccam/portal/store"
)

// How many views there may be at once, by one token or login for one camera, and by everybody whom one
// person lets watch.
const (
	MaxViews        = 8
	MaxViewsForUser = 32
)

// More refusals.
var (
	// ErrNotFound means that there is no such view, or it is not the asker's; or that the right to watch
	// ended while the camera was asked.
	ErrNotFound = store.ErrNotFound
	ErrTooMany  = errors.New("there are too many views at once; end one first")
	ErrClosed   = bridge.ErrClosed
)

// Watcher is who asks, as far as it was checked.
type Watcher struct {
	UserID int64
	Camera string
	// Token is the id of a view token; "" is a login.
	Token string
	// Subject is what the revocation of the token or login is called.
	Subject string
	// Until is when the right ends at the latest.
	Until time.Time
	// Alive reports whether the right still holds.
	Alive func(ctx context.Context) bool
	// Actor is who it is to the camera's owner.
	Actor account.Actor
}

// pass is what the watcher may: never what only the owner may at the camera.
func (w Watcher) pass() bridge.Pass {
	p := bridge.Pass{UserID: w.UserID, Role: signaling.RoleViewer, Subject: w.Subject, Until: w.Until, Alive: w.Alive, Actor: w.Actor}
	if w.Token != "" {
		p.Grant = w.Subject
	}
	return p
}

// same reports whether what one has made is the other's, too.
func (w Watcher) same(other Watcher) bool {
	return w.UserID == other.UserID && w.Camera == other.Camera && w.Token == other.Token
}

// Presence tells how a camera is.
type Presence interface {
	Of(cameraID string) signaling.Presence
}

// Service knows the views that were made by this portal.
type Service struct {
	hub      *bridge.Hub
	presence Presence
	log      *slog.Logger

	mu    sync.Mutex
	views map[signaling.SessionID]*view
}

// New returns a service without views.
func New(hub *bridge.Hub, presence Presence, log *slog.Logger) *Service {
	return &Service{hub: hub, presence: presence, log: log, views: map[signaling.SessionID]*view{}}
}

// Answer is what a new view is answered with.
type Answer struct {
	Session signaling.SessionID // names the view
	SDP     string
	ETag    string
	Servers []signaling.ICEServer // for the program's own end
}

// Begin makes a view of an offer. Refusals of the camera are *signaling.Error.
func (s *Service) Begin(ctx context.Context, w Watcher, offer string) (Answer, error) {
	parsed, err := parseOffer(offer)
	if err != nil {
		return Answer{}, err
	}
	v, err := s.open(w)
	if err != nil {
		return Answer{}, err
	}
	g, etag, err := v.negotiate(ctx, parsed, nil)
	if err != nil {
		v.program.Leave()
		return Answer{}, err
	}
	session := v.program.Session()
	s.log.Info("a program watches", "camera", w.Camera, "session", session, "token", w.Token)
	return Answer{
		Session: session, SDP: description(lines(g.answer)).complete(g).String(), ETag: etag, Servers: v.program.Servers(),
	}, nil
}

// open joins as a viewer, if there is room for one more.
func (s *Service) open(w Watcher) (v *view, err error) {
	v = &view{watcher: w, began: time.Now()}
	v.program, err = s.hub.Join(w.pass(), w.Camera, func(m signaling.Message) {
		if m.Type == signaling.TypeBye {
			s.forget(m.Session, v)
		}
		v.deliver(m)
	})
	if err != nil {
		return nil, err
	}
	old, err := s.add(v)
	if err != nil {
		v.program.Leave()
		return nil, err
	}
	if old != nil {
		s.log.Info("a view that may be dead made room", "session", old.program.Session())
		old.program.Leave()
	}
	return v, nil
}

// add records a view. Where there are too many, one whose camera may have forgotten it makes room.
func (s *Service) add(v *view) (old *view, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v.gone {
		return nil, ErrClosed
	}
	var same, user []*view
	for _, other := range s.views {
		if other.watcher.UserID == v.watcher.UserID {
			user = append(user, other)
			if other.watcher.same(v.watcher) {
				same = append(same, other)
			}
		}
	}
	crowd := user
	if len(same) >= MaxViews {
		crowd = same
	}
	if len(same) >= MaxViews || len(user) >= MaxViewsForUser {
		if old = s.oldestDoubtful(crowd); old == nil {
			return nil, ErrTooMany
		}
		delete(s.views, old.program.Session())
	}
	s.views[v.program.Session()] = v
	return old, nil
}

// oldestDoubtful returns the oldest view whose camera was away since it began: if it was restarted, nobody
// will ever say that the view is over.
func (s *Service) oldestDoubtful(views []*view) (oldest *view) {
	for _, v := range views {
		camera := s.presence.Of(v.watcher.Camera)
		doubtful := !camera.Online || camera.Since > v.began.UnixMilli()
		if doubtful && (oldest == nil || v.began.Before(oldest.began)) {
			oldest = v
		}
	}
	return oldest
}

func (s *Service) forget(session signaling.SessionID, v *view) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v.gone = true
	delete(s.views, session)
}

// find returns a view of the watcher's.
func (s *Service) find(w Watcher, session string) (*view, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.views[signaling.SessionID(session)]
	if v == nil || !v.watcher.same(w) {
		return nil, ErrNotFound
	}
	return v, nil
}

// Patch passes candidates on, or restarts ICE: then it returns the SDP fragment that answers and the new
// ETag.
func (s *Service) Patch(ctx context.Context, w Watcher, session, ifMatch, body string) (restarted, etag string, err error) {
	v, err := s.find(w, session)
	if err != nil {
		return "", "", err
	}
	f, err := parseFragment(body)
	if err != nil {
		return "", "", err
	}
	return v.patch(ctx, ifMatch, f)
}

// End ends a view.
func (s *Service) End(w Watcher, session string) error {
	v, err := s.find(w, session)
	if err != nil {
		return err
	}
	v.program.Leave()
	return nil
}

// Servers returns ICE servers for a program that wants them before it asks for a view.
func (s *Service) Servers(w Watcher) []signaling.ICEServer { return s.hub.Servers(w.pass()) }
