package rpc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"seccam/pkg/mqttclient"
	"seccam/pkg/signaling"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	cameraID = "d5tx0bdn8j6hcmav70kg"
	otherID  = "a2pj4eh0snwm90sde7zt"
	asker    = "portal-p1"
)

// rig runs a server; what it publishes comes on replies.
type rig struct {
	t       *testing.T
	server  *Server
	replies chan mqttclient.Message
	log     *logBuffer
	stop    func()
}

// logBuffer collects the log.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func run(t *testing.T, methods map[string]Method) *rig {
	t.Helper()
	r := &rig{t: t, replies: make(chan mqttclient.Message, 100), log: new(logBuffer)}
	r.server = New(cameraID, methods, func(m mqttclient.Message) { r.replies <- m },
		slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.server.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(r.stop)
	return r
}

func request(method, payload string) mqttclient.Message {
	return mqttclient.Message{
		Topic: signaling.RPCTopic(cameraID, method), Payload: []byte(payload),
		ResponseTopic: signaling.ReplyTopic(cameraID, asker), Correlation: []byte("c-" + method),
	}
}

func (r *rig) next() mqttclient.Message {
	r.t.Helper()
	select {
	case m := <-r.replies:
		return m
	case <-time.After(10 * time.Second):
		r.t.Fatal("no reply")
		panic("unreachable")
	}
}

// refused waits for an error reply.
func (r *rig) refused(code signaling.Code) *signaling.Error {
	r.t.Helper()
	m := r.next()
	require.Equal(r.t, signaling.ContentJSON, m.ContentType)
	var reply signaling.ErrorReply
	require.NoError(r.t, json.Unmarshal(m.Payload, &reply), "%s", m.Payload)
	require.Equal(r.t, signaling.Version, reply.V)
	require.NotNil(r.t, reply.Error, "%s", m.Payload)
	require.Equal(r.t, code, reply.Error.Code, reply.Error.Message)
	require.NotEmpty(r.t, reply.Error.Message)
	return reply.Error
}

func echo(_ context.Context, payload []byte) (string, []byte, error) {
	return "text/plain", payload, nil
}

func TestReplyRepeatsTheCorrelation(t *testing.T) {
	r := run(t, map[string]Method{"echo": echo})
	r.server.Deliver(request("echo", `{"v":1,"x":2}`))
	require.Equal(t, mqttclient.Message{
		Topic: signaling.ReplyTopic(cameraID, asker), Payload: []byte(`{"v":1,"x":2}`), Correlation: []byte("c-echo"),
		ContentType: "text/plain", Expiry: replyExpiry,
	}, r.next())
	m := request("echo", `{"v":1}`)
	m.Correlation = nil
	r.server.Deliver(m)
	require.Empty(t, r.next().Correlation, "one request at a time needs none")
}

func TestRefusals(t *testing.T) {
	fail := func(err error) Method {
		return func(context.Context, []byte) (string, []byte, error) { return "", nil, err }
	}
	r := run(t, map[string]Method{
		"echo": echo, "busy": fail(&signaling.Error{Code: signaling.CodeBusy, Message: "Busy."}), "broken": fail(errors.New("disk on fire")),
		"panics": func(context.Context, []byte) (string, []byte, error) { panic("boom") },
		"large": func(context.Context, []byte) (string, []byte, error) {
			return "", make([]byte, signaling.MaxReply+1), nil
		},
	})
	for method, code := range map[string]signaling.Code{
		"reboot": signaling.CodeMethod, "busy": signaling.CodeBusy, "broken": signaling.CodeInternal, "panics": signaling.CodeInternal, "large": signaling.CodeInternal,
	} {
		r.server.Deliver(request(method, `{"v":1}`))
		told := r.refused(code)
		assert.NotContains(t, told.Message, "disk on fire")
		assert.NotContains(t, told.Message, "boom")
	}
	assert.Contains(t, r.log.String(), "disk on fire")
	assert.Contains(t, r.log.String(), "boom")
	r.server.Deliver(request("panics", `{"v":1}`))
	r.refused(signaling.CodeInternal) // it goes on
}

