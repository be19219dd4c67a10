package session

import (
	"context"
	"fmt"
	"time"

	"seccam/camerad/media"
	"seccam/pkg/signaling"

	"github.com/pion/webrtc/v4"
)

// offer answers; a refusal of the first offer ends the session, one of a later leaves what there is.
func (s *session) offer(m signaling.Message) bool {
	first, came := s.peer == nil, s.cfg.Now()
	refusal := s.negotiate(m)
	s.stages.answered(came, refusal)
	if refusal == nil {
		return true
	}
	s.log.Warn("offer refused", "code", refusal.Code, "why", refusal.Message)
	s.send(signaling.Message{Type: signaling.TypeError, Error: refusal})
	return !first
}

func (s *session) negotiate(m signaling.Message) *signaling.Error {
	viewer, refusal := inspect(m.SDP, s.visit)
	if refusal != nil {
		return refusal
	}
	if refusal := s.admit(viewer.fingerprint); refusal != nil {
		return refusal
	}
	if s.peer == nil {
		s.owner = m.Role == signaling.RoleOwner
		s.talks = s.owner || m.Talk
		s.offered = viewer.fingerprint
		if m.Until != 0 {
			s.until = time.After(time.UnixMilli(m.Until).Sub(s.cfg.Now()))
		}
		connect := s.connect
		if s.visit {
			connect = s.connectVisit
		}
		if refusal := connect(viewer, m); refusal != nil {
			return refusal
		}
	} else {
		s.resume = s.heard.silent()
		s.renew(m)
		if s.peer.connection.ConnectionState() != webrtc.PeerConnectionStateConnected {
			s.waiting.Reset(s.cfg.ConnectTimeout)
		}
	}
	answer, err := s.answer(viewer.sdp)
	if err != nil {
		s.log.Warn("offer not usable", "error", err)
		return refuse(signaling.CodeBadMessage, "The camera could not use this offer. Reload the page and try again.")
	}
	s.punch.begin()
	s.send(signaling.Message{Type: signaling.TypeAnswer, SDP: answer})
	return nil
}

// renew gives the connection the ICE servers of a later offer, with fresh credentials. While it gathers, pion reads them
// unguarded; what it gathers with then came a moment ago.
func (s *session) renew(m signaling.Message) {
	if s.peer.connection.ICEGatheringState() == webrtc.ICEGatheringStateGathering {
		return
	}
	if err := s.peer.connection.SetConfiguration(s.configuration(m)); err != nil {
		s.log.Warn("ICE servers not renewed", "error", err)
	}
}

// sourceTime is how long an offer waits for a source that was never opened before; then the page's
// patience ends.
const sourceTime = 2500 * time.Millisecond

// connect makes the viewer and its PeerConnection.
func (s *session) connect(viewer offered, m signaling.Message) *signaling.Error {
	ctx, stop := context.WithTimeout(s.context, sourceTime)
	defer stop()
	codecs, err := s.cfg.Media.Codecs(ctx)
	if err != nil {
		return refuse(signaling.CodeSourceLost, "The camera's source is still starting. Trying again.")
	}
	codec, refusal := viewer.choose(codecs)
	if refusal != nil {
		return refusal
	}
	s.viewer, s.unuse = s.cfg.Media.NewViewer(codec)
	s.viewer.OnFirst(s.stages.sent)
	if err := s.open(codec, m); err != nil {
		s.unuse()
		s.log.Error("new connection", "error", err)
		return refuse(signaling.CodeInternal, "The camera could not open a connection. Try again.")
	}
	s.working.Go(func() { s.viewer.Run(s.context) })
	return nil
}

// answer sets both descriptions. Gathering goes on meanwhile; its candidates wait in events, so they
// follow the answer.
func (s *session) answer(offer string) (string, error) {
	c := s.peer.connection
	if err := c.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return "", err
	}
	answer, err := c.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	return answer.SDP, c.SetLocalDescription(answer)
}

// configuration is what an offer says of the connection.
func (s *session) configuration(offer signaling.Message) webrtc.Configuration {
	cfg := webrtc.Configuration{
		ICEServers:   iceServers(offer.ICEServers, s.log),
		Certificates: []webrtc.Certificate{s.cfg.Identity.Certificate},
		BundlePolicy: webrtc.BundlePolicyMaxBundle,
	}
	if offer.Policy == signaling.PolicyRelay {
		cfg.ICETransportPolicy = webrtc.ICETransportPolicyRelay
	}
	return cfg
}

// open makes the PeerConnection.
func (s *session) open(codec media.Codec, m signaling.Message) error {
	cfg := s.configuration(m)
	network, err := newDialNet(s.context)
	if err != nil {
		return fmt.Errorf("network interfaces: %w", err)
	}
	s.punch.net = network
	api, express, err := s.newAPI(network, codec)
	if err != nil {
		return err
	}
	p, err := newPeer(api, cfg, s.viewer, s.cfg.OpenSpeaker != nil)
	if err != nil {
		return err
	}
	s.viewer.ReportTo(p.connection.WriteRTCP)
	if express != nil {
		s.rerouted = express.PathChanged
	}
	s.follow(p, ControlLabel)
	return nil
}

// follow makes p the session's connection. Its callbacks only report; they stop with the session.
func (s *session) follow(p *peer, label string) {
	s.peer = p
	s.remote = p.connection.SCTP().Transport().GetRemoteCertificate
	s.stages.follow(p.connection.SCTP().Transport())
	p.connection.OnICECandidate(func(c *webrtc.ICECandidate) {
		s.report(event{candidate: c, gathered: c == nil})
	})
	p.connection.OnDataChannel(func(channel *webrtc.DataChannel) {
		if channel.Label() == label {
			channel.OnOpen(func() { s.report(event{channel: channel}) })
		}
	})
	p.connection.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		if track.Kind() == webrtc.RTPCodecTypeAudio {
			s.report(event{track: track})
		}
	})
	p.connection.SCTP().Transport().ICETransport().OnSelectedCandidatePairChange(func(pair *webrtc.ICECandidatePair) {
		if !s.visit {
			s.rerouted()
			s.cfg.paths.set(s.id, pair)
		}
	})
	p.connection.OnConnectionStateChange(func(state webrtc.PeerConnectionState) { s.report(event{state: state}) })
}
