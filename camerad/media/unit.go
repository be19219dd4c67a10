package media

import "time"

// Packet is one RTP payload. It is shared by all viewers and never changes.
type Packet struct {
	Payload []byte
	Marker  bool
}

// Unit is one access unit, that is all of one picture, packetised. It is shared by all viewers and
// never changes.
type Unit struct {
	Packets []Packet
	Key     bool   // decodable without an earlier unit
	Time    uint32 // capture time in units of 1/90,000 s since the engine was made
	Size    int    // bytes of payload
	Data    []byte // as it was encoded; H264 and H265 in Annex B form

	number uint64 // in its hub; each needs the one before, but for key frames
}

func (u *Unit) add(payload []byte) {
	u.Packets = append(u.Packets, Packet{Payload: payload})
	u.Size += len(payload)
}

// finish marks the picture's last packet (RFC 6184 section 5.1, and likewise for the other codecs).
func (u *Unit) finish() *Unit {
	if len(u.Packets) == 0 {
		return nil
	}
	u.Packets[len(u.Packets)-1].Marker = true
	return u
}

// Sound is one encoded audio frame. It is shared by all viewers and never changes.
type Sound struct {
	Payload []byte
	Time    uint32 // units of 1/48,000 s since the engine was made
}

// rtpTime converts a time since the engine was made to an RTP clock. It wraps, as RTP timestamps do.
func rtpTime(since time.Duration, clock int64) uint32 {
	whole, rest := since/time.Second, since%time.Second
	return uint32(int64(whole)*clock + int64(rest)*clock/int64(time.Second))
}
