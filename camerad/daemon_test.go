package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"seccam/pkg/credential"
	"seccam/pkg/signaling"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const deadline = 20 * time.Second

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

// startBroker is an open broker; that ours keeps strangers out is tested where it is written.
func startBroker(t *testing.T) (*mqtt.Server, string) {
	broker := mqtt.New(&mqtt.Options{InlineClient: true, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	require.NoError(t, broker.AddHook(new(auth.AllowHook), nil))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, broker.AddListener(listeners.NewNet("test", listener)))
	require.NoError(t, broker.Serve())
	t.Cleanup(func() { _ = broker.Close() })
	return broker, listener.Addr().String()
}

// fakePortal answers the device API for one key.
type fakePortal struct {
	key    credential.Secret
	broker string // mqtt_url
	clock  func() time.Time
	server *httptest.Server

	mu     sync.Mutex
	tokens []credential.TokenRequest
}

func newFakePortal(t *testing.T, broker string) *fakePortal {
	p := &fakePortal{key: credential.NewSecret(), broker: broker, clock: time.Now}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+credential.ChallengePath, func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(credential.Challenge{Nonce: "nonce", ExpiresIn: 60})
	})
	mux.HandleFunc("POST "+credential.TokenPath, p.token)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	p.server = httptest.NewServer(mux)
	t.Cleanup(p.server.Close)
	return p
}

func (p *fakePortal) token(w http.ResponseWriter, r *http.Request) {
	var request credential.TokenRequest
	_ = json.NewDecoder(r.Body).Decode(&request)
	proof, _ := hex.DecodeString(request.Proof)
	if !credential.VerifyProof(p.key, request.Camera, "nonce", request.Fingerprint, proof) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"type":"about:blank","title":"Unauthorized","status":401,"detail":"key was revoked"}`)
		return
	}
	p.mu.Lock()
	p.tokens = append(p.tokens, request)
	p.mu.Unlock()
	subject := credential.Identity{Role: credential.RoleCamera, ID: request.Camera}.Subject()
	_ = json.NewEncoder(w).Encode(credential.TokenResponse{
		Token: "token", Username: subject, ClientID: subject, MQTTURL: p.broker, ExpiresIn: 86400, ReconnectWithin: 30,
		ServerTime: p.clock().UnixMilli(),
	})
}

// writeConfig makes a folder as an installed camera has it.
func (p *fakePortal) writeConfig(t *testing.T, camera string) string {
	folder := t.TempDir()
	require.NoError(t, credential.WriteSecretFile(filepath.Join(folder, "device.key"), []byte(p.key.Hex()+"\n")))
	path := filepath.Join(folder, "camerad.yml")
	text := "portal_url: " + p.server.URL + "\ncamera_id: " + camera + `
device_key_file: device.key
state_dir: state
source: testpattern
video: {width: 320, height: 180, bitrate: 200000}
`
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// listen returns what is published on the camera's status and to the viewers of portal1.
func listen(t *testing.T, broker *mqtt.Server, camera string) (<-chan signaling.Status, <-chan signaling.Message) {
	statuses, replies := make(chan signaling.Status, 64), make(chan signaling.Message, 64)
	require.NoError(t, broker.Subscribe(signaling.StatusTopic(camera), 1, func(_ *mqtt.Client, _ packets.Subscription, p packets.Packet) {
		status, err := signaling.DecodeStatus(p.Payload)
		assert.NoError(t, err)
		statuses <- status
	}))
	require.NoError(t, broker.Subscribe(signaling.ToViewerFilter("portal1"), 2, func(_ *mqtt.Client, _ packets.Subscription, p packets.Packet) {
		m, err := signaling.Decode(p.Payload)
		assert.NoError(t, err)
		replies <- m
	}))
	return statuses, replies
}

// program is a running camerad.
type program struct {
	stop  func()
	ended chan error
	logs  bytes.Buffer // to be read after its end
}

func startProgram(args ...string) *program {
	ctx, stop := context.WithCancel(context.Background())
	p := &program{stop: stop, ended: make(chan error, 1)}
	go func() { p.ended <- execute(console{ctx: ctx, out: io.Discard, errors: &p.logs}, args) }()
	return p
}

// TestDaemon runs the program as its user does, against a real broker.
func TestDaemon(t *testing.T) {
	broker, address := startBroker(t)
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	portal := newFakePortal(t, "mqtt://:"+port) // the host is the portal's
	camera := credential.NewCode()
	statuses, replies := listen(t, broker, camera)
	daemon := startProgram("run", "--config", portal.writeConfig(t, camera))
	defer daemon.stop()

	online := next(t, "status", statuses)
	assert.True(t, online.Online)
	assert.Equal(t, "testpattern", online.Source)
	assert.WithinDuration(t, time.Now(), time.UnixMilli(online.At), time.Minute)

	// A Will of an older connection comes late: the camera puts it right.
	stale := signaling.EncodeStatus(signaling.Status{Boot: online.Boot, Reason: signaling.OfflineConnectionLost})
	require.NoError(t, broker.Publish(signaling.StatusTopic(camera), stale, true, 1))
	for next(t, "stale status", statuses).Online { // the first status may come twice
	}
	assert.True(t, next(t, "status put right", statuses).Online)

	refusal := sendOffer(t, broker, camera, replies)
	assert.Equal(t, signaling.CodeBadMessage, refusal.Error.Code)

	daemon.stop()
	require.NoError(t, next(t, "end", daemon.ended))
	last := next(t, "last words", statuses)
	for last.Online {
		last = next(t, "last words", statuses)
	}
	assert.Equal(t, signaling.OfflineShutdown, last.Reason)
	assert.Equal(t, online.Boot, last.Boot)
	assert.Contains(t, daemon.logs.String(), "fingerprint="+portal.tokens[0].Fingerprint)
	assert.Contains(t, daemon.logs.String(), camera)
	assert.NotContains(t, daemon.logs.String(), portal.key.Hex())
}

// sendOffer sends an unusable offer and returns the refusal.
func sendOffer(t *testing.T, broker *mqtt.Server, camera string, replies <-chan signaling.Message) signaling.Message {
	id := signaling.ViewerID(strings.Repeat("a", signaling.ViewerIDLength)).Session(1)
	offer, err := signaling.Encode(signaling.Message{
		Type: signaling.TypeOffer, Session: id, Seq: uint64(time.Now().UnixMicro()), SDP: "not SDP",
	})
	require.NoError(t, err)
	topic := signaling.Topic{Kind: signaling.KindToCamera, Camera: camera, Portal: "portal1", Session: id}
	require.NoError(t, broker.Publish(topic.String(), offer, false, 0))
	refusal := next(t, "refusal", replies)
	assert.Equal(t, id, refusal.Session)
	return refusal
}
