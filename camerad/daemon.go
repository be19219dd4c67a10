package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"seccam/camerad/media"
	"seccam/camerad/media/source"
	"seccam/camerad/network"
	"seccam/camerad/pairing"
	"seccam/camerad/privacy"
	"seccam/camerad/rpc"
	"seccam/camerad/session"
	"seccam/camerad/transport"
	"seccam/pkg/metrics"
	"seccam/pkg/signaling"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sync/errgroup"
)

// camera is the running daemon: the pipeline, the sessions, and the link to the portal.
type camera struct {
	log       *slog.Logger
	portal    *portalClient
	engine    *media.Engine
	transport *transport.Transport
	manager   *session.Manager
	privacy   *privacy.Switch
	pairing   *pairing.Book
	methods   *rpc.Server
	link      *link
	metrics   *metrics.Server // nil if there are to be none
	started   time.Time
	awake     bool        // the pipeline runs though nobody watches
	moved     atomic.Bool // the network has changed since the viewers were last asked for an ICE restart
}

// newCamera wires the parts together; nothing runs or connects yet.
func newCamera(ctx context.Context, cfg Config, log *slog.Logger) (*camera, error) {
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
	from, err := cfg.openSource(ctx, log)
	if err != nil {
		return nil, err
	}
	c := &camera{log: log, started: time.Now(), awake: cfg.KeepRunning, portal: newPortalClient(paired, identity.Fingerprint, trust)}
	if c.transport, err = transport.Listen(transport.Config{Port: cfg.ICEPort, TCP: cfg.ICETCP, Log: log}); err != nil {
		return nil, fmt.Errorf("ice_port: %w", err)
	}
	c.engine = media.NewEngine(cfg.engine(from, c.transport, log))
	c.privacy = privacy.Open(privacy.Config{Folder: cfg.StateDir, Now: c.portal.now, ClockKnown: c.portal.clockKnown, Log: log})
	c.applyPrivacy()
	c.pairing = pairing.Open(pairing.Config{Folder: cfg.StateDir, Camera: paired.camera, Now: c.portal.now, Log: log})
	if _, err := c.pairing.Code(); err != nil { // made at the first start, so that it can be printed
		log.Error("devices cannot be paired by the pairing code", "error", err)
	}
	if c.link, err = newLink(c.portal, trust, log); err != nil {
		return nil, errors.Join(err, c.transport.Close())
	}
	c.manager, err = session.New(session.Config{
		Camera: paired.camera, MaxViewers: cfg.MaxViewers, Identity: identity, Media: c.engine, Pairing: c.pairing,
		Mux: c.transport.Mux(), TCPMux: c.transport.TCPMux(), OpenSpeaker: cfg.speaker(log),
		Publish: c.link.publish, Now: c.portal.now, Stale: c.link.renew, Silent: c.link.doubt, Log: log,
		ConnectTimeout: session.ConnectTimeout, FailedTimeout: session.FailedTimeout,
	})
	if err != nil {
		return nil, errors.Join(err, c.transport.Close())
	}
	if c.metrics, err = metrics.Listen(cfg.Metrics); err != nil {
		return nil, errors.Join(err, c.transport.Close())
	}
	c.methods = rpc.New(paired.camera, map[string]rpc.Method{
		signaling.MethodSnapshot: rpc.Snapshots(paired.camera, snapshots{c.engine}, c.refusal),
		signaling.MethodPrivacy:  c.privacy.Call,
	}, c.link.queue, log)
	c.link.report, c.link.deliver, c.link.call, c.link.back = c.status, c.manager.Deliver, c.methods.Deliver, c.returned
	log.Info("camerad starts", "version", version(), "camera", paired.camera, "portal", paired.portal.String(),
		"source", from.Name, "fingerprint", identity.Fingerprint, "metrics", c.metrics.Addr())
	return c, c.warnPlain()
}

