package mail

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 20 * time.Second

// safeLog is a log that a test may read while it is written.
type safeLog struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *safeLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *safeLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// start runs an outbox until the test ends.
func start(t *testing.T, cfg Config) (*Outbox, *safeLog) {
	t.Helper()
	log := &safeLog{}
	o, err := New(cfg, slog.New(slog.NewTextHandler(log, nil)))
	require.NoError(t, err)
	o.retry = time.Millisecond
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- o.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-done)
	})
	return o, log
}

func letter(m Message) func(context.Context) ([]Message, error) {
	return func(context.Context) ([]Message, error) { return []Message{m}, nil }
}

func (o *Outbox) counts() (sent, failed int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.sent, o.failed
}

func TestFilesAreNotSent(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Dir = filepath.Join(t.TempDir(), "mail")
	o, log := start(t, cfg)
	assert.False(t, o.Sends())
	o.Queue("test", letter(Message{To: "a@example.org", Subject: "Grüße\r\nBcc: c@example.org", Text: "a link\n"}))
	require.Eventually(t, func() bool { sent, _ := o.counts(); return sent == 1 }, patience, time.Millisecond)
	files, err := filepath.Glob(filepath.Join(cfg.Dir, "*.eml"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	info, err := os.Stat(files[0])
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "there are links in it")
	data, err := os.ReadFile(files[0])
	require.NoError(t, err)
	assert.Contains(t, string(data), "To: <a@example.org>")
	assert.NotContains(t, string(data), "\nBcc:")
	assert.Contains(t, log.String(), "MAILS ARE NOT SENT")
	assert.NotContains(t, log.String(), "a link")
	assert.Equal(t, 2, testutil.CollectAndCount(o))
}

func TestLogIsForTryingOut(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Kind = KindLog
	o, log := start(t, cfg)
	o.Queue("test", letter(Message{To: "a@example.org", Subject: "s", Text: "a link"}))
	require.Eventually(t, func() bool { return strings.Contains(log.String(), "a link") }, patience, time.Millisecond)
	assert.Contains(t, log.String(), "NOT SENT")
}

// server is a mail server that refuses the first mails with a code.
type server struct {
	listener net.Listener
	refuse   int
	code     string

	mu    sync.Mutex
	mails []string
}

func newServer(t *testing.T, refuse int, code string) *server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &server{listener: listener, refuse: refuse, code: code}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(func() { _ = listener.Close(); group.Wait() })
	return s
}

func (s *server) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	say := func(line string) { _, _ = fmt.Fprintf(conn, "%s\r\n", line) }
	say("220 test")
	lines := bufio.NewScanner(conn)
	body, inBody := "", false
	for lines.Scan() {
		line := lines.Text()
		switch verb := strings.ToUpper(strings.SplitN(line, " ", 2)[0]); {
		case inBody && line == ".":
			inBody = false
			s.mu.Lock()
			s.mails = append(s.mails, body)
			s.mu.Unlock()
			say("250 ok")
		case inBody:
			body += line + "\n"
		case verb == "EHLO":
			say("250 test")
		case verb == "MAIL" && s.refused():
			say(s.code + " not now")
		case verb == "DATA":
			inBody = true
			say("354 go on")
		case verb == "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func (s *server) refused() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse--
	return s.refuse >= 0
}

func (s *server) received() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.mails...)
}

func (s *server) config() Config {
	cfg := DefaultConfig()
	cfg.Kind, cfg.TLS, cfg.Host, cfg.From = KindSMTP, TLSNone, "127.0.0.1", "seccam@example.org"
	cfg.Port = s.listener.Addr().(*net.TCPAddr).Port
	return cfg
}

func TestSMTPIsTriedAgain(t *testing.T) {
	s := newServer(t, 2, "451")
	o, log := start(t, s.config())
	assert.True(t, o.Sends())
	o.Queue("test", letter(Message{To: "a@example.org", Subject: "Hello", Text: "a link"}))
	require.Eventually(t, func() bool { return len(s.received()) == 1 }, patience, time.Millisecond)
	assert.Contains(t, s.received()[0], "a link")
	require.Eventually(t, func() bool { return strings.Contains(log.String(), "mail sent") }, patience, time.Millisecond)
	assert.Contains(t, log.String(), "trying again")
	assert.NotContains(t, log.String(), "a link")
}

func TestFailuresAreSeen(t *testing.T) {
	s := newServer(t, 100, "550")
	o, log := start(t, s.config())
	o.Queue("refused", letter(Message{To: "a@example.org", Subject: "Hello", Text: "x"}))
	o.Queue("no address", letter(Message{To: "nonsense", Subject: "Hello", Text: "x"}))
	o.Queue("not written", func(context.Context) ([]Message, error) { return nil, errors.New("database down") })
	require.Eventually(t, func() bool { _, failed := o.counts(); return failed == 3 }, patience, time.Millisecond)
	assert.Empty(t, s.received())
	assert.Equal(t, 3, strings.Count(log.String(), "level=ERROR"))
}

func TestQueueDoesNotBlock(t *testing.T) {
	log := &safeLog{}
	cfg := DefaultConfig()
	cfg.Kind = KindLog
	o, err := New(cfg, slog.New(slog.NewTextHandler(log, nil)))
	require.NoError(t, err)
	for range waiting + 1 {
		o.Queue("test", letter(Message{}))
	}
	assert.Contains(t, log.String(), "a mail was dropped")
}

func TestConfig(t *testing.T) {
	require.NoError(t, DefaultConfig().Validate())
	bad := Config{Kind: "pigeon", From: "nobody"}
	assert.ErrorContains(t, bad.Validate(), "mail.kind")
	assert.ErrorContains(t, bad.Validate(), "mail.from")
	bad = Config{Kind: KindSMTP, From: "a@b.example", TLS: "maybe", Username: "x"}
	for _, key := range []string{"mail.host", "mail.port", "mail.tls", "mail.username"} {
		assert.ErrorContains(t, bad.Validate(), key)
	}
	bad = Config{Kind: KindSMTP, From: "a@b.example", Host: "h", Port: 25, TLS: TLSNone, Username: "x", PasswordFile: "f"}
	assert.ErrorContains(t, bad.Validate(), "in clear")

	open := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(open, []byte("secret"), 0o644)) //nolint:gosec // what is refused
	_, err := New(Config{Kind: KindSMTP, From: "a@b.example", Host: "h", Port: 25, TLS: TLSStart, Username: "x", PasswordFile: open}, slog.New(slog.DiscardHandler))
	assert.ErrorContains(t, err, "chmod 600")
}
