package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"seccam/pkg/mqttclient"
	"seccam/pkg/signaling"
)

// event tells whoever listens that something happened. While the camera is not connected nobody is told: the
// status says how things are, and the log how they came about.
func (c *camera) event(kind, text string) {
	if len(text) > signaling.MaxText {
		text = text[:signaling.MaxText] // of a driver
	}
	payload, err := json.Marshal(signaling.Event{V: signaling.Version, At: c.portal.now().UnixMilli(), Kind: kind, Text: text})
	if err != nil {
		c.log.Error("event", "kind", kind, "error", err)
		return
	}
	c.link.queue(mqttclient.Message{Topic: signaling.EventTopic(c.portal.camera, kind), Payload: payload, QoS: 1})
}

// sourceEvents tells of a source that is lost, and of its return.
type sourceEvents struct{ lost bool }

// next returns the event of a new state of the picture; an empty kind is none.
func (s *sourceEvents) next(picture signaling.Picture, detail string) (kind, text string) {
	switch {
	case picture == signaling.PictureLost && !s.lost:
		s.lost = true
		return signaling.EventSourceLost, "the source gives no picture: " + detail
	case picture == signaling.PictureLive && s.lost:
		s.lost = false
		return signaling.EventSourceBack, "the source gives a picture again"
	case picture == signaling.PicturePrivate || picture == signaling.PictureResting:
		s.lost = false // nobody waits for it any more
	}
	return "", ""
}

// clockLook is how often it is seen whether the device's clock was set, and clockStep what counts as that: a
// clock that is only slewed loses or gains less.
const (
	clockLook = 10 * time.Second
	clockStep = 2 * time.Second
)

// watchClock tells when the device's clock was set: times in its log jump there.
func (c *camera) watchClock(ctx context.Context) {
	look := time.NewTicker(clockLook)
	defer look.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		now := time.Now()
		// Without their monotonic readings times tell what the clock says.
		if step := clockJump(now.Round(0).Sub(last.Round(0)), now.Sub(last)); step != 0 {
			c.log.Warn("the device's clock was set", "by", step)
			c.event(signaling.EventClockJump, fmt.Sprintf("the device's clock was set by %v", step))
		}
		last = now
	}
}

// clockJump is by how much a clock was set that says wall has passed, where elapsed has.
func clockJump(wall, elapsed time.Duration) time.Duration {
	if step := (wall - elapsed).Round(time.Millisecond); step.Abs() >= clockStep {
		return step
	}
	return 0
}
