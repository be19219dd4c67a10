package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sync/errgroup"

	"seccam/portal/alert"
)

// Limits of the HTTP server and of its end.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 30 * time.Second
	writeTimeout      = 2 * time.Minute // a WebSocket, once it is one, has its own
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 16 << 10
	shutdownTimeout   = 5 * time.Second
	pruneInterval     = time.Minute
)

// gcPercent is how much the heap grows between collections, unless GOGC says otherwise. A portal keeps much for each
// idle camera and makes little garbage: a collection more often costs less than what twice as much memory would.
const gcPercent = 50

type serveCommand struct{}

// Run serves until ctx ends.
func (serveCommand) Run(ctx context.Context, cli *commands) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	cfg, err := loadConfig(cli.Config, os.Environ())
	if err != nil {
		return err
	}
	p, err := newPortal(ctx, cfg, cfg.logger())
	if err != nil {
		return err
	}
	return p.run(ctx)
}

// run serves until ctx ends, then ends everything in reverse order.
func (p *portal) run(ctx context.Context) error {
	// The broker outlives the rest, so that last messages still reach it, and so do traces.
	brokerCtx, stopBroker := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBroker()
	var brokers errgroup.Group
	if p.broker != nil {
		brokers.Go(func() error { return p.broker.Run(brokerCtx) })
	}
	brokers.Go(func() error { return p.tracer.Run(brokerCtx) })
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return p.mqtt.Run(ctx) })
	group.Go(func() error { return p.tracker.Run(ctx) })
	group.Go(func() error { return p.configs.Run(ctx) })
	group.Go(func() error { return p.watcher.Run(ctx) })
	group.Go(func() error { return p.vitals.Run(ctx) })
	group.Go(func() error { return p.runEvictions(ctx) })
	group.Go(func() error { return p.runAsking(ctx) })
	group.Go(func() error { return p.remind(ctx) })
	group.Go(func() error { return p.recordViews(ctx) })
	group.Go(func() error { return p.mails.Run(ctx) })
	group.Go(func() error { return p.prune(ctx) })
	group.Go(func() error { return p.alerts.Run(ctx) })
	group.Go(func() error { return p.watchOffline(ctx) })
	group.Go(func() error { return p.ice.Run(ctx) })
	if p.relay != nil {
		group.Go(func() error { return p.relay.Run(ctx) })
		group.Go(func() error { return p.checkRelay(ctx) })
	}
	group.Go(func() error { return p.serveMetrics(ctx) })
	p.awaitICE(ctx)
	group.Go(func() error { return p.serveHTTP(ctx) })
	p.announce()
	err := group.Wait()
	p.signOn.Close()
	stopBroker()
	return errors.Join(err, brokers.Wait(), p.places.Close(), p.breached.Close(), p.store.Close(), p.lock.Close())
}

func (p *portal) announce() {
	attrs := []any{"listen", p.listener.Addr().String(), "public_url", p.cfg.PublicURL, "mqtt_url", p.mqttURL(), "version", release}
	if p.relay != nil {
		attrs = append(attrs, "turn_udp", p.relay.UDPAddr(), "turn_tcp", p.relay.TCPAddr(), "turn_tls", p.relay.TLSAddr())
	}
	if p.metrics != nil {
		attrs = append(attrs, "metrics", p.metrics.Addr())
	}
	p.log.Info("portal ready", attrs...)
	if _, err := daemon.SdNotify(false, daemon.SdNotifyReady); err != nil {
		p.log.Warn("systemd not notified", "error", err)
	}
}

// serveHTTP serves until ctx ends, then lets requests finish and closes the WebSockets.
func (p *portal) serveHTTP(ctx context.Context) error {
	server := &http.Server{
		Handler: p.handler, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(p.log.Handler(), slog.LevelWarn),
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(p.listener) }()
	select {
	case err := <-done:
		return fmt.Errorf("http: %w", err)
	case <-ctx.Done():
	}
	p.hub.Close()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(last); err != nil {
		_ = server.Close()
	}
	<-done
	return nil
}

// watchOffline tells owners of cameras that are offline.
func (p *portal) watchOffline(ctx context.Context) error {
	watch := alert.Watch{Presence: p.tracker, Teller: p.alerts, Now: time.Now, Log: p.log}
	return watch.Run(ctx)
}

// prune removes what has expired, now and then.
func (p *portal) prune(ctx context.Context) error {
	ticker := time.NewTicker(pruneInterval)
	defer ticker.Stop()
	for {
		err := p.store.Prune(ctx)
		if days := p.cfg.AuditDays; days > 0 {
			before := time.Now().AddDate(0, 0, -days)
			err = errors.Join(err, p.store.PruneAudit(ctx, before), p.store.PruneAdminLog(ctx, before))
		}
		if err != nil && ctx.Err() == nil {
			p.log.Error("prune", "error", err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}
