package congestion

import "time"

// historySize is how many packets back feedback is understood: 4 s of a 2 Mbit/s stream. It is a
// power of two, so that it divides the range of sequence numbers.
const historySize = 1024

// fate is what is known of a packet.
type fate uint8

const (
	unsent  fate = iota
	pending      // nothing is known
	assumed      // later packets were reported and it was not: probably its report was lost
	lost         // reported lost, which a later report may correct
	arrived      // final
)

// probing marks the packets of a probe, whatever their fate.
const probing fate = 0x80

// packet is what is remembered of one packet, in 8 bytes.
type packet struct {
	at    uint32 // when it was sent, in µs; wraps every 71 min
	size  uint16 // bytes
	lap   uint8  // sequence number / historySize
	flags fate
}

func (p *packet) fate() fate    { return p.flags &^ probing }
func (p *packet) probing() bool { return p.flags&probing != 0 }
func (p *packet) become(f fate) { p.flags = f | p.flags&probing }

// sentAt restores the time of which the packet keeps 32 bits, if it is not 71 min ago.
func (p *packet) sentAt(now time.Duration) time.Duration {
	return now - time.Duration(micros(now)-p.at)*time.Microsecond
}

func micros(t time.Duration) uint32 { return uint32(t / time.Microsecond) }

// history is a ring of the latest packets, by sequence number.
type history struct {
	ring [historySize]packet
}

func (h *history) add(sequence uint16, size int, now time.Duration, flags fate) {
	h.ring[sequence%historySize] = packet{
		at: micros(now), size: uint16(min(max(size, 0), 1<<16-1)), lap: uint8(sequence / historySize), flags: flags,
	}
}

// get returns nil for a packet that was not sent, or too long ago.
func (h *history) get(sequence uint16) *packet {
	p := &h.ring[sequence%historySize]
	if p.fate() == unsent || p.lap != uint8(sequence/historySize) {
		return nil
	}
	return p
}
