package web

import (
	"bytes"
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"seccam/pkg/credential"
	"seccam/pkg/signaling"
	"seccam/portal/mail"
	"seccam/portal/store"
)

// clock is the real time plus what a test adds.
// clock begins with the test, and moves when it is told to: what is allowed within a second is so on a
// slow machine, too.
type clock struct {
	start time.Time
	ahead atomic.Int64
}

func (c *clock) now() time.Time          { return c.start.Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

type fakePresence struct {
	store   *store.Store
	now     func() time.Time
	mu      sync.Mutex
	of      map[string]signaling.Presence
	changed func(camera string)
}

func (f *fakePresence) Of(id string) signaling.Presence {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p, known := f.of[id]; known {
		return p
	}
	return signaling.Presence{State: signaling.StateNever, Text: "Not connected yet"}
}

func (f *fakePresence) Online(id string) bool { return f.Of(id).Online }

func (f *fakePresence) Flush(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	seen := map[string]time.Time{}
	for id, p := range f.of {
		if p.LastSeen != 0 {
			seen[id] = time.UnixMilli(p.LastSeen)
		}
	}
	return f.store.Seen(ctx, seen)
}

func (f *fakePresence) set(id string, p signaling.Presence) {
	f.mu.Lock()
	if p.Online {
		p.LastSeen = f.now().UnixMilli() + 1
	} else if p.LastSeen == 0 {
		p.LastSeen = f.of[id].LastSeen
	}
	f.of[id] = p
	changed := f.changed
	f.mu.Unlock()
	if changed != nil {
		changed(id)
	}
}

type fakeRevoker struct {
	mu       sync.Mutex
	subjects []string
}

func (f *fakeRevoker) Revoke(_ context.Context, subject string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.subjects = append(f.subjects, subject)
	return nil
}

func (f *fakeRevoker) Look() {}

// fakeDevices accepts the proof "good".
type fakeDevices struct{}

func (fakeDevices) Challenge(context.Context, credential.ChallengeRequest) (credential.Challenge, error) {
	return credential.Challenge{Nonce: "n", ExpiresIn: 60}, nil
}

func (fakeDevices) Token(_ context.Context, req credential.TokenRequest) (credential.TokenResponse, error) {
	if req.Proof != "good" {
		return credential.TokenResponse{}, ErrDeviceRefused
	}
	return credential.TokenResponse{Token: "t", Username: "u", ClientID: "u", MQTTURL: "mqtt://x", ExpiresIn: 1, ServerTime: 2}, nil
}

func (fakeDevices) FirstKey(camera string) credential.Secret {
	return credential.DeviceKey(master, camera, 1)
}

// safeBuffer is a log that a test may read while it is written.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// fakeMail writes mails at once and keeps them.
type fakeMail struct {
	t       *testing.T
	mu      sync.Mutex
	sent    []mail.Message
	sending bool
}

func (f *fakeMail) Queue(what string, write func(ctx context.Context) ([]mail.Message, error)) {
	list, err := write(context.Background())
	if err != nil {
		f.t.Errorf("write %s: %v", what, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent = append(f.sent, list...)
}

func (f *fakeMail) Sends() bool { return f.sending }

// take returns the mails since it was called last.
func (f *fakeMail) take() []mail.Message {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := f.sent
	f.sent = nil
	return list
}
