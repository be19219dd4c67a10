package bridge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"seccam/pkg/credential"
	"seccam/pkg/mqttclient"
	"seccam/pkg/signaling"
	"seccam/portal/account"
	"seccam/portal/store"
	"seccam/portal/turn"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	owner, neighbour = int64(1), int64(2)
	sdp              = "v=0\r\n"
)

// The cameras, in canonical form; ownersDoor and ownersYard are Owner's.
var ownersDoor, ownersYard, neighboursDoor = credential.NewCode(), credential.NewCode(), credential.NewCode()

// fakeAccounts, fakePresence, fakeICE and fakePublisher are functions.
type fakeAccounts struct {
	cameras func(userID int64) ([]store.Camera, error)
	access  func(userID int64, id string) (account.Access, error) // nil: of their own cameras, everything
}

func (f *fakeAccounts) Visible(_ context.Context, userID int64) (list []account.Access, err error) {
	cameras, err := f.cameras(userID)
	for i := range cameras {
		list = append(list, account.Access{Camera: &cameras[i], Role: signaling.RoleOwner})
	}
	return list, err
}

func (f *fakeAccounts) Access(ctx context.Context, userID int64, id string) (account.Access, error) {
	if f.access != nil {
		return f.access(userID, id)
	}
	list, err := f.Visible(ctx, userID)
	for _, access := range list {
		if access.Camera.ID == id {
			return access, nil
		}
	}
	return account.Access{}, errors.Join(err, store.ErrNotFound)
}

// name is what an account is called where guests have names, too.
func name(userID int64) string { return strconv.FormatInt(userID, 10) }

type fakePresence func(camera string) signaling.Presence

func (f fakePresence) Of(camera string) signaling.Presence { return f(camera) }

type fakeICE func(who turn.Who) []signaling.ICEServer

func (f fakeICE) For(who turn.Who) []signaling.ICEServer { return f(who) }

type fakePublisher func(m mqttclient.Message) error

func (f fakePublisher) Publish(_ context.Context, m mqttclient.Message) error { return f(m) }

// sent is a message as a camera would get it.
type sent struct {
	topic signaling.Topic
	body  signaling.Message
	raw   map[string]any
	mqtt  mqttclient.Message
}

// bench is a hub behind a real HTTP server, in a synctest bubble: its network is pipes and its time
// passes only when nothing else can happen.
type bench struct {
	*Hub
	t        *testing.T
	listener *pipes
	log      *bytes.Buffer

	mu      sync.Mutex
	login   Login // of the next connection
	owned   map[int64][]store.Camera
	offline map[string]bool
	sent    []sent
	refuse  error // what Publish returns
	ended   []string
	views   []account.View
	traces  traces
	now     func() time.Time
}

// inBubble runs a test of a hub; at its end no goroutine may be left.
func inBubble(t *testing.T, test func(t *testing.T, b *bench)) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b.mu.Lock()
			login := b.login
			b.mu.Unlock()
			b.Serve(w, r, login)
		})}
		go func() { _ = server.Serve(b.listener) }()
		defer func() { _ = server.Close() }()
		defer b.Close()
		test(t, b)
	})
}

func newBench(t *testing.T) *bench {
	b := &bench{
		t: t, listener: newPipes(), log: &bytes.Buffer{}, offline: map[string]bool{}, now: time.Now,
		owned: map[int64][]store.Camera{
			owner:     {{ID: ownersDoor, PinnedFingerprint: "AA"}, {ID: ownersYard}},
			neighbour: {{ID: neighboursDoor}},
		},
	}
	b.Hub = New(Config{
		Instance: "p1", Master: credential.NewSecret(),
		Accounts: &fakeAccounts{cameras: func(user int64) ([]store.Camera, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			return b.owned[user], nil
		}},
		Presence: fakePresence(func(camera string) signaling.Presence {
			b.mu.Lock()
			defer b.mu.Unlock()
			if b.offline[camera] {
				return signaling.Presence{State: signaling.StateOffline, Text: "Offline"}
			}
			return signaling.Presence{Online: true, State: signaling.StateOnline, Text: "Online"}
		}),
		Watched: func(v account.View) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.views = append(b.views, v)
		},
		Ended: func(who string) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.ended = append(b.ended, who)
		},
		ICE: fakeICE(func(who turn.Who) []signaling.ICEServer {
			return []signaling.ICEServer{{URLs: []string{"turn:ours"}, Username: who.Session, Credential: "c"}}
		}),
		Publisher: fakePublisher(b.publish),
		Traces:    &b.traces,
		Now:       func() time.Time { return b.now() },
		Log:       slog.New(slog.NewTextHandler(b.log, nil)),
	})
	return b
}

func (b *bench) set(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
}

func (b *bench) publish(m mqttclient.Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.refuse != nil {
		return b.refuse
	}
	s := sent{mqtt: m}
	var err error
	if s.topic, err = signaling.ParseTopic(m.Topic); err != nil {
		b.t.Error(err)
	}
	if s.body, err = signaling.Decode(m.Payload); err != nil {
		b.t.Error(err)
	}
	_ = json.Unmarshal(m.Payload, &s.raw)
	b.sent = append(b.sent, s)
	return nil
}

