package broker

import "sync/atomic"

// Stats is a snapshot of what the broker has seen: two gauges, then counts since it began.
type Stats struct {
	Connections int // open sockets, authenticated or not
	Sessions    int // authenticated clients

	Refused   uint64 // CONNECTs answered with a refusal
	Rejected  uint64 // sockets closed by the gate before anything was read
	Malformed uint64 // connections cut for a packet that is too large, malformed or no CONNECT
	Panics    uint64 // connections that made Mochi panic
	Denied    uint64 // publications, filters and deliveries that the ACL refused
	Throttled uint64 // reads delayed because the client sent too fast
	Slow      uint64 // connections cut because the client did not read
	Dropped   uint64 // messages that a slow client's queue had no room for
	Takeovers uint64 // connections that replaced an older one of the same client
	Flapping  uint64 // identities that took over too often within a minute, counted once per minute
	Expired   uint64 // connections cut because their token ended
	Revoked   uint64 // connections cut by Disconnect
	Wills     uint64 // Wills published
}

type counters struct {
	refused, rejected, malformed, panics, denied, throttled, slow, dropped,
	takeovers, flapping, expired, revoked, wills atomic.Uint64
}

// Stats returns the current numbers.
func (b *Broker) Stats() Stats {
	b.mu.Lock()
	connections := len(b.conns)
	b.mu.Unlock()
	c := &b.stats
	return Stats{
		Connections: connections,
		Sessions:    b.sessions.len(),
		Refused:     c.refused.Load(),
		Rejected:    c.rejected.Load(),
		Malformed:   c.malformed.Load(),
		Panics:      c.panics.Load(),
		Denied:      c.denied.Load(),
		Throttled:   c.throttled.Load(),
		Slow:        c.slow.Load(),
		Dropped:     c.dropped.Load(),
		Takeovers:   c.takeovers.Load(),
		Flapping:    c.flapping.Load(),
		Expired:     c.expired.Load(),
		Revoked:     c.revoked.Load(),
		Wills:       c.wills.Load(),
	}
}
