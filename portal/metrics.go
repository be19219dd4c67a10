package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"seccam/portal/turn"
)

// bindMetrics opens the listener of the figures, if there is to be one.
func (p *portal) bindMetrics() (err error) {
	if p.cfg.Metrics == "" {
		return nil
	}
	if p.metrics, err = net.Listen("tcp", p.cfg.Metrics); err != nil {
		return fmt.Errorf("metrics: %w; is another program using the port?", err)
	}
	return nil
}

// serveMetrics serves /metrics until ctx ends.
func (p *portal) serveMetrics(ctx context.Context) error {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), providers{p.ice})
	if p.relay != nil {
		registry.MustRegister(p.relay)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(p.metrics); ctx.Err() == nil {
		return fmt.Errorf("metrics: %w", err)
	}
	return nil
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
