package tracing

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// Service is who a stage is told of.
type Service string

// The services. A portal speaks for itself, for its embedded broker, and for pages.
const (
	Browser Service = "seccam-browser"
	Portal  Service = "seccam-portal"
	Broker  Service = "seccam-broker"
	Camera  Service = "seccam-camera"
)

// Stage is a part of a view that took time.
type Stage struct {
	Service      Service
	Name         string
	Began, Ended time.Time
	// Refused is the code by which the stage failed; "" if it did not.
	Refused string
	// Details are what else is worth knowing of it: names and words that logs have, too, and no secrets.
	Details map[string]string
	// Parts are what the stage consists of, of the same service.
	Parts []Stage
}

// View records a view as a whole, once for each session.
func (t *Tracer) View(session string, s Stage) {
	t.record(context.WithValue(context.Background(), sessionKey{}, session), session, s)
}

// Stage records a stage of a view, whoever records the view, and in whatever order.
func (t *Tracer) Stage(session string, s Stage) {
	if t != nil {
		t.record(within(session), session, s)
	}
}

func (t *Tracer) record(ctx context.Context, session string, s Stage) {
	if t == nil {
		return
	}
	live := t.live.Load()
	if live == nil {
		return
	}
	attributes := []attribute.KeyValue{attribute.String("seccam.session", session)}
	for key, value := range s.Details {
		attributes = append(attributes, attribute.String("seccam."+key, value))
	}
	ctx, span := (*live)[s.Service].Start(ctx, s.Name, trace.WithTimestamp(s.Began), trace.WithAttributes(attributes...))
	if s.Refused != "" {
		span.SetStatus(codes.Error, s.Refused)
	}
	for _, part := range s.Parts {
		part.Service = s.Service
		t.record(ctx, session, part)
	}
	if s.Ended.Before(s.Began) { // a clock was set meanwhile
		s.Ended = s.Began
	}
	span.End(trace.WithTimestamp(s.Ended))
	t.spans.WithLabelValues("made").Inc()
}
