package session

import (
	"testing"

	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

func TestPathsAreCounted(t *testing.T) {
	const host, srflx, prflx, relay = webrtc.ICECandidateTypeHost, webrtc.ICECandidateTypeSrflx, webrtc.ICECandidateTypePrflx, webrtc.ICECandidateTypeRelay
	changes := 0
	p := &paths{known: map[signaling.SessionID]path{}, changed: func() { changes++ }}
	set := func(n int, local, remote webrtc.ICECandidateType, protocol webrtc.ICEProtocol) {
		p.set(sessionID(n), &webrtc.ICECandidatePair{
			Local: &webrtc.ICECandidate{Typ: local, Protocol: protocol}, Remote: &webrtc.ICECandidate{Typ: remote, Protocol: protocol},
		})
	}
	set(1, host, host, webrtc.ICEProtocolUDP)
	set(2, host, prflx, webrtc.ICEProtocolTCP)
	set(3, srflx, host, webrtc.ICEProtocolUDP)
	set(4, host, relay, webrtc.ICEProtocolUDP)
	set(5, relay, srflx, webrtc.ICEProtocolUDP)
	require.Equal(t, signaling.Connections{Direct: 1, NAT: 2, Relay: 2, TCP: 1}, p.count())
	set(5, host, host, webrtc.ICEProtocolUDP) // it found a better one
	p.forget(sessionID(4))
	p.set(sessionID(9), nil)
	require.Equal(t, signaling.Connections{Direct: 2, NAT: 2, TCP: 1}, p.count())
	require.Equal(t, 6, changes)
}
