package web

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"seccam/portal/account"
)

// Figures counts requests, steps of logging in and throttles for Prometheus, by what they are about and not by whose
// they are.
type Figures struct {
	requests, logIns, throttled *prometheus.CounterVec
	seconds                     *prometheus.HistogramVec
}

// NewFigures returns figures in which nothing is counted yet.
func NewFigures() *Figures {
	f := &Figures{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "seccam_portal_http_requests_total", Help: "Requests, by what they are about and what they came to.",
		}, []string{"class", "outcome"}),
		logIns: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "seccam_portal_log_ins_total", Help: "Steps of logging in, by what was shown and what it came to.",
		}, []string{"by", "result"}),
		throttled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "seccam_portal_throttled_total", Help: "Requests that a throttle refused, by its name.",
		}, []string{"throttle"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "seccam_portal_http_request_seconds", Help: "How long requests took, but for WebSockets.",
			Buckets: []float64{.001, .005, .02, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"class"}),
	}
	for _, by := range []string{account.ByPassword, account.ByPasskey, account.ByCode, account.ByRecovery, byProvider} {
		for _, result := range []string{"ok", "second_asked", "refused", "throttled", "failed"} {
			f.logIns.WithLabelValues(by, result) // a rate needs the zero that it began with
		}
	}
	return f
}

// Describe implements prometheus.Collector.
func (f *Figures) Describe(out chan<- *prometheus.Desc) {
	for _, figure := range f.all() {
		figure.Describe(out)
	}
}

// Collect implements prometheus.Collector.
func (f *Figures) Collect(out chan<- prometheus.Metric) {
	for _, figure := range f.all() {
		figure.Collect(out)
	}
}

func (f *Figures) all() []prometheus.Collector {
	return []prometheus.Collector{f.requests, f.seconds, f.logIns, f.throttled}
}

// byProvider is that somebody came from another provider; what it is called there is not for figures.
const byProvider = "provider"

// logIn counts a step of logging in. If it went well and the log-in is not complete, a second factor is asked for.
func (f *Figures) logIn(by string, complete bool, err error) {
	f.logIns.WithLabelValues(by, logInResult(complete, err)).Inc()
}

func logInResult(complete bool, err error) string {
	if err == nil && complete {
		return "ok"
	}
	if err == nil {
		return "second_asked"
	}
	if errors.As(err, new(throttled)) {
		return "throttled"
	}
	if _, internal := problemOf(err); internal {
		return "failed"
	}
	return "refused"
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
