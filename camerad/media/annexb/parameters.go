package annexb

import "errors"

// Parameters are the parameter sets that a stream's pictures need, and what they say.
type Parameters struct {
	// Sets are the NAL units, without start codes.
	Sets [][]byte
	SPS  SPS

	codec     Codec
	extraBits map[uint32]int // of a slice header, by the id of the H265 PPS
}

// ErrNoSPS is returned by [ParseParameters] of a unit without an SPS.
var ErrNoSPS = errors.New("no sequence parameter set")

// ParseParameters reads the parameter sets in an access unit. The error is [ErrNoSPS], or of
// [ParseSPS].
func ParseParameters(codec Codec, unit []byte) (Parameters, error) {
	p := Parameters{Sets: ParameterSets(codec, unit), codec: codec, extraBits: map[uint32]int{}}
	err := ErrNoSPS
	for _, set := range p.Sets {
		switch t := codec.nalType(set); {
		case codec == H265 && t == H265SPS, codec != H265 && t == H264SPS:
			if p.SPS, err = ParseSPS(codec, set); err != nil {
				return Parameters{}, err
			}
		case codec == H265 && t == H265PPS:
			b := newBitReader(set, 2)
			id := b.ue()
			b.ue()    // pps_seq_parameter_set_id
			b.skip(2) // dependent_slice_segments_enabled_flag, output_flag_present_flag
			p.extraBits[id] = int(b.u(3))
		}
	}
	return p, err
}

// BFrames reports whether the access unit has B slices in a stream that may reorder its pictures,
// which no browser puts back in order when they come by WebRTC. Some H265 cameras send B slices that
// only look back, in streams that do not reorder; those are harmless.
func (p Parameters) BFrames(unit []byte) bool {
	if !p.SPS.Reorders {
		return false
	}
	for nal := range NALUnits(unit) {
		if p.codec == H265 && p.h265B(nal) || p.codec != H265 && h264B(nal) {
			return true
		}
	}
	return false
}

// h264B reads slice_type of a slice (H.264 7.3.3, table 7-6).
func h264B(nal []byte) bool {
	if t := H264.nalType(nal); t != h264Slice && t != h264PartitionA {
		return false
	}
	b := newBitReader(sliceHeader(nal), 1)
	b.ue() // first_mb_in_slice
	const bSlice, types = 1, 5
	return b.ue()%types == bSlice && !b.short
}

// h265B reads slice_type of the first slice segment of a picture (H.265 7.3.6.1, table 7-7). Random
// access pictures have none.
func (p Parameters) h265B(nal []byte) bool {
	if H265.nalType(nal) >= H265BLA {
		return false
	}
	b := newBitReader(sliceHeader(nal), 2)
	if !b.flag() { // first_slice_segment_in_pic_flag
		return false
	}
	b.skip(p.extraBits[b.ue()])
	const bSlice = 0
	return b.ue() == bSlice && !b.short
}

// sliceHeader returns as much of a slice as its type is in.
func sliceHeader(nal []byte) []byte { return nal[:min(len(nal), 32)] }

// Join returns an access unit that begins with the given NAL units.
func Join(nals [][]byte, unit []byte) []byte {
	var joined []byte
	for _, nal := range nals {
		joined = append(append(append(joined, 0), startCode...), nal...)
	}
	return append(joined, unit...)
}
