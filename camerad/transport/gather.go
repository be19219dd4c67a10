package transport

import "time"

// With a hundred viewers a report on what arrived comes each millisecond, and most of what it costs is
// to wake a thread for it. So when much comes, reading pauses until the next of a row of moments that
// all sockets have in common, and then takes what has gathered: what network cards call interrupt
// moderation. With few viewers nothing waits.
const (
	gatherPeriod = 5 * time.Millisecond
	gatherWindow = 250 * time.Millisecond
	gatherMuch   = 50 // packets in a window: more than two viewers need to connect
)

// gathering decides whether what comes should gather first.
type gathering struct {
	since time.Duration // the window's beginning, by the transport's clock
	count int           // of packets in it
	much  bool          // came in the window before
}

// note counts a packet.
func (g *gathering) note(now time.Duration) {
	if now-g.since >= gatherWindow {
		g.much = g.count >= gatherMuch && now-g.since < 2*gatherWindow
		g.since, g.count = now, 0
	}
	g.count++
}

// pause is how long to wait before reading from a socket that is empty.
func (g *gathering) pause(now time.Duration) time.Duration {
	if !g.much {
		return 0
	}
	return gatherPeriod - now%gatherPeriod
}
