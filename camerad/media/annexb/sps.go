package annexb

import (
	"errors"
	"fmt"
	"slices"
)

// SPS is what a sequence parameter set says of its pictures.
type SPS struct {
	// Width and Height are the size to show, after cropping, in pixels.
	Width, Height int
	// Reorders is whether pictures may have to be shown in another order than they are sent.
	Reorders bool
}

// ParseSPS parses an SPS without start code (H.264 7.3.2.1.1, H.265 7.3.2.2.1). The error says that it
// is damaged.
func ParseSPS(codec Codec, nal []byte) (SPS, error) {
	if len(nal) == 0 {
		return SPS{}, errors.New("empty sequence parameter set")
	}
	var frame rectangle
	var reorders bool
	var r *bitReader
	if codec == H265 {
		r = newBitReader(nal, 2)
		frame, reorders = h265SPS(r)
	} else {
		r = newBitReader(nal, 1)
		frame, reorders = h264SPS(r)
	}
	width, height := frame.size()
	if r.short || width <= 0 || height <= 0 || width > maxSide || height > maxSide {
		return SPS{}, fmt.Errorf("damaged %s sequence parameter set of %d bytes", codec, len(nal))
	}
	return SPS{Width: int(width), Height: int(height), Reorders: reorders}, nil
}

// maxSide is more than the highest level of either codec allows (H.265 A.4.1), in pixels.
const maxSide = 16888

// rectangle is a coded size and what is cropped of it, all in units that are each some pixels.
type rectangle struct {
	width, height            uint32 // in blocks
	blockWidth, blockHeight  uint32
	left, right, top, bottom uint32 // in crop units
	cropWidth, cropHeight    uint32
}

func (r rectangle) size() (width, height int64) {
	return int64(r.width)*int64(r.blockWidth) - (int64(r.left)+int64(r.right))*int64(r.cropWidth),
		int64(r.height)*int64(r.blockHeight) - (int64(r.top)+int64(r.bottom))*int64(r.cropHeight)
}

// crop reads the optional cropping window, whose fields have the same order in both codecs.
func (r *rectangle) crop(b *bitReader) {
	if b.flag() {
		r.left, r.right, r.top, r.bottom = b.ue(), b.ue(), b.ue(), b.ue()
	}
}

// subsampling returns SubWidthC and SubHeightC of a chroma_format_idc (H.264 table 6-1).
func subsampling(chroma uint32) (width, height uint32) {
	switch chroma {
	case 1:
		return 2, 2
	case 2:
		return 2, 1
	}
	return 1, 1
}

// h264Fidelity are the profiles whose SPS has chroma format and scaling lists.
var h264Fidelity = []uint32{100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}

func h264SPS(b *bitReader) (frame rectangle, reorders bool) {
	profile := b.u(8)
	b.skip(16) // constraints, level_idc
	b.ue()     // seq_parameter_set_id
	chroma := uint32(1)
	if slices.Contains(h264Fidelity, profile) {
		chroma = h264Chroma(b)
	}
	b.ue() // log2_max_frame_num_minus4
	reorders = h264OrderCount(b)
	b.ue()   // max_num_ref_frames
	b.flag() // gaps_in_frame_num_value_allowed_flag
	frame.width, frame.height = b.ue()+1, b.ue()+1
	frame.blockWidth, frame.blockHeight = 16, 16
	frame.cropWidth, frame.cropHeight = subsampling(chroma)
	if !b.flag() { // frame_mbs_only_flag: a unit of height is a pair of fields
		frame.blockHeight, frame.cropHeight = 32, 2*frame.cropHeight
		b.flag() // mb_adaptive_frame_field_flag
	}
	b.flag() // direct_8x8_inference_flag
	frame.crop(b)
	return frame, reorders
}

// h264Chroma reads what only [h264Fidelity] profiles have, and returns ChromaArrayType.
func h264Chroma(b *bitReader) uint32 {
	chroma, lists := b.ue(), 8
	array := chroma
	if chroma == 3 {
		lists = 12
		if b.flag() { // separate_colour_plane_flag
			array = 0
		}
	}
	b.ue()        // bit_depth_luma_minus8
	b.ue()        // bit_depth_chroma_minus8
	b.flag()      // qpprime_y_zero_transform_bypass_flag
	if b.flag() { // seq_scaling_matrix_present_flag
		for i := range lists {
			if b.flag() {
				h264ScalingList(b, i)
			}
		}
	}
	return array
}

// h264ScalingList passes over the list of index i (H.264 7.3.2.1.1.1).
func h264ScalingList(b *bitReader, i int) {
	size := 16
	if i >= 6 {
		size = 64
	}
	last, next := int32(8), int32(8)
	for range size {
		if next != 0 {
			next = (last + b.se() + 256) % 256
		}
		if next != 0 {
			last = next
		}
	}
}

// h264OrderCount reads the picture order count's type, 2 of which rules out reordering (H.264
// 8.2.1.3), and its parameters.
func h264OrderCount(b *bitReader) (reorders bool) {
	switch b.ue() {
	case 0:
		b.ue() // log2_max_pic_order_cnt_lsb_minus4
	case 1:
		b.flag() // delta_pic_order_always_zero_flag
		b.se()   // offset_for_non_ref_pic
		b.se()   // offset_for_top_to_bottom_field
		for range min(b.ue(), 255) {
			b.se() // offset_for_ref_frame
		}
	case 2:
		return false
	}
	return true
}

func h265SPS(b *bitReader) (frame rectangle, reorders bool) {
	b.skip(4) // sps_video_parameter_set_id
	subLayers := int(b.u(3))
	b.flag() // sps_temporal_id_nesting_flag
	h265Profile(b, subLayers)
	b.ue() // sps_seq_parameter_set_id
	chroma := b.ue()
	if chroma == 3 && b.flag() { // separate_colour_plane_flag
		chroma = 0
	}
	frame.width, frame.height = b.ue(), b.ue()
	frame.blockWidth, frame.blockHeight = 1, 1
	frame.cropWidth, frame.cropHeight = subsampling(chroma)
	frame.crop(b)
	b.ue() // bit_depth_luma_minus8
	b.ue() // bit_depth_chroma_minus8
	b.ue() // log2_max_pic_order_cnt_lsb_minus4
	layers := 1
	if b.flag() { // sps_sub_layer_ordering_info_present_flag
		layers += subLayers
	}
	for range layers { // the last is what the whole stream needs
		b.ue() // sps_max_dec_pic_buffering_minus1
		reorders = b.ue() > 0
		b.ue() // sps_max_latency_increase_plus1
	}
	return frame, reorders
}

// h265Profile passes over profile_tier_level (H.265 7.3.3).
func h265Profile(b *bitReader, subLayers int) {
	const profileBits, levelBits = 88, 8
	b.skip(profileBits + levelBits)
	present := b.u(2 * subLayers)
	if subLayers > 0 {
		b.skip(2 * (8 - subLayers)) // reserved_zero_2bits
	}
	for i := subLayers - 1; i >= 0; i-- {
		if present>>(2*i+1)&1 == 1 { // sub_layer_profile_present_flag
			b.skip(profileBits)
		}
		if present>>(2*i)&1 == 1 { // sub_layer_level_present_flag
			b.skip(levelBits)
		}
	}
}
