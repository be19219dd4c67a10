package session

import (
	"seccam/pkg/credential"
	"seccam/pkg/signaling"
)

const unpaired = `Only devices that are paired with this camera may watch it. Pair this one under "Paired devices", or watch on one that is.`

// admit judges an offer by the certificate that it names. What it says is proved later, by DTLS.
func (s *session) admit(fingerprint string) *signaling.Error {
	if s.peer != nil && fingerprint != s.offered {
		return refuse(signaling.CodeBadMessage, "The offer names another certificate than the one this view began with. Start a new one.")
	}
	if !s.visit && !s.cfg.Pairing.Admits(fingerprint) {
		return refuse(signaling.CodeUnpaired, unpaired)
	}
	return nil
}

// recognise reads the certificate by which DTLS has connected, and reports whether its owner may watch.
// pion compares one line of the offer with it; here all that was judged is the certificate itself.
func (s *session) recognise() bool {
	if s.proved == "" { // later it is the same: an ICE restart leaves DTLS as it is
		s.proved = credential.FingerprintOf(s.remote())
		if !s.visit {
			device := s.proved
			s.working.Go(func() { s.cfg.Pairing.Used(device) })
		}
	}
	if s.offered != "" && s.offered != s.proved {
		s.log.Error("the viewer has another certificate than it offered")
		s.bye(signaling.ReasonUnpaired)
		return false
	}
	return s.stillAdmitted()
}

// check has the session look whether its viewer still may watch. It does not block.
func (s *session) check() {
	select {
	case s.checks <- struct{}{}:
	default:
	}
}

// stillAdmitted ends the session of whoever may not watch any more. Visits may go on: it is by them that
// devices are paired.
func (s *session) stillAdmitted() bool {
	certificate := s.proved
	if certificate == "" {
		certificate = s.offered
	}
	if s.visit || s.cfg.Pairing.Admits(certificate) {
		return true
	}
	s.log.Info("only paired devices may watch; this one is none")
	s.bye(signaling.ReasonUnpaired)
	return false
}

// room refuses a session that cannot be served now. A visit needs neither picture nor a viewer's place: who
// has to pair a device can do so always.
func (m *Manager) room(visit bool) *signaling.Error {
	if visit {
		if m.visits >= maxVisits {
			return refuse(signaling.CodeBusy, "Others are pairing their devices with this camera. Try again in a moment.")
		}
		return nil
	}
	if len(m.sessions)-m.visits >= int(m.most.Load()) {
		return refuse(signaling.CodeBusy, "The camera already serves as many viewers as it can. Try again later.")
	}
	switch state, detail := m.cfg.Media.State(); state {
	case signaling.PicturePrivate:
		return refuse(signaling.CodePrivate, clip(detail))
	case signaling.PictureLost:
		return refuse(signaling.CodeSourceLost, "The camera has no picture: "+clip(detail))
	}
	return nil
}
