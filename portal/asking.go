package main

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"seccam/pkg/mqttclient"
	"seccam/pkg/signaling"
	"seccam/portal/presence"
	"seccam/portal/web"
)

// How often a camera is asked whether it is there, and for how many that is remembered.
const (
	askAgain  = 5 * time.Second
	askedMost = 10_000
	asksWait  = 1024
)

// asking is the presence of cameras at a broker that is not ours. Its nodes need not tell each other what they
// remember, so a portal that has just started knows nothing of cameras that are there, until they repeat their status.
// What somebody wants to know now is asked: a ping makes the camera say how it is.
type asking struct {
	*presence.Tracker
	asks chan string

	mu    sync.Mutex
	asked map[string]time.Time
}

func newAsking(tracker *presence.Tracker) *asking {
	return &asking{Tracker: tracker, asks: make(chan string, asksWait), asked: map[string]time.Time{}}
}

// Of implements the Presence of those who show cameras.
func (a *asking) Of(camera string) signaling.Presence {
	p := a.Tracker.Of(camera)
	if !p.Online && a.Unheard(camera) && a.due(camera, time.Now()) {
		select {
		case a.asks <- camera:
		default: // the status comes by itself
		}
	}
	return p
}

func (a *asking) due(camera string, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now.Sub(a.asked[camera]) < askAgain {
		return false
	}
	if len(a.asked) >= askedMost {
		clear(a.asked)
	}
	a.asked[camera] = now
	return true
}

// shown is the presence of who shows cameras. Our own broker forgets nobody.
func (p *portal) shown() web.Presence {
	if p.broker != nil {
		return p.tracker
	}
	return p.asking
}

// runAsking asks cameras whether they are there, until ctx ends.
func (p *portal) runAsking(ctx context.Context) error {
	request, err := json.Marshal(signaling.PingRequest{V: signaling.Version})
	if err != nil {
		return err
	}
	for {
		select {
		case camera := <-p.asking.asks:
			err := p.mqtt.Publish(ctx, mqttclient.Message{
				Topic: signaling.RPCTopic(camera, signaling.MethodPing), Payload: request, Expiry: askAgain, ContentType: signaling.ContentJSON,
				ResponseTopic: signaling.ReplyTopic(camera, p.identity().Subject()),
			})
			if err != nil && ctx.Err() == nil {
				p.log.Debug("camera not asked", "camera", camera, "error", err)
			}
		case <-ctx.Done():
			return nil
		}
	}
}
