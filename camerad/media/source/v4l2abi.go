package source

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The structs below are those of the kernel's videodev2.h, each named there v4l2_ and what its comment
// says. Go lays them out as C does, for 32 and 64 bits; a test compares their sizes.

// v4l2Capability is v4l2_capability.
type v4l2Capability struct {
	driver       [16]byte
	card         [32]byte
	busInfo      [32]byte
	version      uint32
	capabilities uint32
	deviceCaps   uint32
	_            [3]uint32
}

// v4l2FormatDesc is v4l2_fmtdesc.
type v4l2FormatDesc struct {
	index       uint32
	kind        uint32
	flags       uint32
	description [32]byte
	pixels      fourCC
	_           [4]uint32
}

// v4l2SizeEnum is v4l2_frmsizeenum. Of a single size, only the first two values are given.
type v4l2SizeEnum struct {
	index  uint32
	pixels fourCC
	kind   uint32
	values [6]uint32 // min, max, step of the width, then of the height
	_      [2]uint32
}

// v4l2Interval is v4l2_fract: the time between two pictures in seconds.
type v4l2Interval struct{ numerator, denominator uint32 }

// v4l2IntervalEnum is v4l2_frmivalenum. Of a single interval, only the first value is given.
type v4l2IntervalEnum struct {
	index         uint32
	pixels        fourCC
	width, height uint32
	kind          uint32
	values        [3]v4l2Interval // min, max, step
	_             [2]uint32
}

// Kinds of v4l2SizeEnum and v4l2IntervalEnum; the others are ranges.
const v4l2Discrete = 1

// v4l2Pixels is v4l2_pix_format.
type v4l2Pixels struct {
	width, height uint32
	pixels        fourCC
	field         uint32
	bytesPerLine  uint32
	sizeImage     uint32
	colourSpace   uint32
	_             [3]uint32 // the kernel fills in what is after these, too
	quantization  uint32
	_             uint32
}

// v4l2Format is v4l2_format. C aligns its union for the pointers in it.
type v4l2Format struct {
	kind uint32
	_    [unsafe.Sizeof(uintptr(0)) - 4]byte
	v4l2Pixels
	_ [200 - unsafe.Sizeof(v4l2Pixels{})]byte
}

// v4l2StreamParm is v4l2_streamparm for capture.
type v4l2StreamParm struct {
	kind       uint32
	capability uint32
	mode       uint32
	interval   v4l2Interval
	_          [200 - 16]byte
}

// v4l2RequestBuffers is v4l2_requestbuffers.
type v4l2RequestBuffers struct {
	count  uint32
	kind   uint32
	memory uint32
	_      [2]uint32
}

// v4l2Buffer is v4l2_buffer.
type v4l2Buffer struct {
	index     uint32
	kind      uint32
	bytesUsed uint32
	flags     uint32
	field     uint32
	timestamp unix.Timeval
	_         [16]byte // timecode
	sequence  uint32
	memory    uint32
	offset    uintptr // a union in C: its first 4 bytes on little-endian machines
	length    uint32
	_         [2]uint32
}

// v4l2QueryControl is v4l2_queryctrl.
type v4l2QueryControl struct {
	id             uint32
	kind           uint32
	name           [32]byte
	min, max, step int32
	value          int32 // default
	flags          uint32
	_              [2]uint32
}

// v4l2Control is v4l2_control.
type v4l2Control struct {
	id    uint32
	value int32
}

// Values of those structs' fields.
const (
	v4l2CapCapture   = 0x0000_0001
	v4l2CapStreaming = 0x0400_0000
	v4l2CapM2M       = 0x0000_8000 // a codec or scaler: gives back what it is given
	v4l2CapMedia     = 0x2000_0000 // a sensor that is set up through other devices first
	v4l2CapDevice    = 0x8000_0000 // deviceCaps is valid

	v4l2Capture = 1 // kind: video capture
	v4l2Mmap    = 1 // memory

	v4l2FieldNone = 1 // whole pictures, not every other line

	v4l2ColourJPEG = 7 // colourSpace: full range, unless quantization says otherwise
	v4l2FullRange  = 1 // quantization; 0 leaves it to the colour space

	v4l2BufferError     = 0x0040 // flags: the picture is damaged
	v4l2BufferClock     = 0xe000 // flags: mask of the timestamp's clock
	v4l2BufferMonotonic = 0x2000
)

// Requests. The size of the struct is a part of each.
var (
	v4l2QueryCap      = v4l2Request(v4l2Read, 0, unsafe.Sizeof(v4l2Capability{}))
	v4l2EnumFormats   = v4l2Request(v4l2Both, 2, unsafe.Sizeof(v4l2FormatDesc{}))
	v4l2SetFormat     = v4l2Request(v4l2Both, 5, unsafe.Sizeof(v4l2Format{}))
	v4l2RequestBufs   = v4l2Request(v4l2Both, 8, unsafe.Sizeof(v4l2RequestBuffers{}))
	v4l2QueryBuffer   = v4l2Request(v4l2Both, 9, unsafe.Sizeof(v4l2Buffer{}))
	v4l2Queue         = v4l2Request(v4l2Both, 15, unsafe.Sizeof(v4l2Buffer{}))
	v4l2Dequeue       = v4l2Request(v4l2Both, 17, unsafe.Sizeof(v4l2Buffer{}))
	v4l2StreamOn      = v4l2Request(v4l2Write, 18, unsafe.Sizeof(int32(0)))
	v4l2StreamOff     = v4l2Request(v4l2Write, 19, unsafe.Sizeof(int32(0)))
	v4l2SetParm       = v4l2Request(v4l2Both, 22, unsafe.Sizeof(v4l2StreamParm{}))
	v4l2GetControl    = v4l2Request(v4l2Both, 27, unsafe.Sizeof(v4l2Control{}))
	v4l2SetControl    = v4l2Request(v4l2Both, 28, unsafe.Sizeof(v4l2Control{}))
	v4l2QueryCtrl     = v4l2Request(v4l2Both, 36, unsafe.Sizeof(v4l2QueryControl{}))
	v4l2GetInput      = v4l2Request(v4l2Read, 38, unsafe.Sizeof(int32(0)))
	v4l2EnumSizes     = v4l2Request(v4l2Both, 74, unsafe.Sizeof(v4l2SizeEnum{}))
	v4l2EnumIntervals = v4l2Request(v4l2Both, 75, unsafe.Sizeof(v4l2IntervalEnum{}))
)

// Directions of a request, as seen from here.
const (
	v4l2Write = 1
	v4l2Read  = 2
	v4l2Both  = v4l2Write | v4l2Read
)

// v4l2Request is the kernel's _IOC for V4L2 on x86, ARM and RISC-V.
func v4l2Request(direction, number, size uintptr) uintptr {
	return direction<<30 | size<<16 | 'V'<<8 | number
}
