package web

import (
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
)

// Figures counts requests for Prometheus, by what they are about and not by who makes them.
type Figures struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

// NewFigures returns figures in which nothing is counted yet.
func NewFigures() *Figures {
	return &Figures{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "seccam_portal_http_requests_total", Help: "Requests, by what they are about and what they came to.",
		}, []string{"class", "outcome"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "seccam_portal_http_request_seconds", Help: "How long requests took, but for WebSockets.",
			Buckets: []float64{.001, .005, .02, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"class"}),
	}
}

// Describe implements prometheus.Collector.
func (f *Figures) Describe(out chan<- *prometheus.Desc) {
	f.requests.Describe(out)
	f.seconds.Describe(out)
}

// Collect implements prometheus.Collector.
func (f *Figures) Collect(out chan<- prometheus.Metric) {
	f.requests.Collect(out)
	f.seconds.Collect(out)
}

// count counts every request, once its answer is known.
func (s *server) count(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		began := time.Now()
		if err := next(c); err != nil {
			s.handleError(err, c)
		}
		class := routeClass(c.Path())
		s.Figures.requests.WithLabelValues(class, outcomeOf(c.Response().Status)).Inc()
		if class != classSocket {
			s.Figures.seconds.WithLabelValues(class).Observe(time.Since(began).Seconds())
		}
		return nil
	}
}

const classSocket = "socket"

// routeClasses say by its path what a route is about; the first one that is in it counts.
var routeClasses = []struct{ part, class string }{
	{staticPrefix, "static"}, {"/healthz", "health"}, {"/readyz", "health"}, {apiPrefix + "/signal", classSocket}, {"/whep", "whep"},
	{apiPrefix + "/device", "device"}, {"/admin", "admin"}, {"/login", "login"}, {"/signup", "signup"}, {apiPrefix, "api"}, {"/", "page"},
}

func routeClass(path string) string {
	for _, known := range routeClasses {
		if strings.Contains(path, known.part) {
			return known.class
		}
	}
	return "none" // there is no such route
}

// outcomeOf is an answer's status in one of a few words.
func outcomeOf(status int) string {
	switch {
	case status == http.StatusTooManyRequests:
		return "throttled"
	case status >= http.StatusInternalServerError:
		return "failed"
	case status >= http.StatusBadRequest:
		return "refused"
	case status >= http.StatusMultipleChoices:
		return "redirected"
	}
	return "ok"
}
