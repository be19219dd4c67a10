package session

import (
	"net"
	"strings"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
	"github.com/pion/webrtc/v4"
)

// A router lets the viewer's checks in once the camera has sent something to where they come from. Pion
// stops sending when the viewer has chosen a first path. If that is a relayed one, which may be found
// sooner, a direct one would never be found: so the session goes on sending for a while.
const (
	punchEvery  = 200 * time.Millisecond
	punchRounds = 25
	maxTargets  = 8 // a viewer cannot make the camera send to more addresses
)

// puncher opens the routers' ways between the sockets of a session and the viewer's addresses.
type puncher struct {
	net     *dialNet
	targets []*net.UDPAddr
	rounds  int
	ticker  *time.Ticker
}

func newPuncher() *puncher {
	p := &puncher{ticker: time.NewTicker(punchEvery)}
	p.ticker.Stop()
	return p
}

// begin is for an offer, whose candidates are new.
func (p *puncher) begin() {
	p.targets, p.rounds = nil, punchRounds
	p.ticker.Reset(punchEvery)
}

// add takes a candidate of the viewer's, if it is one that a direct path may lead to.
func (p *puncher) add(text string) {
	candidate, err := ice.UnmarshalCandidate(strings.TrimPrefix(text, "candidate:"))
	if err != nil || candidate.Type() == ice.CandidateTypeRelay || !candidate.NetworkType().IsUDP() || len(p.targets) == maxTargets {
		return
	}
	if ip := net.ParseIP(candidate.Address()); ip != nil { // and not a name of multicast DNS
		p.targets = append(p.targets, &net.UDPAddr{IP: ip, Port: candidate.Port()})
	}
}

// round sends to all, unless the path is direct already or there were enough rounds.
func (p *puncher) round(connection *webrtc.PeerConnection) {
	pair, err := connection.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
	if p.rounds--; p.rounds <= 0 || err == nil && pair != nil && !relays(pair.Local) && !relays(pair.Remote) {
		p.ticker.Stop()
		return
	}
	// An indication is for what is between (RFC 8489, section 2); browsers pay no attention to it.
	indication := stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodBinding, stun.ClassIndication))
	p.net.send(indication.Raw, p.targets)
}

func relays(candidate *webrtc.ICECandidate) bool {
	return candidate.Typ == webrtc.ICECandidateTypeRelay
}

// tryResume sends the picture anew when a path is found after an interruption. Pictures take that path
// from then on, but a browser chooses it only a second after the old one is dead for it, and it asks for
// a key frame over the old one.
func (s *session) tryResume() {
	if s.resume && anyPath(s.peer.connection) {
		s.resume = false
		s.viewer.SetLive(true)
	}
}

// anyPath reports whether a check has succeeded.
func anyPath(connection *webrtc.PeerConnection) bool {
	for _, entry := range connection.GetStats() {
		if pair, ok := entry.(webrtc.ICECandidatePairStats); ok && pair.State == webrtc.StatsICECandidatePairStateSucceeded {
			return true
		}
	}
	return false
}
