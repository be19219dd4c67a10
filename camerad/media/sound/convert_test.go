package sound

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/gen2brain/malgo"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestConverterFormats(t *testing.T) {
	for format, bytes := range map[malgo.FormatType][]byte{ // ¼ of full scale, and then −1
		malgo.FormatU8:  {160, 0},
		malgo.FormatS16: {0, 0x20, 0, 0x80},
		malgo.FormatS24: {0, 0, 0x20, 0, 0, 0x80},
		malgo.FormatS32: {0, 0, 0, 0x20, 0, 0, 0, 0x80},
		malgo.FormatF32: binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, math.Float32bits(0.25)), math.Float32bits(-1.5)),
	} {
		c, err := newConverter(format, 1, Rate)
		require.NoError(t, err)
		assert.Equal(t, []int16{8192, -32768}, c.convert(nil, bytes), "format %d", format)
	}
}

func TestConverterMixesChannels(t *testing.T) {
	c, err := newConverter(malgo.FormatS16, 2, Rate)
	require.NoError(t, err)
	assert.Equal(t, []int16{150, 32767}, c.convert(nil, []byte{100, 0, 200, 0, 0xff, 0x7f, 0xff, 0x7f, 1}))
}

func TestConverterResamples(t *testing.T) {
	const loud = 8192
	for _, rate := range []int{8000, 16000, 22050, 32000, 44100, 96000} {
		c, err := newConverter(malgo.FormatS16, 1, rate)
		require.NoError(t, err)
		var out []int16
		for i := range rate { // in pieces of one sample: the seams must not be heard
			value := int16(loud * math.Sin(2*math.Pi*440*float64(i)/float64(rate)))
			out = append(out, c.convert(nil, binary.LittleEndian.AppendUint16(nil, uint16(value)))...)
		}
		assert.InDelta(t, Rate, len(out), 1, "%d Hz", rate)
		requireTone(t, out, 440, loud)
	}
}

func TestConverterRefuses(t *testing.T) {
	for _, test := range []struct {
		format         malgo.FormatType
		channels, rate int
	}{{malgo.FormatUnknown, 1, Rate}, {malgo.FormatS16, 0, Rate}, {malgo.FormatS16, 1, 0}} {
		_, err := newConverter(test.format, test.channels, test.rate)
		assert.ErrorContains(t, err, "choose another")
	}
}
