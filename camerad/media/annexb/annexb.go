// Package annexb reads H264 and H265 byte streams (H.264 and H.265 annex B): NAL units within an
// access unit, and access units within a stream.
package annexb

import (
	"bytes"
	"iter"
)

// NAL unit types of H264 (H.264 table 7-1), in the low five bits of the first byte.
const (
	H264IDR = 5
	H264SPS = 7
	H264PPS = 8
	H264AUD = 9
)

var startCode = []byte{0, 0, 1}

// NALUnits yields the NAL units of a byte stream, without start codes and trailing zeros, as parts
// of stream. Bytes before the first start code are skipped.
func NALUnits(stream []byte) iter.Seq[[]byte] {
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
