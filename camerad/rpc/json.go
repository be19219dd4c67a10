package rpc

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"seccam/pkg/signaling"
)

// JSON is a method whose request and reply are structs. hint says what a request looks like, to who sent
// something else.
func JSON[Request, Reply any](hint string, call func(context.Context, Request) (Reply, error)) Method {
	return func(ctx context.Context, payload []byte) (string, []byte, error) {
		var request Request
		if json.Unmarshal(payload, &request) != nil {
			return "", nil, &signaling.Error{Code: signaling.CodeBadMessage, Message: "The request is not understood. Send " + hint + "."}
		}
		reply, err := call(ctx, request)
		if err != nil {
			return "", nil, err
		}
		data, err := json.Marshal(reply)
		return signaling.ContentJSON, data, err
	}
}

// Guard lets each stamped request through once: one that is not of now is refused, one that is not newer
// than the last, and one from before the start of the daemon, which it may have obeyed before.
type Guard struct {
	now     func() time.Time // the portal's clock
	started time.Time        // by the device's

	mu   sync.Mutex
	last uint64
}

// NewGuard returns a guard of a daemon that starts now.
func NewGuard(now func() time.Time) *Guard { return &Guard{now: now, started: time.Now()} }

// Admit refuses what is or may be a replay.
func (g *Guard) Admit(seq uint64) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	if !signaling.Fresh(seq, now) {
		return &signaling.Error{Code: signaling.CodeReplayed, RetryAfter: 1,
			Message: "The request is not of now. Send as seq the Unix time in microseconds, by the portal's clock. Nothing was done."}
	}
	start := uint64(now.Add(-time.Since(g.started)).UnixMicro())
	if seq <= max(g.last, start) {
		return &signaling.Error{Code: signaling.CodeReplayed, RetryAfter: 1,
			Message: "This request, or a newer one, was already obeyed. Nothing was done; to do it again, send a new seq."}
	}
	g.last = seq
	return nil
}
