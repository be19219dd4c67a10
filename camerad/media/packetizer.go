package media

import "encoding/binary"

// maxPayload is the size of an RTP payload in bytes. With header, playout-delay extension, SRTP tag,
// TURN and IPv6 headers a packet stays below 1,280 bytes, which every IPv6 path carries.
const maxPayload = 1160

// Packet types of RFC 6184 section 5.2.
const (
	typeSTAPA = 24
	typeFUA   = 28
)

// packetizer makes RTP payloads of H264 in packetization mode 1 (RFC 6184). It remembers the
// parameter sets and puts them before each IDR picture, so that any viewer can start at any key
// frame. The payloads are parts of its input or of fresh memory: nothing is written again, unlike
// in pion's H264Payloader, which keeps references to its caller's buffers.
type packetizer struct {
	sps, pps []byte
}

// unit packetises one access unit in Annex B form; nil if it holds no picture (the encoder skipped
// the frame). annexB must not be changed afterwards.
func (p *packetizer) unit(annexB []byte, time uint32) *Unit {
	u := &Unit{Time: time}
	fragments := make([]byte, 0, len(annexB)+len(annexB)/256+64)
	for nal := range nalUnits(annexB) {
		switch nal[0] & nalTypes {
		case nalSPS:
			p.sps = nal
		case nalPPS:
			p.pps = nal
		case nalAUD, nalFill: // mean nothing in RTP
		case nalIDR:
			if !u.Key && p.sps != nil && p.pps != nil {
				u.Key = true
				u.add(stapA(p.sps, p.pps))
			}
			fragments = u.addNAL(nal, fragments)
		default:
			fragments = u.addNAL(nal, fragments)
		}
	}
	if len(u.Packets) == 0 {
		return nil
	}
	u.Packets[len(u.Packets)-1].Marker = true // RFC 6184 section 5.1: last packet of the picture
	return u
}

func (u *Unit) add(payload []byte) {
	u.Packets = append(u.Packets, Packet{Payload: payload})
	u.Size += len(payload)
}

// addNAL adds one NAL unit, fragmented if it must be (FU-A, RFC 6184 section 5.8). The fragments
// are appended to memory, which is returned.
func (u *Unit) addNAL(nal, memory []byte) []byte {
	if len(nal) <= maxPayload {
		u.add(nal)
		return memory
	}
	indicator, kind := nal[0]&^nalTypes|typeFUA, nal[0]&nalTypes
	const start, end, headers = 0x80, 0x40, 2
	flags := byte(start)
	for body := nal[1:]; len(body) > 0; flags = 0 {
		n := min(len(body), maxPayload-headers)
		if n == len(body) {
			flags |= end
		}
		from := len(memory)
		memory = append(memory, indicator, flags|kind)
		memory = append(memory, body[:n]...)
		u.add(memory[from:len(memory):len(memory)])
		body = body[n:]
	}
	return memory
}

// stapA aggregates NAL units into one packet (RFC 6184 section 5.7.1). Parameter sets are some 30
// bytes, so the sum is never near maxPayload.
func stapA(nals ...[]byte) []byte {
	payload := []byte{typeSTAPA}
	for _, nal := range nals {
		payload[0] |= nal[0] & nalNRI // the highest of two values of {0, 3}: their union
		payload = binary.BigEndian.AppendUint16(payload, uint16(len(nal)))
		payload = append(payload, nal...)
	}
	return payload
}
