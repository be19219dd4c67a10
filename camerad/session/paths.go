package session

import (
	"sync"

	"seccam/pkg/signaling"

	"github.com/pion/webrtc/v4"
)

// paths are those that viewers' pictures take. Sessions report theirs; anyone may count.
type paths struct {
	changed func() // must not block

	mu    sync.Mutex
	known map[signaling.SessionID]path
}

// path is a chosen pair of candidates, as far as telemetry tells of it.
type path struct{ relay, nat, tcp bool }

// pathOf judges a pair: a relay at either end is what limits it, an address translation at either end
// comes next.
func pathOf(pair *webrtc.ICECandidatePair) path {
	var p path
	for _, end := range []*webrtc.ICECandidate{pair.Local, pair.Remote} {
		switch end.Typ {
		case webrtc.ICECandidateTypeRelay:
			p.relay = true
		case webrtc.ICECandidateTypeSrflx, webrtc.ICECandidateTypePrflx:
			p.nat = true
		}
	}
	p.tcp = pair.Local.Protocol == webrtc.ICEProtocolTCP
	return p
}

func (p *paths) set(id signaling.SessionID, pair *webrtc.ICECandidatePair) {
	if pair == nil || pair.Local == nil || pair.Remote == nil {
		return
	}
	p.mu.Lock()
	p.known[id] = pathOf(pair)
	p.mu.Unlock()
	p.changed()
}

func (p *paths) forget(id signaling.SessionID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.known, id)
}

func (p *paths) count() (c signaling.Connections) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range p.known {
		switch {
		case one.relay:
			c.Relay++
		case one.nat:
			c.NAT++
		default:
			c.Direct++
		}
		if one.tcp {
			c.TCP++
		}
	}
	return c
}

// Connections counts the viewers by the path that their pictures take. It may be called at any time.
func (m *Manager) Connections() signaling.Connections { return m.cfg.paths.count() }
