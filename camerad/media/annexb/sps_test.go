package annexb

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseSPS(t *testing.T) {
	for name, c := range map[string]struct {
		codec Codec
		nal   string // as libx264 and libx265 write it
		want  SPS
	}{
		"H264 baseline, cropped":        {H264, "6742c00cda05067e7c0440000003004000000c83c50aa8", SPS{320, 180, false}},
		"H264 1080 lines are 68 rows":   {H264, "6742c028da01e0089f97011000000300100000030320f1832a", SPS{1920, 1080, false}},
		"H264 cropped on two sides":     {H264, "6742c020da01581879bc0440000003004000000c83c60ca8", SPS{1366, 768, false}},
		"H264 High 4:4:4":               {H264, "67f4001e919680a42fe3e7c044000003000400000300c83c58ba80", SPS{642, 362, false}},
		"H264 High 4:2:2, 10 bits":      {H264, "677a001eb6cb406c1ef37808800000030080000019078b1750", SPS{854, 480, false}},
		"H264 High, reordering":         {H264, "6764001eacd940b4126c0440000003004000000c83c58b6580", SPS{720, 576, true}},
		"H264 interlaced":               {H264, "674d4028f403c0227ef011000003000100000300321f162ea0", SPS{1920, 1080, true}},
		"H265 Main":                     {H265, "42010101600000030090000003000003003ca00a080c1f3e5ba4a4c2f0168080000003008000000c84", SPS{320, 180, false}},
		"H265 Main, reordering":         {H265, "420101016000000300900000030000030078a003c0801107cb965654a4c2f0168080000003008000000c84", SPS{1920, 1080, true}},
		"H265 Main 10, cropped":         {H265, "420101022000000300900000030000030078a002b080301cdb65ba4a4c2f016808000003000800000300c840", SPS{1366, 768, false}},
		"H265 4:4:4 of range extension": {H265, "4201010408000003009e0800000300003f9000a4402e38f9f2dd25261780b4040000030004000003006420", SPS{642, 362, false}},
	} {
		t.Run(name, func(t *testing.T) {
			nal, err := hex.DecodeString(c.nal)
			require.NoError(t, err)
			got, err := ParseSPS(c.codec, nal)
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
			for n := range 9 {
				_, err := ParseSPS(c.codec, nal[:n])
				assert.Error(t, err, "cut after %d bytes", n)
			}
		})
	}
}

// bitWriter writes what bitReader reads.
type bitWriter struct {
	data []byte
	n    int
}

func (w *bitWriter) u(n int, value uint32) *bitWriter {
	for i := n - 1; i >= 0; i-- {
		if w.n%8 == 0 {
			w.data = append(w.data, 0)
		}
		w.data[len(w.data)-1] |= byte(value>>i&1) << (7 - w.n%8)
		w.n++
	}
	return w
}

func (w *bitWriter) ue(values ...uint32) *bitWriter {
	for _, value := range values {
		length := 0
		for rest := value + 1; rest > 1; rest >>= 1 {
			length++
		}
		w.u(length, 0).u(length+1, value+1)
	}
	return w
}

// TestScalingLists has what no encoder at hand writes: lists in the SPS, one of them cut short by a
// zero, and a picture order count of type 1.
func TestScalingLists(t *testing.T) {
	w := new(bitWriter).u(8, 0x67).u(24, 100<<16|40)
	w.ue(0, 1, 0, 0).u(1, 0).u(1, 1)                                   // id, 4:2:0, depths, bypass, matrix present
	w.u(1, 1).ue(0).ue(16)                                             // list 0: +0, then -8 ends it
	w.u(5, 0).u(1, 1)                                                  // 1 to 5 absent, 6 present:
	w.ue(make([]uint32, 64)...)                                        // 64 deltas of 0
	w.u(1, 0)                                                          // 7 absent
	w.ue(0, 1).u(1, 0).ue(4, 4, 2, 3, 6)                               // order count type 1, cycle of 2
	w.ue(1).u(1, 0).ue(639/16, 479/16).u(1, 1).u(1, 1).u(1, 0).u(1, 0) // 640x480, frames, not cropped
	got, err := ParseSPS(H264, w.u(1, 1).u(16, 0).data)
	require.NoError(t, err)
	assert.Equal(t, SPS{640, 480, true}, got)
}

// TestSubLayers has what no encoder at hand writes: a profile and level for each sub-layer.
func TestSubLayers(t *testing.T) {
	w := new(bitWriter).u(16, 0x4201).u(4, 0).u(3, 2).u(1, 1)
	w.u(32, 0).u(32, 0).u(32, 0)                 // general profile and level
	w.u(2, 0b11).u(2, 0b01).u(12, 0)             // both for sub-layer 0, level for sub-layer 1
	w.u(32, 0).u(32, 0).u(32, 0).u(8, 0)         //
	w.ue(0, 1, 1280, 736).u(1, 1).ue(0, 0, 0, 8) // cropped by 16 lines
	w.ue(0, 0, 4).u(1, 1)                        // per sub-layer:
	w.ue(1, 0, 0, 2, 0, 0, 3, 2, 0)              // the highest reorders
	got, err := ParseSPS(H265, w.u(16, 0x8000).data)
	require.NoError(t, err)
	assert.Equal(t, SPS{1280, 720, true}, got)
}

func TestDamagedSPS(t *testing.T) {
	huge := new(bitWriter).u(8, 0x67).u(24, 66<<16|40).ue(0, 0, 2, 1).u(1, 0).ue(1<<20, 1).u(4, 0b1100).u(16, 0).data
	for _, codec := range []Codec{H264, H265} {
		_, err := ParseSPS(codec, nil)
		assert.ErrorContains(t, err, "empty")
		_, err = ParseSPS(codec, huge)
		assert.ErrorContains(t, err, "damaged")
	}
}
