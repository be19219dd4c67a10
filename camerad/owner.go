package main

import (
	"context"
	"time"

	"seccam/pkg/signaling"
)

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
