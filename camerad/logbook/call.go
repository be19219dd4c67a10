package logbook

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"seccam/pkg/signaling"
)

// defaultLimit is how many lines are given to who does not say.
const defaultLimit = 50

// room is what the lines of a reply may take as JSON, of its [signaling.MaxReply].
const room = signaling.MaxReply - 256

var levels = map[string]slog.Level{
	"": slog.LevelInfo, signaling.LevelDebug: slog.LevelDebug, signaling.LevelInfo: slog.LevelInfo,
	signaling.LevelWarn: slog.LevelWarn, signaling.LevelError: slog.LevelError,
}

// nameOf is the inverse of levels.
func nameOf(level slog.Level) string {
	switch {
	case level < slog.LevelInfo:
		return signaling.LevelDebug
	case level < slog.LevelWarn:
		return signaling.LevelInfo
	case level < slog.LevelError:
		return signaling.LevelWarn
	}
	return signaling.LevelError
}

// Call is the method "logs". ahead returns by how much the portal's clock is ahead of the device's: the
// asker knows that one only.
func (b *Book) Call(ahead func() time.Duration) func(context.Context, signaling.LogsRequest) (signaling.LogsReply, error) {
	return func(_ context.Context, request signaling.LogsRequest) (signaling.LogsReply, error) {
		level, known := levels[request.Level]
		if !known {
			return signaling.LogsReply{}, bad("The level is debug, info, warn or error.")
		}
		if request.Limit == 0 {
			request.Limit = defaultLimit
		}
		if request.Limit < 1 || request.Limit > signaling.MaxLogLines {
			return signaling.LogsReply{}, bad(fmt.Sprintf("The limit is from 1 to %d lines.", signaling.MaxLogLines))
		}
		shift := ahead()
		lines, more := b.Lines(level, time.UnixMilli(request.Since).Add(-shift), request.Limit)
		return fit(lines, more, shift)
	}
}

// fit drops the oldest lines until the rest fits into a reply.
func fit(lines []Line, more bool, shift time.Duration) (signaling.LogsReply, error) {
	reply := signaling.LogsReply{V: signaling.Version, Lines: []signaling.LogLine{}, More: more}
	for _, line := range lines {
		reply.Lines = append(reply.Lines, signaling.LogLine{At: line.At.Add(shift).UnixMilli(), Level: nameOf(line.Level), Text: line.Text})
	}
	size := 0
	for i := len(reply.Lines) - 1; i >= 0; i-- {
		data, err := json.Marshal(reply.Lines[i])
		if err != nil {
			return signaling.LogsReply{}, err
		}
		if size += len(data) + 1; size > room {
			reply.Lines, reply.More = reply.Lines[i+1:], true
			break
		}
	}
	return reply, nil
}

func bad(text string) error { return &signaling.Error{Code: signaling.CodeBadMessage, Message: text} }
