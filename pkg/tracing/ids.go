package tracing

import (
	"context"
	"crypto/rand"
	"crypto/sha256"

	"go.opentelemetry.io/otel/trace"
)

// traceOf derives the id of a view's trace from its session's.
func traceOf(session string) (id trace.TraceID) {
	copy(id[:], derive("seccam trace v1", session))
	return id
}

// viewOf derives the id of the span that all others of a view are in.
func viewOf(session string) (id trace.SpanID) {
	copy(id[:], derive("seccam view span v1", session))
	return id
}

func derive(label, session string) []byte {
	sum := sha256.Sum256([]byte(label + "\x00" + session))
	return sum[:]
}

// within is the context of what happens in a view.
func within(session string) context.Context {
	return trace.ContextWithRemoteSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: traceOf(session), SpanID: viewOf(session), TraceFlags: trace.FlagsSampled, Remote: true,
	}))
}

// sessionKey is where a context names the session whose view's span is begun.
type sessionKey struct{}

// ids implements sdktrace.IDGenerator.
type ids struct{}

// NewIDs names a span without a parent, which is always a view's.
func (ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	session, _ := ctx.Value(sessionKey{}).(string)
	return traceOf(session), viewOf(session)
}

// NewSpanID names any other span.
func (ids) NewSpanID(context.Context, trace.TraceID) (id trace.SpanID) {
	_, _ = rand.Read(id[:])
	return id
}
