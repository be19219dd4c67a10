package tracing

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"seccam/pkg/tracing/tracingtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	patience = 30 * time.Second
	session  = "0123456789abcdefghijklmnopqrstuv-1"
)

var began = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// running is a tracer whose Run has begun, and what it logs.
type running struct {
	*Tracer
	log  *lines
	stop func()
}

func run(t *testing.T, url string) *running {
	t.Helper()
	log := new(lines)
	r := &running{log: log, Tracer: New(Config{URL: url}, Options{Version: "1", Instance: "one", Log: slog.New(slog.NewTextHandler(log, nil))})}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-done)
	})
	t.Cleanup(r.stop)
	require.Eventually(t, r.Running, patience, time.Millisecond)
	return r
}

type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) count(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), part)
}

func (r *running) total(result string) float64 {
	return testutil.ToFloat64(r.spans.WithLabelValues(result))
}

// TestOneTrace: what several programs tell of one session becomes one trace, whoever tells the view itself.
func TestOneTrace(t *testing.T) {
	c := tracingtest.New(t)
	camera, portal := run(t, c.URL), run(t, c.URL+"/v1/traces")
	camera.Stage(session, Stage{Service: Camera, Name: "ice", Began: began, Ended: began.Add(time.Millisecond), Refused: "no_way",
		Details: map[string]string{"path": "relayed"}})
	portal.Stage(session, Stage{Service: Portal, Name: "offer", Began: began, Ended: began.Add(3 * time.Second),
		Parts: []Stage{{Name: "publish", Began: began.Add(time.Second), Ended: began.Add(2 * time.Second)}}})
	portal.View(session, Stage{Service: Browser, Name: "view", Began: began, Ended: began.Add(time.Minute)})
	camera.stop()
	portal.stop()

	spans := map[string]tracingtest.Span{}
	for _, span := range c.Spans() {
		require.Equal(t, "de9c4f26735ddd23c47488ec8bb20d9c", span.Trace, span.Name)
		require.Equal(t, session, span.Attributes["seccam.session"])
		spans[span.Service+" "+span.Name] = span
	}
	require.Len(t, spans, 4)
	view, offer := spans["seccam-browser view"], spans["seccam-portal offer"]
	require.Empty(t, view.Parent)
	require.Equal(t, "f4c039e72a5a3feb", view.ID)
	require.True(t, began.Equal(view.Began) && began.Add(time.Minute).Equal(view.Ended))
	require.Equal(t, view.ID, offer.Parent)
	require.Equal(t, offer.ID, spans["seccam-portal publish"].Parent)
	ice := spans["seccam-camera ice"]
	require.Equal(t, view.ID, ice.Parent)
	require.Equal(t, "no_way", ice.Error)
	require.Equal(t, "relayed", ice.Attributes["seccam.path"])
	require.InDelta(t, 3, portal.total("sent"), 0)
	require.Zero(t, portal.total("lost"))
}

// TestCollectorDown: it costs one line however often it fails, and another when it works again.
func TestCollectorDown(t *testing.T) {
	c := tracingtest.New(t)
	c.Status.Store(http.StatusServiceUnavailable)
	r := run(t, c.URL)
	stage := Stage{Service: Portal, Name: "offer", Began: began, Ended: began}
	for range 2 * queueSize { // several batches go at once
		r.Stage(session, stage)
	}
	require.Eventually(t, func() bool { return r.total("lost") >= queueSize/2 }, patience, time.Millisecond)
	require.Equal(t, 1, r.log.count("level=WARN"))
	require.Equal(t, 1, r.log.count("503 Service Unavailable"))
	require.LessOrEqual(t, r.total("lost"), float64(2*queueSize))
	c.Status.Store(0)
	r.Stage(session, stage)
	r.stop()
	require.NotEmpty(t, c.Spans())
	require.Equal(t, 1, r.log.count("reach the collector again"))
	require.InDelta(t, 2*queueSize+1, r.total("made"), 0)
}

// TestCollectorSilent: one that takes the connection and never answers does not keep the program from ending.
func TestCollectorSilent(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	r := run(t, "http://"+listener.Addr().String())
	r.Stage(session, Stage{Service: Portal, Name: "offer", Began: began, Ended: began})
	r.stop() // goleak sees that nothing is left behind
	require.InDelta(t, 1, r.total("lost"), 0)
	r.Stage(session, Stage{Service: Portal, Name: "late", Began: began, Ended: began})
}

// TestRedirection: a collector cannot send what it is told to somewhere else.
func TestRedirection(t *testing.T) {
	elsewhere := tracingtest.New(t)
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL+"/v1/traces", http.StatusTemporaryRedirect))
	defer server.Close()
	r := run(t, server.URL)
	r.Stage(session, Stage{Service: Portal, Name: "offer", Began: began, Ended: began})
	r.stop()
	require.Empty(t, elsewhere.Spans())
	require.InDelta(t, 1, r.total("lost"), 0)
}

func TestOff(t *testing.T) {
	tracer := New(Config{}, Options{})
	require.Nil(t, tracer)
	require.NoError(t, tracer.Run(t.Context()))
	tracer.View(session, Stage{})
	tracer.Stage(session, Stage{})
	require.Empty(t, tracer.Figures())
}

func TestAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"":                                "",
		"http://127.0.0.1:4318":           "http://127.0.0.1:4318/v1/traces",
		"https://traces.example.org/":     "https://traces.example.org/v1/traces",
		"https://traces.example.org/otlp": "https://traces.example.org/otlp",
	} {
		cfg := Config{URL: address}
		require.NoError(t, cfg.Validate(), address)
		if want != "" {
			require.Equal(t, want, cfg.endpoint())
		}
	}
	for address, why := range map[string]string{
		"127.0.0.1:4318":                 "is not an address such as",
		"grpc://127.0.0.1:4317":          "is not an address such as",
		"http://traces.example.org":      "could be read on the way",
		"https://key@traces.example.org": "a password does not belong there",
	} {
		require.ErrorContains(t, Config{URL: address}.Validate(), why, address)
	}
}
