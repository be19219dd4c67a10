package session

import (
	"fmt"
	"time"

	"seccam/pkg/signaling"

	"github.com/pion/webrtc/v4"
)

// A visit is a session without picture and sound: its offer has a data channel only, over which devices are
// paired and the paired ones are looked after. It is open to devices that may not watch, since it is there
// that they show that they may. DTLS shows each end the other's certificate; signalling, which portal and
// broker can read and change, carries nothing of it.

// Limits of visits.
const (
	maxVisits = 4
	visitTime = 10 * time.Minute
)

// connectVisit makes the PeerConnection of a visit.
func (s *session) connectVisit(_ offered, m signaling.Message) *signaling.Error {
	if err := s.openVisit(m); err != nil {
		s.log.Error("new connection", "error", err)
		return refuse(signaling.CodeInternal, "The camera could not open a connection. Try again.")
	}
	return nil
}

func (s *session) openVisit(m signaling.Message) error {
	network, err := newDialNet(s.context)
	if err != nil {
		return fmt.Errorf("network interfaces: %w", err)
	}
	s.punch.net = network
	settings, err := newSettings(network, s.cfg.Transport)
	if err != nil {
		return fmt.Errorf("WebRTC settings: %w", err)
	}
	connection, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings)).NewPeerConnection(s.configuration(m))
	if err != nil {
		return err
	}
	s.follow(&peer{connection: connection}, PairingLabel)
	return nil
}
