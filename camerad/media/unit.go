package media

import "time"

// videoClock and audioClock are RTP clock rates in Hz (RFC 6184 section 8.1, RFC 7587 section 4.1).
const (
	videoClock = 90_000
	audioClock = 48_000
)

// Packet is one RTP payload. It is shared by all viewers and never changes.
type Packet struct {
	Payload []byte
	Marker  bool
}

// Unit is one access unit, that is all NAL units of one picture, packetised. It is shared by all
// viewers and never changes.
type Unit struct {
	Packets []Packet
	Key     bool   // decodable without an earlier unit: SPS, PPS and an IDR picture
	Time    uint32 // capture time in units of 1/90,000 s since the engine was made
	Size    int    // bytes of payload
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
