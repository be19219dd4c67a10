package transport

import (
	"net/netip"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/srtp/v3"
)

// passEvery is how often a report goes pion's way: its ICE agent judges by what it hears whether a path still
// carries anything, and takes it for lost after twice as long.
const passEvery = 2500 * time.Millisecond

// replayWindow is how many SRTCP packets back a packet may come late (RFC 3711 section 3.3.2), as with pion.
const replayWindow = 64

// ears hear a viewer's reports before pion does. Each packet is given to one of the two, so one that is
// replayed can count twice: a report does no harm when it does, nothing else is kept from pion.
type ears struct {
	report func(rtcp []byte) (done bool)

	mu     sync.Mutex    // guards all below
	in     *srtp.Context // nil until the keys are known
	plain  []byte        // memory
	header rtcp.Header   // memory
	passed time.Duration // when a packet was last left to pion
}

func (e *ears) start(config srtp.Config) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	in, err := srtp.CreateContext(config.Keys.RemoteMasterKey, config.Keys.RemoteMasterSalt, config.Profile,
		srtp.SRTCPReplayProtection(replayWindow))
	e.in = in
	return err == nil
}

// take reports whether the SRTCP packet p needs not be given to pion.
func (e *ears) take(p []byte, now time.Duration) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if now-e.passed >= passEvery {
		e.passed = now
		return false
	}
	plain, err := e.in.DecryptRTCP(e.plain[:0], p, &e.header)
	if err != nil {
		return false // another viewer's at the same address, or nonsense: pion will see
	}
	e.plain = plain
	if e.report(plain) {
		return true
	}
	e.passed = now
	return false
}

// peer is an address as one socket sees it.
type peer struct {
	socket *socket
	from   netip.AddrPort
}

// listenTo has the reports that come along a path given to e. Of two viewers that share it, the later is heard.
func (t *Transport) listenTo(p path, e *ears) {
	t.peersMu.Lock()
	defer t.peersMu.Unlock()
	t.peers.replace(func(peers map[peer]*ears) { peers[peer{p.socket, p.to}] = e })
}

// ignore ends that.
func (t *Transport) ignore(p path, e *ears) {
	t.peersMu.Lock()
	defer t.peersMu.Unlock()
	if key := (peer{p.socket, p.to}); t.peers.get(key) == e {
		t.peers.replace(func(peers map[peer]*ears) { delete(peers, key) })
	}
}

// hear reports whether a packet needs not be given to pion.
func (t *Transport) hear(s *socket, p []byte, from netip.AddrPort, now time.Duration) bool {
	if !isRTCP(p) {
		return false
	}
	e := t.peers.get(peer{s, netip.AddrPortFrom(from.Addr().Unmap(), from.Port())})
	return e != nil && e.take(p, now)
}
