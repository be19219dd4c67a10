package transport

import (
	"sync"
	"time"
)

// With a hundred viewers a report on what arrived comes each millisecond, and most of what it costs is
// to wake a thread for it. So when much comes, a socket is looked at only in a row of moments that all have
// in common, which takes what has gathered: what network cards call interrupt moderation. With few viewers
// nothing waits, nor on a socket that has been silent, nor while somebody connects, which takes several packets
// one after the other.
const (
	gatherNot    = 2 * time.Second // after somebody began to connect
	gatherWindow = 250 * time.Millisecond
	gatherMuch   = 50  // packets in a window: of about 20 viewers
	gatherMost   = 200 // of about 70
	gatherPeriod = 10 * time.Millisecond
)

// periodFor is how often to look when so many packets came in a window; 0 is at once.
func periodFor(count int) time.Duration {
	switch {
	case count >= gatherMost:
		return 2 * gatherPeriod
	case count >= gatherMuch:
		return gatherPeriod
	}
	return 0
}

// gathering decides whether what comes, to whichever socket, should gather first.
type gathering struct {
	mu     sync.Mutex    // guards all below
	since  time.Duration // the window's beginning, by the transport's clock
	count  int           // of packets in it
	period time.Duration // by the window before
	hurry  time.Duration // until then nothing waits
}

// connecting says that somebody begins to connect.
func (g *gathering) connecting(now time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hurry = now + gatherNot
}

// note counts a packet.
func (g *gathering) note(now time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now-g.since >= gatherWindow {
		g.period = periodFor(g.count)
		if now-g.since >= 2*gatherWindow { // it was long ago
			g.period = 0
		}
		g.since, g.count = now, 0
	}
	g.count++
}

// pause is how long not to look at a socket on which the last packet came at heard; 0 is to wait for the next.
func (g *gathering) pause(heard, now time.Duration) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.period == 0 || now < g.hurry || now-heard >= gatherWindow {
		return 0
	}
	return g.period - now%g.period
}
