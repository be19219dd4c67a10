package main

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"seccam/pkg/metrics"
	"seccam/portal/turn"
)

// serveMetrics serves the portal's figures until ctx ends.
func (p *portal) serveMetrics(ctx context.Context) error {
	all := []prometheus.Collector{providers{p.ice}, metrics.Collector(p.figures), p.mails, p.alerts.Figures(), p.requests, p.watched}
	all = append(all, p.tracer.Figures()...)
	database, err := p.store.Figures()
	if err != nil {
		return err
	}
	all = append(all, database...)
	if p.relay != nil {
		all = append(all, p.relay)
	}
	if p.broker != nil {
		all = append(all, metrics.Collector(p.brokerFigures))
	}
	return p.metrics.Serve(ctx, all...)
}

var (
	figViewers = metrics.Gauge("portal_viewers", "Pages and programs that are connected to watch.")
	figSockets = metrics.Gauge("portal_sockets", "WebSockets of pages that are open.")
	figViews   = metrics.Gauge("portal_views", "Views that this portal signals for.")
	figOnline  = metrics.Gauge("portal_cameras_online", "Cameras that are online, as this portal knows.")
	figBroker  = metrics.Gauge("portal_broker_connected", "Whether the portal is connected to the broker.")
)

// newWatched counts views that began and that ended.
func newWatched() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "seccam_portal_watched_total", Help: "Views, as they began and as they ended.",
	}, []string{"what"})
}

func (p *portal) figures() []prometheus.Metric {
	pages, programs, views := p.hub.Counts()
	connected := 0.0
	if p.mqtt.Connected() {
		connected = 1
	}
	return []prometheus.Metric{
		figViewers.Is(float64(pages + programs)), figSockets.Is(float64(pages)), figViews.Is(float64(views)),
		figOnline.Is(float64(p.tracker.Count())), figBroker.Is(connected),
	}
}

var (
	figConnections = metrics.Gauge("broker_connections", "Open sockets, authenticated or not.")
	figSessions    = metrics.Gauge("broker_sessions", "Authenticated clients.")
	figRefused     = metrics.Counter("broker_refused_total", "CONNECTs answered with a refusal.")
	figRejected    = metrics.Counter("broker_rejected_total", "Sockets closed before anything was read: there were too many.")
	figMalformed   = metrics.Counter("broker_malformed_total", "Connections cut for a packet that was too large, malformed or no CONNECT.")
	figPanics      = metrics.Counter("broker_panics_total", "Connections that made the server's code panic.")
	figDenied      = metrics.Counter("broker_denied_total", "Publications, filters and deliveries that were not allowed.")
	figThrottled   = metrics.Counter("broker_throttled_total", "Reads delayed because the client sent too fast.")
	figSlow        = metrics.Counter("broker_slow_total", "Connections cut because the client did not read.")
	figDropped     = metrics.Counter("broker_dropped_total", "Messages that a slow client's queue had no room for.")
	figTakeovers   = metrics.Counter("broker_takeovers_total", "Connections that replaced an older one of the same client.")
	figFlapping    = metrics.Counter("broker_flapping_total", "Identities that took over too often, once a minute each.")
	figExpired     = metrics.Counter("broker_expired_total", "Connections cut because their token ended.")
	figRevoked     = metrics.Counter("broker_revoked_total", "Connections cut because their token was revoked.")
	figWills       = metrics.Counter("broker_wills_total", "Wills published.")
)

func (p *portal) brokerFigures() []prometheus.Metric {
	s := p.broker.Stats()
	all := []prometheus.Metric{figConnections.Is(float64(s.Connections)), figSessions.Is(float64(s.Sessions))}
	for _, counter := range []struct {
		figure metrics.Figure
		value  uint64
	}{
		{figRefused, s.Refused}, {figRejected, s.Rejected}, {figMalformed, s.Malformed}, {figPanics, s.Panics},
		{figDenied, s.Denied}, {figThrottled, s.Throttled}, {figSlow, s.Slow}, {figDropped, s.Dropped},
		{figTakeovers, s.Takeovers}, {figFlapping, s.Flapping}, {figExpired, s.Expired}, {figRevoked, s.Revoked}, {figWills, s.Wills},
	} {
		all = append(all, counter.figure.Is(float64(counter.value)))
	}
	return all
}

// providers tells which providers of ICE servers work.
type providers struct{ pool *turn.Pool }

var providerUp = prometheus.NewDesc("seccam_ice_provider_up", "Whether a provider of ICE servers works.", []string{"provider"}, nil)

// Describe implements prometheus.Collector.
func (p providers) Describe(out chan<- *prometheus.Desc) { out <- providerUp }

// Collect implements prometheus.Collector.
func (p providers) Collect(out chan<- prometheus.Metric) {
	for _, status := range p.pool.Status() {
		up := 0.0
		if status.OK {
			up = 1
		}
		out <- prometheus.MustNewConstMetric(providerUp, prometheus.GaugeValue, up, status.Name)
	}
}
