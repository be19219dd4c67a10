package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"seccam/camerad/logbook"
	"seccam/camerad/media"
	"seccam/camerad/media/source"
	"seccam/camerad/pairing"
	"seccam/camerad/privacy"
	"seccam/camerad/rpc"
	"seccam/camerad/session"
	"seccam/camerad/statefile"
	"seccam/camerad/transport"
	"seccam/pkg/config"
	"seccam/pkg/metrics"
	"seccam/pkg/tracing"
)

// newCamera wires the parts together; nothing runs or connects yet.
func newCamera(ctx context.Context, cfg Config, book *logbook.Book, level *slog.LevelVar, log *slog.Logger) (_ *camera, err error) {
	paired, err := cfg.loadEnrolment()
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
	unlock, err := statefile.Lock(cfg.StateDir)
	if err != nil {
		return nil, err
	}
	c := &camera{
		log: log, book: book, started: time.Now(), awake: cfg.KeepRunning, device: cfg.device(),
		portal: newPortalClient(paired, identity.Fingerprint, trust), measured: make(chan struct{}, 1), greeted: make(chan struct{}), unlock: unlock,
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close())
		}
	}()
	c.restarts = rpc.NewGuard(c.portal.now)
	cfg = c.openDesired(cfg, level)
	if err := cfg.hideSecrets(book, paired); err != nil {
		return nil, configError{err}
	}
	from, err := cfg.openSource(ctx, log)
	if err != nil {
		return nil, err
	}
	c.engine = media.NewEngine(cfg.engine(from, log))
	c.transport, err = transport.Listen(transport.Config{Port: cfg.ICEPort, TCP: cfg.ICETCP, Pause: c.engine.Pause, Log: log})
	if err != nil {
		return nil, fmt.Errorf("ice_port: %w", err)
	}
	c.openSettings(cfg)
	c.tracer = tracing.New(cfg.Traces, tracing.Options{Version: version(), Instance: paired.camera, Trust: trust, Log: log})
	if err := c.wireSessions(cfg, identity); err != nil {
		return nil, err
	}
	if c.metrics, err = metrics.Listen(cfg.Metrics); err != nil {
		return nil, err
	}
	log.Info("camerad starts", "version", version(), "camera", paired.camera, "portal", paired.portal.String(),
		"source", from.Name, "fingerprint", identity.Fingerprint, "metrics", c.metrics.Addr())
	c.warnPlain()
	return c, nil
}

// hideSecrets keeps this camera's own out of the log that can be asked for.
func (c *Config) hideSecrets(book *logbook.Book, paired enrolment) error {
	_, password, err := c.rtspLogin()
	book.Hide(paired.key.Hex())
	book.Hide(password)
	return err
}

// openSettings reads what the owner has set: privacy mode and paired devices.
func (c *camera) openSettings(cfg Config) {
	c.privacy = privacy.Open(privacy.Config{Folder: cfg.StateDir, Now: c.portal.now, ClockKnown: c.portal.clockKnown, Log: c.log})
	c.applyPrivacy()
	c.pairing = pairing.Open(pairing.Config{Folder: cfg.StateDir, Camera: c.portal.camera, Now: c.portal.now, Log: c.log})
	code, err := c.pairing.Code() // made at the first start, so that it can be printed
	if err != nil {
		c.log.Error("devices cannot be paired by the pairing code", "error", err)
	}
	c.book.Hide(code)
}

// wireSessions prepares what speaks to the portal and the viewers.
func (c *camera) wireSessions(cfg Config, identity session.Identity) (err error) {
	if c.link, err = newLink(c.portal, c.log); err != nil {
		return err
	}
	c.manager, err = session.New(session.Config{
		Camera: c.portal.camera, MaxViewers: cfg.MaxViewers, Identity: identity, Media: c.engine, Pairing: c.pairing,
		Transport: c.transport, OpenSpeaker: cfg.speaker(c.log),
		Publish: c.link.publish, Now: c.portal.now, Stale: c.link.renew, Silent: c.link.doubt, Log: c.log,
		ConnectTimeout: session.ConnectTimeout, FailedTimeout: session.FailedTimeout, Traces: c.traces(),
	})
	if err != nil {
		return err
	}
	c.methods = rpc.New(c.portal.camera, c.rpcMethods(), c.link.queue, c.log)
	c.link.report, c.link.deliver, c.link.call, c.link.back = c.status, c.manager.Deliver, c.methods.Deliver, c.returned
	c.link.desire = c.adjust.keeper.Deliver
	return nil
}

// traces is what is told of views' stages, if anything is.
func (c *camera) traces() session.Traces {
	if c.tracer == nil {
		return nil
	}
	return c.tracer
}

// close gives back what newCamera has taken.
func (c *camera) close() error {
	defer c.unlock()
	if c.transport == nil {
		return nil
	}
	return c.transport.Close()
}

// engine is the pipeline's configuration.
func (c *Config) engine(from source.Source, log *slog.Logger) media.Config {
	settings := settingsFile{path: filepath.Join(c.StateDir, settingsName), log: log}
	return media.Config{
		Source: from, Video: c.video(), Microphone: c.microphone(), Mute: c.Audio.Sound == soundNone,
		Linger: time.Duration(c.Linger), Settings: settings.load(), Save: settings.save, Log: log,
	}
}

// warnPlain says so where tokens would cross a network unencrypted.
func (c *camera) warnPlain() {
	if !config.Confidential(c.portal.portal) {
		c.log.Warn("portal_url is not https: whoever is on the network between can take over this camera's connection")
	}
}
