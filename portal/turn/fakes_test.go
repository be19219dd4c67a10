package turn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// apiKey has characters that a query must escape, and none that a header must not have.
const apiKey = "k3y+of/the&app="

var secretFiles = map[string]string{"key": apiKey + "\n", "token": apiKey}

// The services' answers, as their documentation shows them.
const (
	meteredAnswer = `[{"urls":"stun:stun.relay.metered.ca:80"},
		{"urls":"turn:global.relay.metered.ca:80","username":"u","credential":"c"},
		{"urls":"turn:global.relay.metered.ca:80?transport=tcp","username":"u","credential":"c"},
		{"urls":"turn:global.relay.metered.ca:443","username":"u","credential":"c"},
		{"urls":"turns:global.relay.metered.ca:443?transport=tcp","username":"u","credential":"c"}]`
	cloudflareAnswer = `{"iceServers":[
		{"urls":["stun:stun.cloudflare.com:3478","stun:stun.cloudflare.com:53"]},
		{"urls":["turn:turn.cloudflare.com:3478?transport=udp","turn:turn.cloudflare.com:53?transport=udp",
			"turn:turn.cloudflare.com:3478?transport=tcp","turn:turn.cloudflare.com:80?transport=tcp",
			"turns:turn.cloudflare.com:5349?transport=tcp","turns:turn.cloudflare.com:443?transport=tcp"],
			"username":"u","credential":"c"}]}`
	// Until 2025 it was one object with all URLs.
	cloudflareObject = `{"iceServers":{"urls":["stun:stun.cloudflare.com:3478","turn:turn.cloudflare.com:3478?transport=udp",
		"turn:turn.cloudflare.com:3478?transport=tcp","turns:turn.cloudflare.com:5349?transport=tcp"],"username":"u","credential":"c"}}`
)

// meteredAPI behaves as Metered does.
func meteredAPI(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	key := r.URL.Query().Get("apiKey")
	switch {
	case r.Method != http.MethodGet || r.URL.Path != "/api/v1/turn/credentials":
		w.WriteHeader(http.StatusNotFound)
	case key == "":
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprint(w, `{"error":"Please specify API Key"}`)
	case key != apiKey:
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = fmt.Fprint(w, `{"error":"Invalid API Key"}`)
	default:
		_, _ = fmt.Fprint(w, meteredAnswer)
	}
}

// cloudflareAPI behaves as Cloudflare does, and gives out credentials that tell their ttl.
func cloudflareAPI(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	var body struct {
		TTL int `json:"ttl"`
	}
	switch {
	case r.URL.Path != "/v1/turn/keys/id/credentials/generate-ice-servers":
		w.WriteHeader(http.StatusNotFound)
	case r.Method != http.MethodPost:
		w.WriteHeader(http.StatusMethodNotAllowed)
	case r.Header.Get("Authorization") != "Bearer "+apiKey:
		w.WriteHeader(http.StatusUnauthorized)
	case r.Header.Get("Content-Type") != "application/json", json.NewDecoder(r.Body).Decode(&body) != nil,
		body.TTL < 1, body.TTL > 172800:
		w.WriteHeader(http.StatusBadRequest)
	default:
		w.WriteHeader(http.StatusCreated)
		_, _ = fmt.Fprint(w, cloudflareAnswer)
	}
}

// asking returns both kinds of services, set up to ask at base with client.
func asking(t *testing.T, base string, client *http.Client) map[string]service {
	t.Helper()
	m, err := newService(Service{Kind: kindMetered, App: "app", KeyFile: "key", URL: base}, read(secretFiles), client)
	require.NoError(t, err)
	c, err := newService(Service{Kind: kindCloudflare, KeyID: "id", TokenFile: "token", URL: base}, read(secretFiles), client)
	require.NoError(t, err)
	return map[string]service{kindMetered: m, kindCloudflare: c}
}

// onLoopback serves handler there and returns both kinds of services for it.
func onLoopback(t *testing.T, handler http.HandlerFunc) map[string]service {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return asking(t, server.URL+"/", newClient())
}

// noKey asserts that a text does not give away the key.
func noKey(t *testing.T, text string) {
	t.Helper()
	require.NotContains(t, text, apiKey)
	require.NotContains(t, text, url.QueryEscape(apiKey))
}

// pipes is a network in memory. Inside a synctest bubble time passes while both ends wait on it.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	close func()
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error { p.close(); return nil }

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.done:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// script is a service in memory. answer is what it does; it remembers when it was asked.
type script struct {
	mu     sync.Mutex
	answer http.HandlerFunc
	calls  []time.Time
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.calls = append(s.calls, time.Now())
	answer := s.answer
	s.mu.Unlock()
	answer(w, r)
}

func (s *script) will(answer http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// asked returns when the service was asked since the last call of this.
func (s *script) asked() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
}

// inMemory serves s and returns both kinds of services for it.
func inMemory(t *testing.T, s *script) map[string]service {
	t.Helper()
	p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	p.close = sync.OnceFunc(func() { close(p.done) })
	server := &http.Server{Handler: s}
	go func() { _ = server.Serve(p) }()
	t.Cleanup(func() { _ = server.Close() })
	client := newClient()
	client.Transport.(*http.Transport).DialContext = p.dial
	return asking(t, "http://127.0.0.1", client)
}

// fails is a handler that answers with a status and, unless it is "", a Retry-After.
func fails(status int, retryAfter string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.WriteHeader(status)
	}
}

// says is a handler that answers 200 with body.
func says(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, body) }
}

// hangs is a handler that sends the beginning of an answer, and no more until the client has given up.
func hangs(beginning string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the server notices the client's end only after that
		if beginning != "" {
			_, _ = fmt.Fprint(w, beginning)
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
	}
}
