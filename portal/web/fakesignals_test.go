package web

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/pkg/signaling"
)

// fakeSignals speaks the portal's side of the signalling protocol: welcome, the status of the
// user's cameras, and whatever its handler answers.
type fakeSignals struct {
	p *portal

	mu      sync.Mutex
	handle  func(s *fakeSocket, m signaling.Message) // nil ignores what a page sends
	sockets map[*fakeSocket]struct{}
	logins  []Login
	opened  int
	refuse  bool
}

// fakeSocket is one page's WebSocket.
type fakeSocket struct {
	t       *testing.T
	conn    *websocket.Conn
	ctx     context.Context
	viewer  signaling.ViewerID
	telling sync.Mutex // what is told last is the newest
}

func newFakeSignals(p *portal) *fakeSignals {
	f := &fakeSignals{p: p, sockets: map[*fakeSocket]struct{}{}}
	p.presence.changed = f.pushStatus
	return f
}

// ServeSignals implements Signals.
func (f *fakeSignals) ServeSignals(w http.ResponseWriter, r *http.Request, login Login) {
	f.mu.Lock()
	f.logins = append(f.logins, login)
	f.opened++
	refuse := f.refuse
	f.mu.Unlock()
	if refuse {
		http.Error(w, "refused", http.StatusServiceUnavailable)
		return
	}
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	conn.SetReadLimit(signaling.MaxMessage)
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	defer cancel()
	viewer := signaling.ViewerID(r.URL.Query().Get("viewer"))
	if !viewer.Valid() {
		viewer = signaling.ViewerID(strings.Repeat("0", 12) + credential.NewCode())
	}
	s := &fakeSocket{t: f.p.t, conn: conn, ctx: ctx, viewer: viewer}
	f.mu.Lock()
	f.sockets[s] = struct{}{}
	f.mu.Unlock()
	defer f.forget(s)
	s.send(signaling.Message{Type: signaling.TypeWelcome, Viewer: viewer})
	for _, camera := range f.visible(ctx, login) {
		f.tell(s, camera)
	}
	for {
		_, data, err := conn.Read(ctx)
		if err != nil {
			return
		}
		m, err := signaling.Decode(data)
		if err != nil {
			f.p.t.Errorf("the page sent %q: %v", data, err)
			return
		}
		f.mu.Lock()
		handle := f.handle
		f.mu.Unlock()
		if handle != nil {
			handle(s, m)
		}
	}
}

// visible are the cameras that a login's page shows.
func (f *fakeSignals) visible(ctx context.Context, login Login) (ids []string) {
	if login.Guest != "" {
		if access, err := login.Access(ctx); err == nil {
			ids = append(ids, access.Camera.ID)
		}
		return ids
	}
	list, _ := f.p.accounts.Visible(ctx, login.UserID)
	for _, access := range list {
		ids = append(ids, access.Camera.ID)
	}
	return ids
}

func (f *fakeSignals) status(camera string) signaling.Message {
	presence := f.p.presence.Of(camera)
	if c, err := f.p.store.CameraByID(context.Background(), camera); err == nil {
		presence.Fingerprint = c.PinnedFingerprint
	}
	return signaling.Message{Type: signaling.TypeStatus, Camera: camera, Presence: &presence}
}

func (f *fakeSignals) pushStatus(camera string) {
	for _, s := range f.all() {
		f.tell(s, camera)
	}
}

func (f *fakeSignals) tell(s *fakeSocket, camera string) {
	s.telling.Lock()
	defer s.telling.Unlock()
	s.send(f.status(camera))
}

func (f *fakeSignals) all() []*fakeSocket {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []*fakeSocket
	for s := range f.sockets {
		list = append(list, s)
	}
	return list
}

func (f *fakeSignals) forget(s *fakeSocket) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.sockets, s)
	_ = s.conn.CloseNow()
}

// closeAll cuts every socket with a close code, as a restarting portal does.
func (f *fakeSignals) closeAll() { f.closeWith(websocket.StatusGoingAway) }

func (f *fakeSignals) closeWith(code websocket.StatusCode) {
	for _, s := range f.all() {
		_ = s.conn.Close(code, "")
	}
}

// setHandler says who answers what pages send.
func (f *fakeSignals) setHandler(handle func(s *fakeSocket, m signaling.Message)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.handle = handle
}

// setRefuse makes the portal unreachable for signalling.
func (f *fakeSignals) setRefuse(refuse bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse = refuse
}

// lastLogin is who opened a socket last.
func (f *fakeSignals) lastLogin() Login {
	f.mu.Lock()
	defer f.mu.Unlock()
	require.NotEmpty(f.p.t, f.logins)
	return f.logins[len(f.logins)-1]
}

func (f *fakeSignals) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.opened
}

// send writes a message; the page may be gone, which is no mistake.
func (s *fakeSocket) send(m signaling.Message) {
	data, err := signaling.Encode(m)
	if err != nil {
		s.t.Errorf("fake portal: %v", err)
		return
	}
	ctx, cancel := context.WithTimeout(s.ctx, 5*time.Second)
	defer cancel()
	_ = s.conn.Write(ctx, websocket.MessageText, data)
}
