package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"seccam/camerad/media"
	"seccam/camerad/session"
	"seccam/pkg/signaling"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sync/errgroup"
)

// camera is the running daemon: the pipeline, the sessions, and the link to the portal.
type camera struct {
	log     *slog.Logger
	portal  *portalClient
	engine  *media.Engine
	manager *session.Manager
	link    *link
	started time.Time
}

// newCamera wires the parts together; nothing runs or connects yet.
func newCamera(cfg Config, log *slog.Logger) (*camera, error) {
	paired, err := cfg.loadPairing()
	if err != nil {
		return nil, configError{err}
	}
	trust, err := trustedCAs(cfg.CAFile)
	if err != nil {
		return nil, configError{err}
	}
	identity, err := session.LoadIdentity(cfg.StateDir)
	if err != nil {
		return nil, err
	}
	source := cfg.chooseSource()
	c := &camera{log: log, started: time.Now(), portal: newPortalClient(paired, identity.Fingerprint, trust)}
	c.engine = media.NewEngine(media.Config{
		Source: source, Video: cfg.video(), Sound: cfg.Audio.Enabled, Linger: time.Duration(cfg.Linger), Log: log,
	})
	if c.link, err = newLink(c.portal, trust, log); err != nil {
		return nil, err
	}
	c.manager, err = session.New(session.Config{
		Camera: paired.camera, MaxViewers: cfg.MaxViewers, Identity: identity, Media: c.engine,
		Publish: c.link.publish, Now: c.portal.now, Stale: c.link.renew, Log: log,
		ConnectTimeout: session.ConnectTimeout, FailedTimeout: session.FailedTimeout,
	})
	if err != nil {
		return nil, err
	}
	c.link.report, c.link.deliver = c.status, c.manager.Deliver
	log.Info("camerad starts", "version", version(), "camera", paired.camera, "portal", paired.portal.String(),
		"source", source.Name, "fingerprint", identity.Fingerprint)
	return c, c.warnPlain()
}

// warnPlain says so where tokens would cross a network unencrypted.
func (c *camera) warnPlain() error {
	host := c.portal.portal.Hostname()
	local := host == "localhost" || strings.HasPrefix(host, "127.") || host == "::1"
	if c.portal.portal.Scheme == "http" && !local {
		c.log.Warn("portal_url is not https: whoever is on the network between can take over this camera's connection")
	}
	return nil
}

// run serves until ctx ends. The end is in order: the sessions say bye, the bye is sent, the link
// says that the camera is offline, the pipeline stops.
func (c *camera) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	sending, stopSending := context.WithCancel(context.WithoutCancel(ctx))
	linked, stopLink := context.WithCancel(context.WithoutCancel(ctx))
	group.Go(func() error { return c.engine.Run(linked) })
	group.Go(func() error { return c.link.client.Run(linked) })
	group.Go(func() error {
		defer stopLink()
		c.link.send(sending)
		return nil
	})
	group.Go(func() error {
		defer stopSending()
		return c.manager.Run(ctx)
	})
	group.Go(func() error { c.followChanges(ctx); return nil })
	group.Go(func() error { c.sendTelemetry(ctx); return nil })
	if _, err := daemon.SdNotify(false, daemon.SdNotifyReady); err != nil {
		c.log.Warn("systemd not notified", "error", err)
	}
	err := group.Wait()
	c.log.Info("camerad ends")
	if err != nil {
		return fmt.Errorf("camerad: %w", err)
	}
	return nil
}

// followChanges publishes a new status for each change.
func (c *camera) followChanges(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.engine.Changed():
		case <-c.manager.Changed():
		}
		c.link.changed()
	}
}

// status is all of the camera's presence but whether it is online.
func (c *camera) status() signaling.Status {
	picture, detail := c.engine.State()
	return signaling.Status{
		At: c.portal.now().UnixMilli(), Picture: picture, Detail: detail,
		Source: c.engine.SourceName(), Viewers: c.manager.Viewers(), Version: version(),
	}
}
