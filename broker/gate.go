package broker

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// maxPeers bounds the memory that addresses can take; those beyond it share one entry.
	maxPeers = 1 << 16
	// peerIdle is after how long an address is forgotten.
	peerIdle = time.Minute
	// maxPenalty is the longest that the refusal of a credential is delayed.
	maxPenalty = 5 * time.Second
)

var (
	errTooFast    = errors.New("too many new connections from this address")
	errTooPending = errors.New("too many unauthenticated connections")
)

// gate decides which connections may present a CONNECT at all. It counts by address, so it must
// never refuse for good: many cameras can share one address.
type gate struct {
	cfg Config

	mu              sync.Mutex
	peers           map[netip.Addr]*peer
	unauthenticated int
}

// peer is one address: an IPv4 address or a /64 of IPv6.
type peer struct {
	connects        *rate.Limiter
	failures        *rate.Limiter
	unauthenticated int
	seen            time.Time
}

func newGate(cfg Config) *gate { return &gate{cfg: cfg, peers: map[netip.Addr]*peer{}} }

// ticket is a connection's place among the unauthenticated ones.
type ticket struct {
	gate *gate
	peer *peer // nil in process
	once sync.Once
}

// enter admits a connection from addr, or says why not.
func (g *gate) enter(addr net.Addr, now time.Time) (*ticket, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.peer(addr, now)
	switch {
	case p != nil && g.unauthenticated >= g.cfg.MaxUnauthenticated:
		return nil, errTooPending // in process nobody is kept out
	case p != nil && p.unauthenticated >= (g.cfg.MaxUnauthenticated+3)/4:
		return nil, errTooPending
	case p != nil && !p.connects.AllowN(now, 1):
		return nil, errTooFast
	}
	g.unauthenticated++
	if p != nil {
		p.unauthenticated++
	}
	return &ticket{gate: g, peer: p}, nil
}

// leave gives the place back, once: when the client has authenticated or is gone.
func (t *ticket) leave() {
	t.once.Do(func() {
		t.gate.mu.Lock()
		defer t.gate.mu.Unlock()
		t.gate.unauthenticated--
		if t.peer != nil {
			t.peer.unauthenticated--
		}
	})
}

// penalty counts a refused credential and returns how long the answer should wait. It delays the
// answer instead of refusing the next connection: others behind the same address are not locked out.
func (t *ticket) penalty(now time.Time) time.Duration {
	if t.peer == nil {
		return 0
	}
	return min(t.peer.failures.ReserveN(now, 1).DelayFrom(now), maxPenalty)
}

func (g *gate) peer(addr net.Addr, now time.Time) *peer {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return nil
	}
	key := tcp.AddrPort().Addr().Unmap().WithZone("")
	if key.Is6() {
		if prefix, err := key.Prefix(64); err == nil {
			key = prefix.Addr()
		}
	}
	p := g.peers[key]
	if p == nil && len(g.peers) >= maxPeers {
		key = netip.Addr{}
		p = g.peers[key]
	}
	if p == nil {
		perSecond, perMinute := g.cfg.ConnectionsPerSecond, g.cfg.FailuresPerMinute
		p = &peer{
			connects: rate.NewLimiter(rate.Limit(perSecond), 2*perSecond),
			failures: rate.NewLimiter(rate.Limit(float64(perMinute)/60), (perMinute+2)/3),
		}
		g.peers[key] = p
	}
	p.seen = now
	return p
}

// sweep forgets addresses that have been quiet.
func (g *gate) sweep(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for key, p := range g.peers {
		if p.unauthenticated == 0 && now.Sub(p.seen) > peerIdle {
			delete(g.peers, key)
		}
	}
}
