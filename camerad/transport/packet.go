package transport

import "encoding/binary"

// rtpHeaderSize is the size of an RTP header without CSRCs and extension, in bytes (RFC 3550 section
// 5.1).
const rtpHeaderSize = 12

// rtpHeader is what [stream] needs of an RTP header.
type rtpHeader struct {
	ssrc     uint32
	sequence uint16
	marker   bool // last packet of a picture
}

// parseRTP reads the header of p, any datagram that ICE sends. ok is false if it is not RTP: RTP and
// RTCP share a range of first bytes (RFC 7983 section 7), in which RTCP has the packet types 192 to
// 223 (RFC 5761 section 4).
func parseRTP(p []byte) (h rtpHeader, ok bool) {
	const marker = 1 << 7
	if len(p) < rtpHeaderSize || !isVersion2(p) || isRTCPType(p[1]) {
		return rtpHeader{}, false
	}
	return rtpHeader{
		ssrc:     binary.BigEndian.Uint32(p[8:]),
		sequence: binary.BigEndian.Uint16(p[2:]),
		marker:   p[1]&marker != 0,
	}, true
}

// isRTCP tells RTCP from all else that ICE receives, likewise.
func isRTCP(p []byte) bool { return len(p) >= 2 && isVersion2(p) && isRTCPType(p[1]) }

func isVersion2(p []byte) bool { return p[0]>>6 == 2 }

func isRTCPType(kind byte) bool { return kind >= 192 && kind <= 223 }
