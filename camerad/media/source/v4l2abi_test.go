package source

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
)

// TestV4L2Requests compares with the numbers that a C compiler makes of videodev2.h. They contain the
// size of each struct, which for some differs on 32-bit machines.
func TestV4L2Requests(t *testing.T) {
	format, buffer := uintptr(0xd0), uintptr(0x58)
	if unsafe.Sizeof(uintptr(0)) == 4 {
		format, buffer = 0xcc, 0x44
	}
	for name, c := range map[string]struct{ got, want uintptr }{
		"QUERYCAP":            {v4l2QueryCap, 0x80685600},
		"ENUM_FMT":            {v4l2EnumFormats, 0xc0405602},
		"S_FMT":               {v4l2SetFormat, 0xc0005605 | format<<16},
		"REQBUFS":             {v4l2RequestBufs, 0xc0145608},
		"QUERYBUF":            {v4l2QueryBuffer, 0xc0005609 | buffer<<16},
		"QBUF":                {v4l2Queue, 0xc000560f | buffer<<16},
		"DQBUF":               {v4l2Dequeue, 0xc0005611 | buffer<<16},
		"STREAMON":            {v4l2StreamOn, 0x40045612},
		"STREAMOFF":           {v4l2StreamOff, 0x40045613},
		"S_PARM":              {v4l2SetParm, 0xc0cc5616},
		"G_CTRL":              {v4l2GetControl, 0xc008561b},
		"S_CTRL":              {v4l2SetControl, 0xc008561c},
		"QUERYCTRL":           {v4l2QueryCtrl, 0xc0445624},
		"G_INPUT":             {v4l2GetInput, 0x80045626},
		"ENUM_FRAMESIZES":     {v4l2EnumSizes, 0xc02c564a},
		"ENUM_FRAMEINTERVALS": {v4l2EnumIntervals, 0xc034564b},
	} {
		assert.Equalf(t, c.want, c.got, "VIDIOC_%s: %#x instead of %#x", name, c.got, c.want)
	}
	assert.EqualValues(t, 40, unsafe.Offsetof(v4l2Pixels{}.quantization))
	if unsafe.Sizeof(uintptr(0)) == 8 {
		assert.EqualValues(t, 24, unsafe.Offsetof(v4l2Buffer{}.timestamp))
		assert.EqualValues(t, 64, unsafe.Offsetof(v4l2Buffer{}.offset))
		assert.EqualValues(t, 8, unsafe.Offsetof(v4l2Format{}.v4l2Pixels))
	}
}
