package logbook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

// newLog returns a book, a logger that writes to it, and what it passes on.
func newLog(level slog.Level) (*Book, *slog.Logger, *bytes.Buffer) {
	b, out := new(Book), new(bytes.Buffer)
	return b, slog.New(b.Handler(slog.NewTextHandler(out, &slog.HandlerOptions{Level: level}))), out
}

func texts(lines []Line) (all []string) {
	for _, line := range lines {
		all = append(all, line.Text)
	}
	return all
}

func TestBookKeepsWhatIsLogged(t *testing.T) {
	b, log, out := newLog(slog.LevelInfo)
	log.Debug("not logged, and so not kept")
	log.With("session", "s-1").WithGroup("ice").Info("viewer arrives", "path", "a b")
	log.Warn("late")
	lines, more := b.Lines(slog.LevelDebug, time.Time{}, 10)
	require.False(t, more)
	require.Equal(t, []string{`msg="viewer arrives" session=s-1 ice.path="a b"`, "msg=late"}, texts(lines))
	require.Equal(t, slog.LevelWarn, lines[1].Level)
	require.Contains(t, out.String(), `msg="viewer arrives" session=s-1`)
	require.Equal(t, 2, strings.Count(out.String(), "\n"))

	lines, _ = b.Lines(slog.LevelWarn, time.Time{}, 10)
	require.Equal(t, []string{"msg=late"}, texts(lines))
	lines, more = b.Lines(slog.LevelDebug, time.Time{}, 1)
	require.Equal(t, []string{"msg=late"}, texts(lines), "the last ones")
	require.True(t, more)
	lines, _ = b.Lines(slog.LevelDebug, time.Now().Add(time.Hour), 10)
	require.Empty(t, lines)
}

func TestBookIsBounded(t *testing.T) {
	b, log, _ := newLog(slog.LevelInfo)
	for i := range maxLines + 7 {
		log.Info("line", "n", i)
	}
	log.Info(strings.Repeat("ü", maxLine))
	lines, _ := b.Lines(slog.LevelInfo, time.Time{}, 2*maxLines)
	require.Len(t, lines, maxLines)
	require.Equal(t, "msg=line n=8", lines[0].Text)
	last := lines[maxLines-1].Text
	require.LessOrEqual(t, len(last), maxLine+len("…"))
	require.True(t, strings.HasSuffix(last, "…"))
}

func TestSecretsAreNotKept(t *testing.T) {
	b, log, _ := newLog(slog.LevelInfo)
	b.Hide("hunter2-of-the-camera\n")
	b.Hide("abc") // would blacken much else
	key := strings.Repeat("0f", 32)
	for _, text := range []string{
		"ffmpeg: rtsp://admin:s3cr3t@10.0.0.7/stream failed", "login is hunter2-of-the-camera", "key " + key,
		"got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl", `password=s3cr3t`, `{"credential": "s3cr3t"}`, "Authorization: s3cr3t", "a=ice-pwd:s3cr3t",
	} {
		log.Info(text)
	}
	lines, _ := b.Lines(slog.LevelInfo, time.Time{}, 20)
	require.Len(t, lines, 8)
	for _, line := range lines {
		assert.Contains(t, line.Text, hidden)
		for _, secret := range []string{"s3cr3t", "hunter2", key, "eyJ"} {
			assert.NotContains(t, line.Text, secret)
		}
	}
	assert.Contains(t, lines[0].Text, "10.0.0.7/stream failed", "what is no secret stays")
	log.Info("alphabet abc, 20 passwords changed")
	lines, _ = b.Lines(slog.LevelInfo, time.Time{}, 1)
	assert.Contains(t, lines[0].Text, "alphabet abc, 20 passwords changed")
}

func TestLogsByTheirMethod(t *testing.T) {
	b, log, _ := newLog(slog.LevelDebug)
	log.Debug("small")
	log.Error("big")
	logs := b.Call(func() time.Duration { return time.Hour })
	reply, err := logs(t.Context(), signaling.LogsRequest{V: 1})
	require.NoError(t, err)
	require.Len(t, reply.Lines, 1)
	require.Equal(t, signaling.LevelError, reply.Lines[0].Level)
	require.WithinDuration(t, time.Now().Add(time.Hour), time.UnixMilli(reply.Lines[0].At), time.Minute, "by the portal's clock")
	reply, err = logs(t.Context(), signaling.LogsRequest{V: 1, Level: signaling.LevelDebug, Since: time.Now().Add(59 * time.Minute).UnixMilli()})
	require.NoError(t, err)
	require.Len(t, reply.Lines, 2)
	reply, err = logs(t.Context(), signaling.LogsRequest{V: 1, Since: time.Now().Add(61 * time.Minute).UnixMilli()})
	require.NoError(t, err)
	require.Empty(t, reply.Lines)
	require.NotNil(t, reply.Lines, "an empty list is no null")
	for _, request := range []signaling.LogsRequest{{Level: "loud"}, {Limit: -1}, {Limit: signaling.MaxLogLines + 1}} {
		_, err := logs(t.Context(), request)
		var refusal *signaling.Error
		require.ErrorAs(t, err, &refusal, "%+v", request)
	}
}

// However long the lines are, and whatever is in them, a reply is not too large.
func TestLogsFitIntoAReply(t *testing.T) {
	b, log, _ := newLog(slog.LevelInfo)
	for i := range signaling.MaxLogLines {
		log.Info(fmt.Sprint(i, strings.Repeat(`"<\`, maxLine/8)))
	}
	reply, err := b.Call(func() time.Duration { return 0 })(t.Context(), signaling.LogsRequest{V: 1, Limit: signaling.MaxLogLines})
	require.NoError(t, err)
	data, err := json.Marshal(reply)
	require.NoError(t, err)
	require.LessOrEqual(t, len(data), signaling.MaxReply)
	require.Greater(t, len(data), signaling.MaxReply*9/10)
	require.True(t, reply.More)
	require.Contains(t, reply.Lines[len(reply.Lines)-1].Text, fmt.Sprint(signaling.MaxLogLines-1), "the oldest are left out")
}
