package whep

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"seccam/pkg/credential"
	"seccam/pkg/mqttclient"
	"seccam/pkg/signaling"
	"seccam/portal/account"
	"seccam/portal/bridge"
	"seccam/portal/store"
	"seccam/portal/turn"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const owner = int64(1)

// The lines of a viewer's offer and of the camera's answer that matter here, and some that do not.
var (
	offer = sdp("v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0 1",
		"m=video 9 UDP/TLS/RTP/SAVPF 96", "a=ice-ufrag:mine", "a=ice-pwd:secret", "a=mid:0", "a=candidate:1 1 udp 1 127.0.0.1 9 typ host",
		"m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=ice-ufrag:mine", "a=ice-pwd:secret", "a=mid:1")
	answer = sdp("v=0", "o=- 2 2 IN IP4 127.0.0.1", "s=-", "t=0 0",
		"m=video 9 UDP/TLS/RTP/SAVPF 96", "a=mid:0", "a=ice-ufrag:theirs", "a=ice-pwd:hidden", "a=fingerprint:sha-256 AA",
		"m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:1", "a=ice-ufrag:theirs", "a=ice-pwd:hidden")
)

func sdp(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n" }

// bench is the service on a real hub, with a camera that is a function.
type bench struct {
	*Service
	t      *testing.T
	hub    *bridge.Hub
	camera string

	mu       sync.Mutex
	presence signaling.Presence
	handle   func(m signaling.Message) []signaling.Message // what the camera says to a message
	heard    []signaling.Message
	ended    []string
}

type accounts struct{ *bench }

func (accounts) Visible(context.Context, int64) ([]account.Access, error) { return nil, nil }

func (a accounts) Access(_ context.Context, user int64, id string) (account.Access, error) {
	if user != owner || id != a.camera {
		return account.Access{}, store.ErrNotFound
	}
	return account.Access{Camera: &store.Camera{ID: id}, Role: signaling.RoleOwner, Talk: true}, nil
}

// Of implements Presence.
func (b *bench) Of(string) signaling.Presence {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.presence
}

// Publish is the broker: the camera hears it, and what it says comes from elsewhere.
func (b *bench) Publish(_ context.Context, m mqttclient.Message) error {
	topic, err := signaling.ParseTopic(m.Topic)
	require.NoError(b.t, err)
	message, err := signaling.Decode(m.Payload)
	require.NoError(b.t, err)
	b.mu.Lock()
	b.heard = append(b.heard, message)
	handle := b.handle
	b.mu.Unlock()
	go func() {
		for _, reply := range handle(message) {
			b.says(topic, reply)
		}
	}()
	return nil
}

func (b *bench) says(topic signaling.Topic, m signaling.Message) {
	m.Session, topic.Kind = topic.Session, signaling.KindToViewer
	payload, err := signaling.Encode(m)
	if err != nil {
		b.t.Error(err)
	}
	b.hub.Deliver(topic, payload)
}

// For implements bridge.ICE.
func (b *bench) For(who turn.Who) []signaling.ICEServer {
	return []signaling.ICEServer{{URLs: []string{"turn:ours"}, Username: who.String(), Credential: "c"}}
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, camera: credential.NewCode(), presence: signaling.Presence{Online: true, State: signaling.StateOnline}, handle: obliging}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	b.hub = bridge.New(bridge.Config{
		Instance: "p1", Master: credential.NewSecret(), Accounts: accounts{b}, Presence: b, ICE: b, Publisher: b,
		Watched: func(account.View) {},
		Ended: func(who string) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.ended = append(b.ended, who)
		},
		Now: time.Now, Log: log,
	})
	b.Service = New(b.hub, b, log)
	return b
}

// inBubble runs a test whose time passes only when nothing else can happen.
func inBubble(t *testing.T, test func(t *testing.T, b *bench)) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		defer synctest.Wait()
		test(t, b)
	})
}

// obliging answers an offer with an answer and two candidates.
func obliging(m signaling.Message) []signaling.Message {
	if m.Type != signaling.TypeOffer {
		return nil
	}
	return []signaling.Message{
		answered(answer), candidate("candidate:1 1 udp 2 192.0.2.1 5 typ host"), candidate("candidate:2 1 udp 1 192.0.2.2 5 typ srflx"), candidate(""),
	}
}

func answered(sdp string) signaling.Message {
	return signaling.Message{Type: signaling.TypeAnswer, SDP: sdp}
}

func candidate(text string) signaling.Message {
	return signaling.Message{Type: signaling.TypeCandidate, Candidate: &signaling.Candidate{Candidate: text}}
}

func (b *bench) set(handle func(m signaling.Message) []signaling.Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.handle = handle
}

// took returns what the camera heard since the last call, once everything has settled.
func (b *bench) took() []signaling.Message {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	heard := b.heard
	b.heard = nil
	return heard
}

// watcher is somebody with a token.
func (b *bench) watcher(token string) Watcher {
	return Watcher{
		UserID: owner, Camera: b.camera, Token: token, Subject: "view-" + token,
		Alive: func(context.Context) bool { return true },
	}
}

func (b *bench) begin(w Watcher) Answer {
	b.t.Helper()
	a, err := b.Begin(b.t.Context(), w, offer)
	require.NoError(b.t, err)
	return a
}

func (b *bench) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Service.mu.Lock()
	defer b.Service.mu.Unlock()
	return len(b.views)
}
