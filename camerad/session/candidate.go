package session

import (
	"seccam/pkg/signaling"

	"github.com/pion/webrtc/v4"
)

// addCandidate passes on a candidate. A bad one is only one path less.
func (s *session) addCandidate(c *signaling.Candidate) {
	s.punch.add(c.Candidate)
	err := s.peer.connection.AddICECandidate(webrtc.ICECandidateInit{
		Candidate: c.Candidate, SDPMid: c.SDPMid, SDPMLineIndex: c.SDPMLineIndex, UsernameFragment: c.UsernameFragment,
	})
	if err != nil {
		s.log.Debug("candidate ignored", "error", err)
	}
}

// sendCandidate sends a candidate. The empty one says that no more come (RFC 8838 section 8.2): whoever
// must send all at once waits for it.
func (s *session) sendCandidate(init webrtc.ICECandidateInit) {
	s.send(signaling.Message{Type: signaling.TypeCandidate, Candidate: &signaling.Candidate{
		Candidate: init.Candidate, SDPMid: init.SDPMid, SDPMLineIndex: init.SDPMLineIndex,
		UsernameFragment: init.UsernameFragment,
	}})
}
