package media

// historySize is how many packets back a NACK is answered: 2 s at 2 Mbit/s. A power of two.
const historySize = 512

// history remembers what was sent under which sequence number. The payloads belong to the shared
// units, so a viewer's history costs 8 KiB, and not the megabytes of a ring of packet copies.
type history struct {
	ring [historySize]sent
}

// sent is all of a packet that its sequence number does not say.
type sent struct {
	packet    *Packet
	timestamp uint32
	sequence  uint16
	number    uint16 // transport-wide
}

func (h *history) add(s sent) { h.ring[s.sequence%historySize] = s }

func (h *history) get(sequence uint16) (sent, bool) {
	s := h.ring[sequence%historySize]
	return s, s.packet != nil && s.sequence == sequence
}
