package media

import "seccam/camerad/media/annexb"

// NAL unit types of H.265 table 7-1, and the packet type of RFC 7798 section 4.4.3.
const (
	h265FirstIRAP = 16
	h265LastIRAP  = 23
	h265VPS       = 32
	h265SPS       = 33
	h265PPS       = 34
	h265AUD       = 35
	h265Fill      = 38
	h265AP        = 48
	h265FU        = 49
	h265TypeMask  = 0x7e // in the first of two header bytes
)

// h265Packetizer makes payloads of H265 (RFC 7798) without DON fields. Like [h264Packetizer] it puts
// the parameter sets before each key frame.
type h265Packetizer struct {
	vps, sps, pps []byte
}

func (p *h265Packetizer) unit(data []byte, time uint32) *Unit {
	u := &Unit{Time: time, Data: data}
	memory := scratch(data)
	for nal := range annexb.NALUnits(data) {
		if len(nal) < 3 {
			continue
		}
		switch kind := nal[0] & h265TypeMask >> 1; {
		case kind == h265VPS:
			p.vps = nal
		case kind == h265SPS:
			p.sps = nal
		case kind == h265PPS:
			p.pps = nal
		case kind == h265AUD, kind == h265Fill, kind >= h265AP: // the last would be taken for packets of RFC 7798
		case kind >= h265FirstIRAP && kind <= h265LastIRAP:
			memory = p.key(u, memory)
			memory = u.addH265(nal, memory)
		default:
			memory = u.addH265(nal, memory)
		}
	}
	return u.finish()
}

// key puts the parameter sets before a key frame's first slice.
func (p *h265Packetizer) key(u *Unit, memory []byte) []byte {
	if u.Key || p.vps == nil || p.sps == nil || p.pps == nil {
		return memory
	}
	u.Key = true
	for _, set := range [][]byte{p.vps, p.sps, p.pps} {
		memory = u.addH265(set, memory)
	}
	return memory
}

// addH265 adds one NAL unit, fragmented if it must be (RFC 7798 section 4.4.3).
func (u *Unit) addH265(nal, memory []byte) []byte {
	if len(nal) <= maxPayload {
		u.add(nal)
		return memory
	}
	header := []byte{nal[0]&^h265TypeMask | h265FU<<1, nal[1]}
	return u.fragments(header, nal[0]&h265TypeMask>>1, nal[2:], memory)
}
