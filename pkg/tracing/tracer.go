package tracing

import (
	"context"
	"crypto/tls"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// What the queue holds, how long a span waits in it for others, and how long sending may take: of a batch, and of what
// is left at the end.
const (
	queueSize     = 2048
	batchInterval = 2 * time.Second
	exportTimeout = 5 * time.Second
	lastTimeout   = 2 * time.Second
)

// Options are what a [Tracer] needs besides its configuration.
type Options struct {
	Version  string      // of the program
	Instance string      // tells this process from others of its kind
	Trust    *tls.Config // nil is the system's certificate authorities
	Log      *slog.Logger
}

// Tracer sends stages of views to a collector. A nil Tracer is one that is off: it does nothing.
type Tracer struct {
	url   string
	opts  Options
	spans *prometheus.CounterVec
	live  atomic.Pointer[map[Service]trace.Tracer] // nil until Run
}

// New returns a tracer of which nothing runs before [Tracer.Run], or nil if it is configured to be off.
func New(cfg Config, opts Options) *Tracer {
	if cfg.URL == "" {
		return nil
	}
	spans := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "seccam_trace_spans_total", Help: "Spans of views' traces: made, taken by the collector, and lost on the way to it.",
	}, []string{"result"})
	for _, result := range []string{"made", "sent", "lost"} {
		spans.WithLabelValues(result) // a rate needs the zero that it began with
	}
	return &Tracer{url: cfg.endpoint(), opts: opts, spans: spans}
}

// Run sends until ctx ends, and then what is left, for a moment.
func (t *Tracer) Run(ctx context.Context) error {
	if t == nil {
		return nil
	}
	client := newClient(t.url, t.opts.Trust)
	exporter, err := otlptrace.New(ctx, client)
	if err != nil {
		return err
	}
	batches := sdktrace.NewBatchSpanProcessor(&counted{SpanExporter: exporter, spans: t.spans, log: t.opts.Log},
		sdktrace.WithMaxQueueSize(queueSize), sdktrace.WithMaxExportBatchSize(queueSize/4),
		sdktrace.WithBatchTimeout(batchInterval), sdktrace.WithExportTimeout(exportTimeout))
	t.live.Store(t.tracers(batches))
	<-ctx.Done()
	last := time.AfterFunc(lastTimeout, client.end)
	defer last.Stop()
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*lastTimeout) // cutting the client off comes first
	defer cancel()
	return batches.Shutdown(ending)
}

// Running reports whether stages are taken: before [Tracer.Run] they are lost.
func (t *Tracer) Running() bool { return t.live.Load() != nil }

// tracers are one for each service, since a process speaks for several.
func (t *Tracer) tracers(to sdktrace.SpanProcessor) *map[Service]trace.Tracer {
	all := map[Service]trace.Tracer{}
	for _, service := range []Service{Browser, Portal, Broker, Camera} {
		about := resource.NewSchemaless(
			attribute.String("service.name", string(service)), attribute.String("service.version", t.opts.Version),
			attribute.String("service.instance.id", t.opts.Instance))
		provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(to), sdktrace.WithResource(about),
			sdktrace.WithIDGenerator(ids{}), sdktrace.WithSampler(sdktrace.AlwaysSample()))
		all[service] = provider.Tracer("seccam")
	}
	return &all
}

// Figures are the tracer's own; none if it is off.
func (t *Tracer) Figures() []prometheus.Collector {
	if t == nil {
		return nil
	}
	return []prometheus.Collector{t.spans}
}

// counted counts what is exported, and says once that it fails, and once that it works again.
type counted struct {
	sdktrace.SpanExporter
	spans   *prometheus.CounterVec
	log     *slog.Logger
	failing bool // of the batch processor, which exports one batch at a time
}

// ExportSpans implements sdktrace.SpanExporter. It never fails: the SDK would log that in its own way, each time.
func (c *counted) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := c.SpanExporter.ExportSpans(ctx, spans)
	result := "sent"
	if err != nil {
		result = "lost"
	}
	c.spans.WithLabelValues(result).Add(float64(len(spans)))
	switch {
	case err != nil && !c.failing:
		c.log.Warn("traces do not reach the collector; views go on without them", "error", err)
	case err == nil && c.failing:
		c.log.Info("traces reach the collector again")
	}
	c.failing = err != nil
	return nil
}
