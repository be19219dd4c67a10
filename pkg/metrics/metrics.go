// Package metrics serves a program's figures to Prometheus on a listener of their own, so that they are
// never on a port that others reach. They name no user and no camera.
package metrics

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// timeout bounds each request.
const timeout = 30 * time.Second

// Server serves /metrics. A nil Server serves nothing.
type Server struct{ listener net.Listener }

// Check says what is wrong with an address as a configuration has it; empty means no figures.
func Check(address string) error {
	if address == "" {
		return nil
	}
	if _, err := netip.ParseAddrPort(address); err != nil {
		return fmt.Errorf("%q must be an address and a port, such as 127.0.0.1:9464", address)
	}
	return nil
}

// Listen opens the listener. It returns nil if address is empty.
func Listen(address string) (*Server, error) {
	if address == "" {
		return nil, nil
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w; is another program using the port?", err)
	}
	return &Server{listener}, nil
}

// Addr is where the figures are, "" if there are none.
func (s *Server) Addr() string {
	if s == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// Serve serves what all collect, besides the process's and Go's own, until ctx ends.
func (s *Server) Serve(ctx context.Context, all ...prometheus.Collector) error {
	if s == nil {
		return nil
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	registry.MustRegister(all...)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: timeout, ReadTimeout: timeout, WriteTimeout: timeout}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(s.listener); ctx.Err() == nil {
		return fmt.Errorf("metrics: %w", err)
	}
	return nil
}

// Close closes the listener of a Server that is not served.
func (s *Server) Close() error {
	if s == nil {
		return nil
	}
	return s.listener.Close()
}
