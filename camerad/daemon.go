package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"seccam/camerad/doctor"
	"seccam/camerad/logbook"
	"seccam/camerad/media"
	"seccam/camerad/network"
	"seccam/camerad/pairing"
	"seccam/camerad/privacy"
	"seccam/camerad/rpc"
	"seccam/camerad/session"
	"seccam/camerad/transport"
	"seccam/pkg/metrics"
	"seccam/pkg/signaling"
	"seccam/pkg/tracing"

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
	tracer    *tracing.Tracer // nil if it is off
	device    *doctor.Device
	book      *logbook.Book
	restarts  *rpc.Guard
	hello     sync.Once     // the event of the start
	greeted   chan struct{} // closed with it
	started   time.Time
	awake     bool                    // the pipeline runs though nobody watches
	adjust    *adjustable             // what can be set from afar
	moved     atomic.Bool             // the network has changed since the viewers were last asked for an ICE restart
	measured  chan struct{}           // telemetry is to be published soon
	end       context.CancelCauseFunc // of run
	unlock    func()                  // gives the state folder back
}

// run serves until ctx ends. The end is in order: the sessions say bye, the bye is sent, the link
// says that the camera is offline, the pipeline stops.
func (c *camera) run(ctx context.Context) error {
	ctx, c.end = context.WithCancelCause(ctx)
	defer c.end(nil)
	asked := ctx
	group, ctx := errgroup.WithContext(ctx)
	sending, stopSending := context.WithCancel(context.WithoutCancel(ctx))
	linked, stopLink := context.WithCancel(context.WithoutCancel(ctx))
	group.Go(func() error { return c.tracer.Run(linked) })
	group.Go(func() error { return c.engine.Run(linked) })
	group.Go(func() error { return c.link.client.Run(linked) })
	group.Go(func() error {
		defer stopLink()
		c.link.send(sending)
		return nil
	})
	group.Go(func() error {
		defer stopSending()
		var talking errgroup.Group // what it said last is still sent
		talking.Go(func() error { return c.manager.Run(ctx) })
		talking.Go(func() error { return c.methods.Run(ctx) })
		return talking.Wait()
	})
	group.Go(func() error { return c.privacy.Run(ctx) })
	group.Go(func() error { network.Watch(ctx, c.networkChanged); return nil })
	group.Go(func() error { c.followPrivacy(ctx); return nil })
	group.Go(func() error { c.followPairing(ctx); return nil })
	group.Go(func() error { c.followChanges(ctx); return nil })
	group.Go(func() error { c.lookAtSource(ctx); return nil })
	group.Go(func() error { c.sendTelemetry(ctx); return nil })
	group.Go(func() error { c.watchClock(ctx); return nil })
	group.Go(func() error { c.adjust.keeper.Run(ctx); return nil })
	group.Go(func() error { c.followUpdates(ctx, c.adjust.file); return nil })
	group.Go(func() error { return c.feedWatchdog(ctx) })
	group.Go(func() error { return c.serveMetrics(ctx) })
	if _, err := daemon.SdNotify(false, daemon.SdNotifyReady); err != nil {
		c.log.Warn("systemd not notified", "error", err)
	}
	err := errors.Join(group.Wait(), c.close())
	c.log.Info("camerad ends")
	if err == nil && errors.Is(context.Cause(asked), errRestart) {
		return errRestart
	}
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
func (c *camera) returned(ctx context.Context) {
	c.reportOnce(ctx)
	c.hello.Do(func() {
		close(c.greeted)
		c.event(signaling.EventStarted, "camerad "+version()+" has started")
	})
	c.manager.Restart(ctx, c.moved.Swap(false))
}

// lookAtSource opens the source once at the start, to know what it gives before the first viewer asks,
// and keeps it open if it is to run all the time.
func (c *camera) lookAtSource(ctx context.Context) {
	release := c.engine.Hold()
	defer release()
	if _, err := c.engine.Codecs(ctx); err == nil && c.awake {
		<-ctx.Done()
	}
}

// followChanges publishes a new status and telemetry for each change, and tells of a source that is lost or back.
func (c *camera) followChanges(ctx context.Context) {
	var source sourceEvents
	for {
		changed := c.engine.Changed()
		c.link.changed()
		poke(c.measured)
		if kind, text := source.next(c.engine.State()); kind != "" {
			c.event(kind, text)
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-c.manager.Changed():
		}
	}
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
