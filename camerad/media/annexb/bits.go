package annexb

// bitReader reads the fields of a NAL unit, most significant bit first. Reading beyond the end gives
// zeros and sets short.
type bitReader struct {
	data  []byte // without emulation prevention
	at    int    // in bits
	short bool
}

// headerBytes bounds what of a NAL unit is looked at: more than any parameter set that fits a picture
// of a camera, and all of a slice's header that is needed.
const headerBytes = 4096

// newBitReader skips skip bytes and drops emulation_prevention_three_bytes (H.264 7.4.1, H.265 7.4.2).
func newBitReader(nal []byte, skip int) *bitReader {
	nal = nal[min(skip, len(nal)):min(headerBytes, len(nal))]
	data, zeros := make([]byte, 0, len(nal)), 0
	for _, b := range nal {
		if zeros >= 2 && b == 3 {
			zeros = 0
			continue
		}
		data = append(data, b)
		if zeros++; b != 0 {
			zeros = 0
		}
	}
	return &bitReader{data: data}
}

// flag reads one bit.
func (r *bitReader) flag() bool {
	if r.at >= 8*len(r.data) {
		r.short = true
		return false
	}
	bit := r.data[r.at/8] >> (7 - r.at%8) & 1
	r.at++
	return bit == 1
}

// u reads n bits, at most 32.
func (r *bitReader) u(n int) (value uint32) {
	for range n {
		value <<= 1
		if r.flag() {
			value |= 1
		}
	}
	return value
}

// skip passes over n bits.
func (r *bitReader) skip(n int) {
	r.at += n
	r.short = r.short || r.at > 8*len(r.data)
}

// ue reads an unsigned Exp-Golomb code (H.264 9.1), below 1<<32-1.
func (r *bitReader) ue() uint32 {
	zeros := 0
	for !r.flag() {
		if zeros++; r.short || zeros > 31 {
			r.short = true
			return 0
		}
	}
	return 1<<zeros - 1 + r.u(zeros)
}

// se reads a signed Exp-Golomb code (H.264 9.1.1).
func (r *bitReader) se() int32 {
	code := r.ue()
	value := int32(code/2 + code%2)
	if code%2 == 0 {
		return -value
	}
	return value
}
