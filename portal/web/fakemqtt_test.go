package web

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"seccam/pkg/credential"
	"seccam/pkg/mqttclient"
	"seccam/pkg/signaling"
	"seccam/portal/account"
	"seccam/portal/bridge"
	"seccam/portal/turn"
)

// fakeMQTT is the broker of a hub, with cameras that are a function.
type fakeMQTT struct {
	hub     *bridge.Hub
	t       interface{ Errorf(string, ...any) }
	talking sync.WaitGroup

	mu     sync.Mutex
	handle func(m signaling.Message) []signaling.Message // what a camera says to a message
	heard  []heard
	down   bool
}

// heard is a message that a camera got.
type heard struct {
	camera string
	signaling.Message
}

func newFakeMQTT(p *portal, log *slog.Logger) *fakeMQTT {
	f := &fakeMQTT{t: p.t, handle: answering}
	f.hub = bridge.New(bridge.Config{
		Instance: "p1", Master: credential.NewSecret(), Accounts: p.accounts, Presence: p.presence, ICE: f, Publisher: f,
		Ended: func(string) {}, Watched: func(v account.View) { p.accounts.RecordViews(context.Background(), v) }, Now: time.Now, Log: log,
	})
	return f
}

// answering is a camera that answers an offer with itself and one candidate.
func answering(m signaling.Message) []signaling.Message {
	if m.Type != signaling.TypeOffer {
		return nil
	}
	return []signaling.Message{
		{Type: signaling.TypeAnswer, SDP: m.SDP},
		{Type: signaling.TypeCandidate, Candidate: &signaling.Candidate{Candidate: "candidate:1 1 udp 1 192.0.2.1 5 typ host"}},
		{Type: signaling.TypeCandidate, Candidate: &signaling.Candidate{}},
	}
}

// refusing is a camera that refuses every offer.
func refusing(code signaling.Code, retryAfter int) func(signaling.Message) []signaling.Message {
	return func(signaling.Message) []signaling.Message {
		return []signaling.Message{{Type: signaling.TypeError, Error: &signaling.Error{Code: code, Message: "The camera says why.", RetryAfter: retryAfter}}}
	}
}

// For implements bridge.ICE.
func (f *fakeMQTT) For(turn.Who) []signaling.ICEServer {
	return []signaling.ICEServer{
		{URLs: []string{"stun:stun.example.org"}},
		{URLs: []string{"turn:turn.example.org", "turns:turn.example.org"}, Username: `us"er`, Credential: `pass\word`},
	}
}

// Publish implements bridge.Publisher.
func (f *fakeMQTT) Publish(_ context.Context, m mqttclient.Message) error {
	topic, err := signaling.ParseTopic(m.Topic)
	if err != nil {
		return err
	}
	message, err := signaling.Decode(m.Payload)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down {
		return mqttclient.ErrDown
	}
	f.heard = append(f.heard, heard{topic.Camera, message})
	handle := f.handle
	f.talking.Go(func() {
		topic.Kind = signaling.KindToViewer
		for _, reply := range handle(message) {
			f.says(topic, reply)
		}
	})
	return nil
}

// says has a camera say something to a session.
func (f *fakeMQTT) says(topic signaling.Topic, m signaling.Message) {
	m.Session = topic.Session
	payload, err := signaling.Encode(m)
	if err != nil {
		f.t.Errorf("fake camera: %v", err)
	}
	f.hub.Deliver(topic, payload)
}

func (f *fakeMQTT) set(change func(f *fakeMQTT)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

// took returns what cameras got since the last call.
func (f *fakeMQTT) took() []heard {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.heard
	f.heard = nil
	return all
}
