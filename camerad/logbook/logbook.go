// Package logbook keeps the last lines of the daemon's log, so that they can be asked for from afar. Lines
// are kept as they were logged, but for what looks like a secret: logs should have none, yet a driver or
// a child process may say what it likes.
package logbook

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// Bounds of what is kept.
const (
	maxLines = 1000
	maxLine  = 1 << 10 // bytes; longer lines are cut
)

// Line is one line of the log.
type Line struct {
	At    time.Time
	Level slog.Level
	Text  string
}

// Book is the lines that are kept, the oldest first. Its zero value is empty and ready.
type Book struct {
	mu      sync.Mutex
	lines   [maxLines]Line // a ring
	next    int            // where the next line goes
	count   int
	secrets []string
	scratch bytes.Buffer // the line that is being formatted
}

// Hide has a text that must not leave the device replaced wherever it appears from now on. Short texts
// are not secrets, and would blacken half of the log.
func (b *Book) Hide(secret string) {
	const shortest = 6
	if secret = strings.TrimSpace(secret); len(secret) < shortest {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.secrets = append(b.secrets, secret)
}

// Lines returns the last lines of at least the given level and not before since, at most limit of them,
// the oldest first, and whether there were more.
func (b *Book) Lines(level slog.Level, since time.Time, limit int) (lines []Line, more bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.count {
		line := b.lines[(b.next-1-i+2*maxLines)%maxLines]
		if line.Level < level || line.At.Before(since) {
			continue
		}
		if len(lines) == limit {
			more = true
			break
		}
		lines = append(lines, line)
	}
	slices.Reverse(lines)
	return lines, more
}

// add formats a record by write, into scratch, and keeps it.
func (b *Book) add(at time.Time, level slog.Level, write func() error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.scratch.Reset()
	if err := write(); err != nil {
		return err
	}
	text := redact(strings.TrimSuffix(b.scratch.String(), "\n"), b.secrets)
	if len(text) > maxLine {
		text = strings.ToValidUTF8(text[:maxLine], "") + "…"
	}
	b.lines[b.next] = Line{At: at, Level: level, Text: text}
	b.next, b.count = (b.next+1)%maxLines, min(b.count+1, maxLines)
	return nil
}

// Handler returns a handler that keeps in the book what next logs.
func (b *Book) Handler(next slog.Handler) slog.Handler {
	bare := &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: dropHead} // next decides about levels
	return &handler{book: b, next: next, text: slog.NewTextHandler(&b.scratch, bare)}
}

// dropHead leaves out time and level, which a Line has in fields of its own.
func dropHead(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
		return slog.Attr{}
	}
	return a
}

// handler passes records on, and writes them into the book.
type handler struct {
	book *Book
	next slog.Handler
	text slog.Handler // writes to book.scratch; used under the book's lock
}

// Enabled implements [slog.Handler].
func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// Handle implements [slog.Handler].
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	if err := h.book.add(r.Time, r.Level, func() error { return h.text.Handle(ctx, r) }); err != nil {
		return err
	}
	return h.next.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{h.book, h.next.WithAttrs(attrs), h.text.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{h.book, h.next.WithGroup(name), h.text.WithGroup(name)}
}
