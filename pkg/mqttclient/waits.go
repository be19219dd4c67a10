package mqttclient

import (
	"context"
	"math/rand/v2"
	"time"
)

// Reconnecting starts at minBackoff and doubles up to maxBackoff, each wait random below that. takenWait is about how long
// a client waits whose name another one has.
const (
	minBackoff = 100 * time.Millisecond
	maxBackoff = 8 * time.Second
	takenWait  = time.Second
)

// backoff is the wait before the n-th attempt in a row: none before the first of all. Reconnecting
// always waits a little, within which the broker's reason for a disconnect is heard: it may end the
// credential. While the network here is gone, nobody is burdened by attempts.
func (c *connection) backoff(n int) time.Duration {
	switch {
	case c.first.CompareAndSwap(false, true):
		return 0
	case c.cut.Load():
		return unreachableWait/2 + rand.N(unreachableWait)
	}
	return jitter(n)
}

// jitter is random below a bound that doubles with n, so that ten thousand cameras do not return at
// the same moment.
func jitter(n int) time.Duration {
	bound := maxBackoff
	if n < 10 {
		bound = min(maxBackoff, minBackoff<<n)
	}
	return bound/4 + rand.N(bound*3/4)
}

// onLoss hears that a connection has ended, and why.
func (c *connection) onLoss(err error) {
	c.common.Store(!unreachable(err))
	c.client.cfg.OnDown(err)
}

// spread waits for a random moment of the time that the broker needs to take all clients back. It is no part of the
// backoff, for which paho asks before it tells why the connection ended.
func (c *connection) spread() {
	if within := c.cred.ReconnectWithin; within > 0 && c.common.Swap(false) {
		pause(c.life, rand.N(within))
	}
}

// stepBack waits a little before it asks for a credential again: two who are called the same must not keep the portal
// busy.
func (c *Client) stepBack(ctx context.Context) {
	pause(ctx, takenWait/2+rand.N(takenWait))
}

// pause waits, but not beyond the end of ctx.
func pause(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
