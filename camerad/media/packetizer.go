package media

import (
	"encoding/binary"

	"seccam/camerad/media/annexb"
)

// maxPayload is the size of an RTP payload in bytes. With header, extensions, SRTP tag, TURN and IPv6
// headers a packet stays below 1,280 bytes, which every IPv6 path carries.
const maxPayload = 1152

// Flags of the header of a fragmentation unit, the same in RFC 6184 section 5.8 and RFC 7798 section
// 4.4.3.
const (
	fragmentStart = 0x80
	fragmentEnd   = 0x40
)

// fragments appends a NAL unit's body to the unit, cut into pieces with the given prefix and a fragment
// header each. Pieces but the last are of one size, which lets the kernel split a whole picture. The
// pieces are appended to memory, which is returned.
func (u *Unit) fragments(prefix []byte, kind byte, body, memory []byte) []byte {
	room := maxPayload - len(prefix) - 1
	for flags := byte(fragmentStart); len(body) > 0; flags = 0 {
		n := min(len(body), room)
		if n == len(body) {
			flags |= fragmentEnd
		}
		from := len(memory)
		memory = append(memory, prefix...)
		memory = append(memory, flags|kind)
		memory = append(memory, body[:n]...)
		u.add(memory[from:len(memory):len(memory)])
		body = body[n:]
	}
	return memory
}

// scratch is memory for all fragments of an access unit.
func scratch(data []byte) []byte { return make([]byte, 0, len(data)+len(data)/256+64) }

// Packet types of RFC 6184 section 5.2, and parts of a NAL unit's first byte.
const (
	h264STAPA = 24
	h264FUA   = 28
	h264Type  = 0x1f // mask of the type
	h264NRI   = 0x60 // mask of nal_ref_idc
	h264Fill  = 12
)

// h264Packetizer makes payloads of H264 in packetization mode 1 (RFC 6184). It remembers the
// parameter sets and puts them before each IDR picture, so that any viewer can start at any key
// frame. It keeps no reference to its caller's buffers but for those, unlike pion's H264Payloader.
type h264Packetizer struct {
	sps, pps []byte
}

func (p *h264Packetizer) unit(data []byte, time uint32) *Unit {
	u := &Unit{Time: time, Data: data}
	memory := scratch(data)
	for nal := range annexb.NALUnits(data) {
		switch kind := nal[0] & h264Type; kind {
		case annexb.H264SPS:
			p.sps = nal
		case annexb.H264PPS:
			p.pps = nal
		case annexb.H264AUD, h264Fill: // mean nothing in RTP
		case annexb.H264IDR:
			if !u.Key && p.sps != nil && p.pps != nil {
				u.Key = true
				memory = u.addSets(p.sps, p.pps, memory)
			}
			memory = u.addH264(nal, memory)
		default:
			if kind > 0 && kind < h264STAPA { // others would be taken for packets of RFC 6184
				memory = u.addH264(nal, memory)
			}
		}
	}
	return u.finish()
}

// addH264 adds one NAL unit, fragmented if it must be (FU-A, RFC 6184 section 5.8).
func (u *Unit) addH264(nal, memory []byte) []byte {
	if len(nal) <= maxPayload {
		u.add(nal)
		return memory
	}
	return u.fragments([]byte{nal[0]&^h264Type | h264FUA}, nal[0]&h264Type, nal[1:], memory)
}

// addSets adds the parameter sets, together if they fit: they are some 30 bytes, unless a camera has
// tables in them.
func (u *Unit) addSets(sps, pps, memory []byte) []byte {
	if 1+2+len(sps)+2+len(pps) <= maxPayload {
		u.add(stapA(sps, pps))
		return memory
	}
	return u.addH264(pps, u.addH264(sps, memory))
}

// stapA aggregates NAL units into one packet (RFC 6184 section 5.7.1).
func stapA(nals ...[]byte) []byte {
	payload := []byte{h264STAPA}
	for _, nal := range nals {
		payload[0] |= nal[0] & h264NRI // the highest of two values of {0, 3}: their union
		payload = binary.BigEndian.AppendUint16(payload, uint16(len(nal)))
		payload = append(payload, nal...)
	}
	return payload
}
