package media

// VP8's payload descriptor without extensions (RFC 7741 section 4.2): the S bit begins a partition.
const vp8Start = 0x10

// vp8Packetizer makes payloads of VP8 frames (RFC 7741).
type vp8Packetizer struct{}

func (vp8Packetizer) unit(data []byte, time uint32) *Unit {
	if len(data) == 0 {
		return nil
	}
	const inter = 1 // RFC 6386 section 9.1: the lowest bit of the frame tag
	u := &Unit{Time: time, Data: data, Key: data[0]&inter == 0}
	memory := scratch(data)
	descriptor := byte(vp8Start)
	for rest := data; len(rest) > 0; descriptor = 0 {
		n := min(len(rest), maxPayload-1)
		from := len(memory)
		memory = append(memory, descriptor)
		memory = append(memory, rest[:n]...)
		u.add(memory[from:len(memory):len(memory)])
		rest = rest[n:]
	}
	return u.finish()
}
