package annexb

import (
	"bytes"
	"slices"
)

// Codec is how the pictures of a byte stream are coded. The empty Codec is an unknown one.
type Codec string

// The codecs that this package knows.
const (
	H264 Codec = "h264"
	H265 Codec = "h265"
)

// NAL unit types of H265 (H.265 table 7-1), in bits 1 to 6 of the first byte. Types from H265BLA to
// h265LastIRAP are random access pictures, those below h265NonVCL slices.
const (
	H265BLA = 16
	H265VPS = 32
	H265SPS = 33
	H265PPS = 34
	H265AUD = 35

	h265LastIRAP  = 23
	h265NonVCL    = 32
	h265PrefixSEI = 39
)

// More NAL unit types of H264.
const (
	h264Slice      = 1
	h264PartitionA = 2
	h264PartitionC = 4
	h264SEI        = 6
	h264Prefix     = 14
	h264Reserved18 = 18
)

// nalType returns the type of a NAL unit that is not empty.
func (c Codec) nalType(nal []byte) int {
	if c == H265 {
		return int(nal[0] >> 1 & 0x3f)
	}
	return int(nal[0] & 0x1f)
}

// role is what a NAL unit means for the bounds of access units.
type role int

const (
	inner role = iota // belongs to the unit that is under way
	opens             // begins a unit if the one under way has slices already
	first             // first slice of a picture: as opens, and is a slice
	slice             // further slice of a picture
)

// role classifies a NAL unit by its first bytes (H.264 7.4.1.2.3, H.265 7.4.2.4.4). That a picture
// begins at its first macroblock is less than what H.264 7.4.1.2.4 compares, and suffices unless
// slices come in arbitrary order or redundantly, as no camera sends them. It reports false if there
// are too few bytes to tell.
func (c Codec) role(nal []byte) (role, bool) {
	if c == H265 {
		return h265Role(nal)
	}
	if len(nal) == 0 {
		return inner, false
	}
	switch t := H264.nalType(nal); {
	case t == h264Slice || t == h264PartitionA || t == H264IDR:
		if len(nal) < 2 {
			return slice, false
		}
		return sliceRole(nal[1]), true // first_mb_in_slice, ue(v): 0 is a single 1 bit
	case t > h264PartitionA && t <= h264PartitionC:
		return slice, true
	case t >= h264SEI && t <= H264AUD, t >= h264Prefix && t <= h264Reserved18:
		return opens, true
	}
	return inner, true
}

func h265Role(nal []byte) (role, bool) {
	if len(nal) < 2 {
		return inner, false
	}
	t := H265.nalType(nal)
	if layer := nal[0]&1<<5 | nal[1]>>3; layer > 0 { // of another layer of the same picture
		return inner, true
	}
	switch {
	case t < h265NonVCL:
		if len(nal) < 3 {
			return slice, false
		}
		return sliceRole(nal[2]), true // first_slice_segment_in_pic_flag
	case t <= H265AUD, t == h265PrefixSEI, t >= 41 && t <= 44, t >= 48 && t <= 55:
		return opens, true
	}
	return inner, true
}

// sliceRole reads the bit that both codecs have at the start of a slice header.
func sliceRole(header byte) role {
	if header&0x80 != 0 {
		return first
	}
	return slice
}

// detect tells the codec from a NAL unit that starts a stream: an access unit delimiter or a
// parameter set, of which all fixed bits count. Other NAL units, and fewer than detectBytes, tell
// nothing.
func detect(nal []byte) Codec {
	if len(nal) < detectBytes {
		return ""
	}
	switch {
	case nal[1] == 1 && (nal[0] == H265VPS<<1 || nal[0] == H265SPS<<1 || nal[0] == H265AUD<<1):
		return H265
	case nal[0] == H264AUD && nal[1]&0x1f == 0x10: // primary_pic_type and the stop bit
		return H264
	case nal[0]&0x9f == H264SPS && nal[0]&0x60 != 0 && nal[2]&3 == 0 && slices.Contains(h264Profiles, nal[1]):
		return H264
	}
	return ""
}

const detectBytes = 3

// h264Profiles are the values of profile_idc (H.264 annex A), but for those of layers and views.
var h264Profiles = []byte{66, 77, 88, 100, 110, 122, 244, 44}

// Key reports whether a decoder can start with the access unit, given the parameter sets: whether
// it holds an IDR picture, or in H265 any random access picture.
func Key(codec Codec, unit []byte) bool {
	for nal := range NALUnits(unit) {
		t := codec.nalType(nal)
		if codec == H265 && t >= H265BLA && t <= h265LastIRAP || codec != H265 && t == H264IDR {
			return true
		}
	}
	return false
}

// ParameterSets returns copies of the parameter sets in the access unit, in its order and without
// start codes: SPS and PPS, and the VPS of H265.
func ParameterSets(codec Codec, unit []byte) [][]byte {
	var sets [][]byte
	for nal := range NALUnits(unit) {
		switch t := codec.nalType(nal); {
		case codec == H265 && t >= H265VPS && t <= H265PPS, codec != H265 && (t == H264SPS || t == H264PPS):
			sets = append(sets, bytes.Clone(nal))
		}
	}
	return sets
}
