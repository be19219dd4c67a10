package media

import (
	"bytes"
	"iter"
)

// NAL unit types (H.264 table 7-1).
const (
	nalIDR   = 5
	nalSPS   = 7
	nalPPS   = 8
	nalAUD   = 9
	nalFill  = 12
	nalTypes = 0x1f // mask of the type in the first byte
	nalNRI   = 0x60 // mask of nal_ref_idc in the first byte
)

var startCode = []byte{0, 0, 1}

// nalUnits yields the NAL units of an Annex B byte stream (H.264 annex B.1), without start codes
// and trailing zeros, as parts of stream. Bytes before the first start code are skipped.
func nalUnits(stream []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		_, rest, found := bytes.Cut(stream, startCode)
		for found {
			var nal []byte
			nal, rest, found = bytes.Cut(rest, startCode)
			nal = bytes.TrimRight(nal, "\x00") // of a 4-byte start code, or trailing_zero_8bits
			if len(nal) > 0 && !yield(nal) {
				return
			}
		}
	}
}
