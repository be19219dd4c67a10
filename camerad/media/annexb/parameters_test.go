package annexb

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParametersAndBFrames(t *testing.T) {
	for name, c := range map[string]struct {
		codec   Codec
		options []string
		sets    int
		bFrames bool
	}{
		"H264 as cameras send it": {H264, x264("bframes=0"), 2, false},
		"H264 with B-frames":      {H264, x264("bframes=2:b-adapt=0"), 2, true},
		"H265 as cameras send it": {H265, x265("bframes=0"), 3, false},
		"H265 with B-frames":      {H265, x265("bframes=2:b-adapt=0"), 3, true},
	} {
		t.Run(name, func(t *testing.T) {
			units := readAll(t, makeClip(t, c.codec, c.options...).data, Config{})
			p, err := ParseParameters(c.codec, units[0].Data)
			require.NoError(t, err)
			assert.Len(t, p.Sets, c.sets)
			assert.Equal(t, 320, p.SPS.Width)
			assert.Equal(t, 180, p.SPS.Height)
			keys, bFrames := 0, false
			for _, unit := range units {
				if Key(c.codec, unit.Data) {
					keys++
				}
				bFrames = bFrames || p.BFrames(unit.Data)
			}
			assert.Equal(t, 3, keys)
			assert.Equal(t, c.bFrames, bFrames)
			_, err = ParseParameters(c.codec, units[1].Data)
			assert.ErrorIs(t, err, ErrNoSPS)
		})
	}
}

func TestDamagedParameters(t *testing.T) {
	_, err := ParseParameters(H265, []byte{0, 0, 1, 0x42, 1, 1})
	assert.ErrorContains(t, err, "damaged")
}

// TestExtraSliceHeaderBits has an H265 PPS that puts bits before slice_type.
func TestExtraSliceHeaderBits(t *testing.T) {
	pps := new(bitWriter).u(16, 0x4401).ue(3, 0).u(2, 0).u(3, 2).u(8, 0x80).data
	sps := readAll(t, makeClip(t, H265, x265("bframes=2")...).data, Config{})[0].Data
	p, err := ParseParameters(H265, bytes.Join([][]byte{sps, pps}, []byte{0, 0, 1}))
	require.NoError(t, err)
	slice := func(extra, kind uint32) []byte {
		return append([]byte{0, 0, 1}, new(bitWriter).u(16, 0x0201).u(1, 1).ue(3).u(2, extra).ue(kind).u(8, 0x80).data...)
	}
	assert.True(t, p.BFrames(slice(0, 0)))
	assert.False(t, p.BFrames(slice(3, 1)), "P")
	assert.False(t, p.BFrames([]byte{0, 0, 1, 2, 1, 0x80}), "cut")
	p.SPS.Reorders = false
	assert.False(t, p.BFrames(slice(0, 0)), "B slices that only look back")
}

func FuzzParameters(f *testing.F) {
	for _, codec := range []Codec{H264, H265} {
		f.Add(codec == H265, readAll(f, makeClip(f, codec).data, Config{})[0].Data)
	}
	f.Fuzz(func(t *testing.T, h265 bool, unit []byte) {
		codec := H264
		if h265 {
			codec = H265
		}
		p, err := ParseParameters(codec, unit)
		if err == nil {
			assert.Positive(t, p.SPS.Width)
			assert.LessOrEqual(t, p.SPS.Height, maxSide)
			p.BFrames(unit)
		}
		Key(codec, unit)
	})
}
