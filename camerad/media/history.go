package media

import "time"

// historySize is how many packets back a NACK is answered: 2 s at 2 Mbit/s. A power of two.
const historySize = 512

// history remembers what was sent under which sequence number. The payloads belong to the shared
// units, so a viewer's history costs 16 KiB, and not the megabytes of a ring of packet copies.
type history struct {
	ring [historySize]sent
}

// sent is all of a packet that its sequence number does not say.
type sent struct {
	packet    *Packet
	timestamp uint32
	sequence  uint16
	number    uint16    // transport-wide
	again     time.Time // when it was sent again; zero if it was not
}

func (h *history) add(s sent) { h.ring[s.sequence%historySize] = s }

func (h *history) get(sequence uint16) *sent {
	s := &h.ring[sequence%historySize]
	if s.packet == nil || s.sequence != sequence {
		return nil
	}
	return s
}

// What is sent again is bounded: a viewer who loses packets because it is flooded would ask for so much
// that it is flooded for good. Each packet earns repairShare of another one, repairMost can be saved, and
// the same one is repeated once per round trip, or repairPause while that is unknown.
const (
	repairShare = 0.5
	repairMost  = 64
	repairPause = 30 * time.Millisecond
)