func TestAbuse37_MalformedRequests(t *testing.T) {
	r := run(t, map[string]Method{"echo": func(context.Context, []byte) (string, []byte, error) {
		t.Error("it was called")
		return "", nil, nil
	}})
	for payload, code := range map[string]signaling.Code{
		"": signaling.CodeBadMessage, "hello": signaling.CodeBadMessage, "{": signaling.CodeBadMessage, "null": signaling.CodeBadMessage,
		"[]": signaling.CodeBadMessage, "{}": signaling.CodeBadMessage, `{"v":"1"}`: signaling.CodeBadMessage, `{"v":1} {}`: signaling.CodeBadMessage,
		`{"v":2}`: signaling.CodeVersion, `{"v":-1}`: signaling.CodeVersion, "\x00\xff": signaling.CodeBadMessage,
		`{"v":1,"x":"` + strings.Repeat("x", signaling.MaxRequest) + `"}`: signaling.CodeBadMessage, strings.Repeat("[", 4000): signaling.CodeBadMessage,
	} {
		r.server.Deliver(request("echo", payload))
		r.refused(code)
	}
}

// A camera answers on its own reply topics and nowhere else, whatever a request says.
func TestAbuse38_ResponseTopicElsewhere(t *testing.T) {
	called := make(chan struct{}, 10)
	r := run(t, map[string]Method{"echo": func(context.Context, []byte) (string, []byte, error) {
		called <- struct{}{}
		return "", nil, nil
	}})
	for _, topic := range []string{
		"", "elsewhere", signaling.ReplyTopic(otherID, asker), signaling.StatusTopic(cameraID), signaling.TelemetryTopic(cameraID),
		signaling.RPCTopic(cameraID, "echo"), signaling.ReplyTopic(cameraID, "+"), signaling.ReplyTopic(cameraID, ""), signaling.ReplyTopic(cameraID, "a/b"),
		signaling.Root + cameraID + "/replies", strings.Repeat("x", 70_000),
	} {
		m := request("echo", `{"v":1}`)
		m.ResponseTopic = topic
		r.server.Deliver(m)
	}
	change := func(change func(*mqttclient.Message)) {
		m := request("echo", `{"v":1}`)
		change(&m)
		r.server.Deliver(m)
	}
	change(func(m *mqttclient.Message) { m.Topic = signaling.RPCTopic(otherID, "echo") })
	change(func(m *mqttclient.Message) { m.Topic = signaling.StatusTopic(cameraID) })
	change(func(m *mqttclient.Message) { m.Retain = true })
	change(func(m *mqttclient.Message) { m.Correlation = make([]byte, signaling.MaxCorrelation+1) })
	r.server.Deliver(request("echo", `{"v":1}`))
	r.next()
	r.stop()
	require.Len(t, called, 1, "only the last one was run")
	require.Empty(t, r.replies)
}

// A method runs once at a time; what comes while its queue is full is refused, others do not wait.
func TestQueues(t *testing.T) {
	running, release := make(chan struct{}, 1), make(chan struct{})
	r := run(t, map[string]Method{"echo": echo, "slow": func(ctx context.Context, _ []byte) (string, []byte, error) {
		select {
		case running <- struct{}{}:
			defer func() { <-running }()
		default:
			return "", nil, errors.New("twice at a time")
		}
		select {
		case <-release:
		case <-ctx.Done():
		}
		return "text/plain", nil, nil
	}})
	r.server.Deliver(request("slow", `{"v":1}`))
	require.Eventually(t, func() bool { return len(running) == 1 }, 10*time.Second, time.Millisecond)
	for range queueSize {
		r.server.Deliver(request("slow", `{"v":1}`))
	}
	r.server.Deliver(request("slow", `{"v":1}`))
	require.Positive(t, r.refused(signaling.CodeRateLimited).RetryAfter)
	r.server.Deliver(request("echo", `{"v":1}`))
	require.Equal(t, "c-echo", string(r.next().Correlation))
	close(release)
	for range queueSize + 1 {
		require.Equal(t, "text/plain", r.next().ContentType)
	}
}

// Whatever comes, Deliver neither blocks nor panics, and a reply goes only to where it may.
func FuzzDeliver(f *testing.F) {
	f.Add(signaling.RPCTopic(cameraID, "echo"), `{"v":1}`, signaling.ReplyTopic(cameraID, asker), []byte("c"))
	f.Add(signaling.RPCTopic(cameraID, "+"), `{"v":2}`, signaling.ReplyTopic(otherID, "#"), []byte(nil))
	f.Fuzz(func(t *testing.T, topic, payload, response string, correlation []byte) {
		s := New(cameraID, map[string]Method{"echo": echo}, func(m mqttclient.Message) {
			require.True(t, strings.HasPrefix(m.Topic, signaling.Root+cameraID+"/replies/"))
			require.Equal(t, correlation, m.Correlation)
			require.LessOrEqual(t, len(m.Correlation), signaling.MaxCorrelation)
		}, slog.New(slog.DiscardHandler))
		s.Deliver(mqttclient.Message{Topic: topic, Payload: []byte(payload), ResponseTopic: response, Correlation: correlation})
	})
}