// published returns what cameras got since the last call, once everything has settled.
func (b *bench) published() []sent {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.sent
	b.sent = nil
	return all
}

// pipes is a net.Listener without a network.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// page is a browser's end.
type page struct {
	b      *bench
	socket *websocket.Conn
	in     chan signaling.Message
	ended  chan error
	viewer signaling.ViewerID
}

func login(user int64) Login {
	return Login{UserID: user, Subject: "login", Alive: func(context.Context) bool { return true }}
}

// dial opens a WebSocket that nobody reads.
func (b *bench) dial(l Login, previous signaling.ViewerID) *page {
	b.t.Helper()
	b.set(func() { b.login = l })
	transport := &http.Transport{DialContext: b.listener.dial}
	defer transport.CloseIdleConnections()
	socket, _, err := websocket.Dial(context.Background(), "ws://portal/?viewer="+string(previous), &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: transport},
	})
	require.NoError(b.t, err)
	socket.SetReadLimit(1 << 20)
	b.t.Cleanup(func() { _ = socket.CloseNow() })
	return &page{b: b, socket: socket, in: make(chan signaling.Message, 10_000), ended: make(chan error, 1)}
}

// open opens a page that reads, and takes its welcome and the first statuses.
func (b *bench) open(l Login, previous signaling.ViewerID) *page {
	b.t.Helper()
	p := b.dial(l, previous)
	go p.read()
	first := p.received()
	require.NotEmpty(b.t, first)
	require.Equal(b.t, signaling.TypeWelcome, first[0].Type)
	p.viewer = first[0].Viewer
	for _, m := range first[1:] {
		require.Equal(b.t, signaling.TypeStatus, m.Type)
	}
	return p
}

func (p *page) read() {
	for {
		_, data, err := p.socket.Read(context.Background())
		if err != nil {
			_ = p.socket.CloseNow()
			p.ended <- err
			return
		}
		m, err := signaling.Decode(data)
		if err != nil {
			p.b.t.Error(err)
		}
		p.in <- m
	}
}

// received returns what the page got since the last call, once everything has settled.
func (p *page) received() []signaling.Message {
	synctest.Wait()
	var all []signaling.Message
	for len(p.in) > 0 {
		all = append(all, <-p.in)
	}
	return all
}

// one returns the only message that the page got.
func (p *page) one() signaling.Message {
	p.b.t.Helper()
	all := p.received()
	require.Len(p.b.t, all, 1)
	return all[0]
}

func (p *page) send(m signaling.Message) {
	p.b.t.Helper()
	m.V = signaling.Version
	data, err := json.Marshal(m)
	require.NoError(p.b.t, err)
	p.sendRaw(string(data))
}

func (p *page) sendRaw(text string) {
	p.b.t.Helper()
	require.NoError(p.b.t, p.socket.Write(context.Background(), websocket.MessageText, []byte(text)))
}

func (p *page) offer(n int, camera string) {
	p.b.t.Helper()
	p.send(signaling.Message{Type: signaling.TypeOffer, Session: p.viewer.Session(n), Camera: camera, SDP: sdp})
}

func (p *page) candidate(n int, camera string) {
	p.b.t.Helper()
	p.send(signaling.Message{Type: signaling.TypeCandidate, Session: p.viewer.Session(n), Camera: camera, Candidate: &signaling.Candidate{Candidate: "x"}})
}

// refused returns the code of the error that the page got.
func (p *page) refused() signaling.Code {
	p.b.t.Helper()
	m := p.one()
	require.Equal(p.b.t, signaling.TypeError, m.Type)
	require.NotEmpty(p.b.t, m.Error.Message)
	return m.Error.Code
}

// closed returns the code with which the hub closed the page.
func (p *page) closed() websocket.StatusCode {
	p.b.t.Helper()
	synctest.Wait()
	select {
	case err := <-p.ended:
		return websocket.CloseStatus(err)
	default:
		p.b.t.Fatal("the page is still connected")
		return 0
	}
}

func (p *page) requireOpen() {
	p.b.t.Helper()
	synctest.Wait()
	require.Empty(p.b.t, p.ended)
}

// says has a camera send a message to a session.
func (b *bench) says(camera string, m signaling.Message) {
	b.t.Helper()
	data, err := signaling.Encode(m)
	require.NoError(b.t, err)
	b.Deliver(toViewer(camera, m.Session), data)
}

func toViewer(camera string, session signaling.SessionID) signaling.Topic {
	return signaling.Topic{Kind: signaling.KindToViewer, Camera: camera, Portal: "p1", Session: session}
}

func answer(session signaling.SessionID) signaling.Message {
	return signaling.Message{Type: signaling.TypeAnswer, Session: session, SDP: sdp}
}
