package session

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"seccam/camerad/media"
	"seccam/camerad/media/source"
	"seccam/camerad/pairing"
	"seccam/camerad/transport"
	"seccam/pkg/signaling"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testCamera = "cam1"
	testPortal = "portal1"
	deadline   = 20 * time.Second // of anything a test waits for
	tick       = 10 * time.Millisecond
)

var viewerID = signaling.ViewerID("0123456789abcdef0123456789abcdef")

func sessionID(n int) signaling.SessionID { return viewerID.Session(n) }

// rig is a manager with a real pipeline, and the "broker" that its messages go to.
type rig struct {
	t         testing.TB
	manager   *Manager
	book      *pairing.Book
	print     string // the camera's fingerprint
	engine    *media.Engine
	transport *transport.Transport
	stop      context.CancelFunc
	ended     chan struct{}

	order sync.Mutex // stamps and deliveries are in the same order
	seq   uint64

	mu      sync.Mutex
	mailbox map[signaling.SessionID]chan posted
}

// posted is a message to a viewer.
type posted struct {
	topic signaling.Topic
	signaling.Message
}

func smallVideo() source.Video {
	return source.Video{Width: 320, Height: 180, FPS: 30, Bitrate: 200_000, KeyFrameInterval: time.Second}
}

func newRig(t testing.TB, video source.Video, change func(*Config)) *rig {
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	certificate, err := newCertificate()
	require.NoError(t, err)
	identity, err := newIdentity(*certificate)
	require.NoError(t, err)
	r := &rig{t: t, mailbox: map[signaling.SessionID]chan posted{}, ended: make(chan struct{})}
	r.seq = uint64(time.Now().UnixMicro())
	r.engine = media.NewEngine(media.Config{
		Source: source.TestPattern(), Video: video, Linger: 100 * time.Millisecond, Log: log,
	})
	r.transport, err = transport.Listen(transport.Config{Pause: r.engine.Pause, Log: log})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.transport.Close()) })
	cfg := Config{
		Transport: r.transport, Camera: testCamera, MaxViewers: 8, Identity: identity, Media: r.engine, Publish: r.receive,
		Pairing: pairing.Open(pairing.Config{Folder: t.TempDir(), Camera: testCamera, Now: time.Now, Log: log}),
		Now:     time.Now, Stale: func() {}, Silent: func() {}, Log: log, ConnectTimeout: deadline, FailedTimeout: deadline,
	}
	if change != nil {
		change(&cfg)
	}
	r.book, r.print = cfg.Pairing, identity.Fingerprint
	r.manager, err = New(cfg)
	require.NoError(t, err)
	r.start()
	return r
}

func (r *rig) start() {
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = r.engine.Run(ctx) })
	running.Go(func() { _ = r.manager.Run(ctx) })
	running.Go(func() { r.followBook(ctx) })
	r.stop = stop
	go func() { running.Wait(); close(r.ended) }()
	r.t.Cleanup(func() { r.stop(); <-r.ended })
}

func (r *rig) box(id signaling.SessionID) chan posted {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mailbox[id] == nil {
		r.mailbox[id] = make(chan posted, 256)
	}
	return r.mailbox[id]
}

// receive is the camera's Publish.
func (r *rig) receive(name string, payload []byte) {
	topic, err := signaling.ParseTopic(name)
	if err != nil || topic.Kind != signaling.KindToViewer || topic.Camera != testCamera {
		r.t.Errorf("camera published to %q: %v", name, err)
		return
	}
	m, err := signaling.Decode(payload)
	if err != nil || m.Session != topic.Session {
		r.t.Errorf("camera published a bad message: %v", err)
		return
	}
	r.box(topic.Session) <- posted{topic, m}
}

func topicOf(id signaling.SessionID, portal string) string {
	return signaling.Topic{Kind: signaling.KindToCamera, Camera: testCamera, Portal: portal, Session: id}.String()
}

// deliver stamps m as the portal does and gives it to the camera.
func (r *rig) deliver(m signaling.Message) []byte {
	r.order.Lock()
	defer r.order.Unlock()
	r.seq++
	m.Seq = r.seq
	payload, err := signaling.Encode(m)
	require.NoError(r.t, err)
	r.manager.Deliver(topicOf(m.Session, testPortal), payload)
	return payload
}

// expect waits for a message of a type for a session.
func (r *rig) expect(id signaling.SessionID, kind signaling.Type) posted {
	r.t.Helper()
	timeout := time.After(deadline)
	for {
		select {
		case m := <-r.box(id):
			if m.Type == kind {
				return m
			}
			if m.Type != signaling.TypeCandidate {
				r.t.Fatalf("waiting for %s, got %s (%v %s)", kind, m.Type, m.Error, m.Reason)
			}
		case <-timeout:
			r.t.Fatalf("no %s for %s", kind, id)
		}
	}
}

func (r *rig) expectError(id signaling.SessionID, code signaling.Code) {
	r.t.Helper()
	require.Equal(r.t, code, r.expect(id, signaling.TypeError).Error.Code)
}

// next waits for one value.
func next[T any](t testing.TB, what string, c <-chan T) T {
	t.Helper()
	select {
	case value := <-c:
		return value
	case <-time.After(deadline):
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}

// awaitViewers waits until the manager counts n sessions.
func (r *rig) awaitViewers(n int) {
	r.t.Helper()
	timeout := time.After(deadline)
	for r.manager.Viewers() != n {
		select {
		case <-r.manager.Changed():
		case <-timeout:
			r.t.Fatalf("%d viewers, want %d", r.manager.Viewers(), n)
		}
	}
}
