// Package tracingtest has a collector that keeps the spans it is sent, for tests.
package tracingtest

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Span is one that was sent, with its resource's service. Ids are in hexadecimal; a span without a parent has "".
type Span struct {
	Service, Name, Trace, ID, Parent string
	Began, Ended                     time.Time
	Error                            string // what its status says, if that is an error
	Attributes                       map[string]string
}

// Collector takes OTLP over HTTP at its URL.
type Collector struct {
	URL string
	// Status, if set, is answered in place of 200, and nothing is kept.
	Status atomic.Int64

	mu    sync.Mutex
	spans []Span
	came  chan struct{} // of size 1: something has come
}

// New starts a collector that ends with the test.
func New(t testing.TB) *Collector {
	c := &Collector{came: make(chan struct{}, 1)}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	c.URL = server.URL
	return c
}

// ServeHTTP implements http.Handler.
func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer c.tell()
	if status := int(c.Status.Load()); status != 0 {
		w.WriteHeader(status)
		return
	}
	body, err := io.ReadAll(r.Body)
	var request tracepb.TracesData // on the wire as an ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &request)
	}
	if err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		http.Error(w, "this is no OTLP", http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range request.ResourceSpans {
		service := texts(resource.Resource.Attributes)["service.name"]
		for _, scope := range resource.ScopeSpans {
			for _, span := range scope.Spans {
				c.spans = append(c.spans, spanOf(service, span))
			}
		}
	}
}

func (c *Collector) tell() {
	select {
	case c.came <- struct{}{}:
	default:
	}
}

func spanOf(service string, s *tracepb.Span) Span {
	span := Span{
		Service: service, Name: s.Name, Attributes: texts(s.Attributes),
		Trace: hex.EncodeToString(s.TraceId), ID: hex.EncodeToString(s.SpanId), Parent: hex.EncodeToString(s.ParentSpanId),
		Began: time.Unix(0, int64(s.StartTimeUnixNano)), Ended: time.Unix(0, int64(s.EndTimeUnixNano)),
	}
	if s.GetStatus().GetCode() == tracepb.Status_STATUS_CODE_ERROR {
		span.Error = s.Status.Message
	}
	return span
}

func texts(attributes []*commonpb.KeyValue) map[string]string {
	all := map[string]string{}
	for _, a := range attributes {
		all[a.Key] = a.Value.GetStringValue()
	}
	return all
}

// Spans are those that have come.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Span(nil), c.spans...)
}

// Await returns the spans once they are enough, and fails the test when patience ends.
func (c *Collector) Await(t testing.TB, patience time.Duration, enough func([]Span) bool) []Span {
	t.Helper()
	end := time.After(patience)
	for {
		if spans := c.Spans(); enough(spans) {
			return spans
		}
		select {
		case <-c.came:
		case <-end:
			t.Fatalf("the spans that were waited for did not come; what came: %+v", c.Spans())
		}
	}
}
