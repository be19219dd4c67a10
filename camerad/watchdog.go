package main

import (
	"context"
	"time"

	"seccam/pkg/signaling"

	"github.com/coreos/go-systemd/v22/daemon"
)

// feedWatchdog tells systemd that camerad works, as long as frames come where they should. A source that
// hangs without saying so is ended with all of camerad, and begun anew.
func (c *camera) feedWatchdog(ctx context.Context) error {
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil || interval == 0 {
		return nil // there is none
	}
	tick := time.NewTicker(interval / 2)
	defer tick.Stop()
	var frames progress
	for {
		picture, _ := c.engine.State()
		if frames.goesOn(picture, c.engine.Progress()) {
			if _, err := daemon.SdNotify(false, daemon.SdNotifyWatchdog); err != nil {
				c.log.Warn("systemd's watchdog not told", "error", err)
			}
		} else {
			c.log.Error("no frame has come for long, and the source does not say so: systemd's watchdog will end camerad")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// progress remembers how many frames there were.
type progress struct {
	seen uint64
	live bool // when that was seen
}

// goesOn reports whether more came since it was asked last. In any state but live nothing has to.
func (p *progress) goesOn(picture signaling.Picture, frames uint64) bool {
	live := picture == signaling.PictureLive
	stuck := live && p.live && frames == p.seen
	p.seen, p.live = frames, live
	return !stuck
}