// engine is the pipeline's configuration.
func (c *Config) engine(from source.Source, to *transport.Transport, log *slog.Logger) media.Config {
	settings := settingsFile{path: filepath.Join(c.StateDir, settingsName), log: log}
	return media.Config{
		Source: from, Video: c.video(), Microphone: c.microphone(), Mute: c.Audio.Sound == soundNone,
		Linger: time.Duration(c.Linger), Settings: settings.load(), Save: settings.save, Coalesce: to.Coalesce, Log: log,
	}
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
	group.Go(func() error { return c.methods.Run(ctx) })
	group.Go(func() error { return c.privacy.Run(ctx) })
	group.Go(func() error { network.Watch(ctx, c.networkChanged); return nil })
	group.Go(func() error { c.followPrivacy(ctx); return nil })
	group.Go(func() error { c.followPairing(ctx); return nil })
	group.Go(func() error { c.followChanges(ctx); return nil })
	group.Go(func() error { c.lookAtSource(ctx); return nil })
	group.Go(func() error { c.sendTelemetry(ctx); return nil })
	group.Go(func() error { return c.serveMetrics(ctx) })
	if _, err := daemon.SdNotify(false, daemon.SdNotifyReady); err != nil {
		c.log.Warn("systemd not notified", "error", err)
	}
	err := errors.Join(group.Wait(), c.transport.Close())
	c.log.Info("camerad ends")
	if err != nil {
		return fmt.Errorf("camerad: %w", err)
	}
	return nil
}

// networkChanged reconnects, without waiting for the old connection to be found dead.
func (c *camera) networkChanged() {
	c.log.Info("the network has changed", "addresses", network.Addresses())
	c.moved.Store(true)
	c.link.client.Reconnect()
}

// returned has the viewers look for new paths where the old ones may be dead. What their browsers find out
// by themselves takes seconds.
func (c *camera) returned(ctx context.Context) { c.manager.Restart(ctx, c.moved.Swap(false)) }

// lookAtSource opens the source once at the start, to know what it gives before the first viewer asks,
// and keeps it open if it is to run all the time.
func (c *camera) lookAtSource(ctx context.Context) {
	release := c.engine.Hold()
	defer release()
	if _, err := c.engine.Codecs(ctx); err == nil && c.awake {
		<-ctx.Done()
	}
}

// followPrivacy stops and allows capture as the owner wants it.
func (c *camera) followPrivacy(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.privacy.Changed():
		}
		c.applyPrivacy()
		if c.privacy.State().Active {
			c.manager.Cut(ctx, signaling.ReasonPrivate)
		}
		c.link.changed() // until when may be another time
	}
}

// pairingLook is how often it is seen that the command line has changed the paired devices, where nobody asks.
const pairingLook = 2 * time.Second

// followPairing cuts off who may not watch any more, and tells the portal how things are.
func (c *camera) followPairing(ctx context.Context) {
	look := time.NewTicker(pairingLook)
	defer look.Stop()
	changed := c.pairing.Changed()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
			c.pairing.Look()
			continue
		case <-changed:
		}
		changed = c.pairing.Changed() // first, so that no change is missed
		c.manager.Recheck(ctx)
		c.link.changed()
	}
}

func (c *camera) applyPrivacy() {
	words := ""
	if state := c.privacy.State(); state.Active {
		words = state.Text()
	}
	c.engine.SetPrivate(words)
}

// followChanges publishes a new status for each change.
func (c *camera) followChanges(ctx context.Context) {
	for {
		changed := c.engine.Changed()
		c.link.changed()
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-c.manager.Changed():
		}
	}
}

// refusal says why no picture may leave the camera; nil if it may.
func (c *camera) refusal() *signaling.Error {
	if state := c.privacy.State(); state.Active {
		return &signaling.Error{Code: signaling.CodePrivate, Message: state.Text()}
	}
	if c.pairing.Only() { // a request by MQTT has no certificate to tell whose it is
		return &signaling.Error{Code: signaling.CodeUnpaired, Message: "Only devices that are paired with this camera see its picture, on the watch page."}
	}
	return nil
}

// snapshots puts the pipeline's errors into those of requests.
type snapshots struct{ engine *media.Engine }

// Snapshot implements rpc.Camera.
func (s snapshots) Snapshot(ctx context.Context, width int) ([]byte, error) {
	picture, err := s.engine.Snapshot(ctx, width)
	switch {
	case errors.Is(err, media.ErrPrivate):
		return nil, &signaling.Error{Code: signaling.CodePrivate, Message: err.Error()}
	case errors.Is(err, media.ErrNoPicture):
		return nil, &signaling.Error{Code: signaling.CodeSourceLost, Message: err.Error(), RetryAfter: 5}
	}
	return picture, err
}

// status is all of the camera's presence but whether it is online.
func (c *camera) status() signaling.Status {
	picture, detail := c.engine.State()
	if state := c.privacy.State(); state.Active {
		picture, detail = signaling.PicturePrivate, state.Detail
	}
	return signaling.Status{
		At: c.portal.now().UnixMilli(), Picture: picture, Detail: detail,
		Source: c.engine.SourceName(), Viewers: c.manager.Viewers(), Version: version(), OnlyPaired: c.pairing.Only(),
	}
}
