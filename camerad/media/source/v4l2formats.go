package source

import (
	"cmp"
	"fmt"
	"image"
	"math"
	"slices"
	"strconv"
	"strings"
	"unsafe"
)

// fourCC is V4L2's name of a pixel format: four letters, the first in the lowest byte.
type fourCC uint32

func newFourCC(name string) fourCC {
	return fourCC(name[0]) | fourCC(name[1])<<8 | fourCC(name[2])<<16 | fourCC(name[3])<<24
}

// String returns the letters, as V4L2's programs write them. The highest bit says big-endian.
func (f fourCC) String() string {
	const bigEndian = 1 << 31
	if f&bigEndian != 0 {
		return (f &^ bigEndian).String() + "-BE"
	}
	letters := []byte{byte(f), byte(f >> 8), byte(f >> 16), byte(f >> 24)}
	for i, letter := range letters {
		if letter < ' ' || letter > '~' {
			letters[i] = '?'
		}
	}
	return strings.TrimRight(string(letters), " ")
}

// The formats that can be used. kernel: Documentation/userspace-api/media/v4l/pixfmt.rst.
var (
	pixelsI420  = newFourCC("YU12")
	pixelsYV12  = newFourCC("YV12")
	pixelsNV12  = newFourCC("NV12")
	pixelsNV21  = newFourCC("NV21")
	pixelsYUYV  = newFourCC("YUYV")
	pixelsUYVY  = newFourCC("UYVY")
	pixelsYVYU  = newFourCC("YVYU")
	pixelsGrey  = newFourCC("GREY")
	pixelsMJPEG = newFourCC("MJPG")
	pixelsJPEG  = newFourCC("JPEG")
	pixelsH264  = newFourCC("H264")
)

// DeviceFormat is one of a camera's formats, with the sizes and rates that it gives in it.
type DeviceFormat struct {
	FourCC string       // V4L2's name: YUYV, MJPG, H264 …
	Usable bool         // it can be decoded or passed through
	Sizes  []DeviceSize // none if the driver does not say

	pixels fourCC
}

// DeviceSize is one size of pictures, or every size between two.
type DeviceSize struct {
	Min, Max image.Point // pixels; equal for a single size
	Step     image.Point // between the sizes of a range; at least 1
	Rates    []DeviceRate
}

// DeviceRate is one rate, or every rate between two, in pictures per second. Those of a range of sizes
// are the ones at the size nearest to what is wanted.
type DeviceRate struct {
	Min, Max float64
}

// String is one line of text: "YUYV  640x480 at 30, 15; 1280x720 at 10 pictures/s".
func (f DeviceFormat) String() string {
	sizes := make([]string, len(f.Sizes))
	for i, size := range f.Sizes {
		sizes[i] = size.String()
	}
	line := fmt.Sprintf("%-4s  sizes unknown", f.FourCC)
	if len(sizes) > 0 {
		line = fmt.Sprintf("%-4s  %s pictures/s", f.FourCC, strings.Join(sizes, "; "))
	}
	if !f.Usable {
		line += "  (cannot be used)"
	}
	return line
}

// String is "640x480 at 30, 15".
func (s DeviceSize) String() string {
	text := fmt.Sprintf("%dx%d", s.Max.X, s.Max.Y)
	if s.Min != s.Max {
		text = fmt.Sprintf("%dx%d to %s", s.Min.X, s.Min.Y, text)
	}
	if len(s.Rates) == 0 {
		return text + " at unknown"
	}
	rates := make([]string, len(s.Rates))
	for i, rate := range s.Rates {
		rates[i] = rate.String()
	}
	return text + " at " + strings.Join(rates, ", ")
}

// String is "30", "29.97" or "1 to 60".
func (r DeviceRate) String() string {
	text := strconv.FormatFloat(math.Round(r.Max*100)/100, 'f', -1, 64)
	if r.Min != r.Max {
		text = strconv.FormatFloat(math.Round(r.Min*100)/100, 'f', -1, 64) + " to " + text
	}
	return text
}

// nearest returns the size nearest to the wanted one.
func (s DeviceSize) nearest(want image.Point) image.Point {
	return image.Pt(
		nearestStep(want.X, s.Min.X, s.Max.X, s.Step.X),
		nearestStep(want.Y, s.Min.Y, s.Max.Y, s.Step.Y))
}

func nearestStep(want, low, high, step int) int {
	if want >= high {
		return high
	}
	return low + (max(want, low)-low)/step*step
}

// maxEntries ends the list of a driver that never does.
const maxEntries = 512

// deviceFormats asks for every format, and for the rates nearest to the size near.
func deviceFormats(ask ioctl, near image.Point) []DeviceFormat {
	var formats []DeviceFormat
	for i := range uint32(maxEntries) {
		desc := v4l2FormatDesc{index: i, kind: v4l2Capture}
		if ask(v4l2EnumFormats, unsafe.Pointer(&desc)) != nil {
			break
		}
		_, usable := decodeCost[desc.pixels]
		formats = append(formats, DeviceFormat{
			FourCC: desc.pixels.String(), Usable: usable, pixels: desc.pixels,
			Sizes: deviceSizes(ask, desc.pixels, near),
		})
	}
	return formats
}

// deviceSizes returns the sizes of a format, largest first; none if the driver keeps them to itself.
func deviceSizes(ask ioctl, pixels fourCC, near image.Point) []DeviceSize {
	var sizes []DeviceSize
	for i := range uint32(maxEntries) {
		entry := v4l2SizeEnum{index: i, pixels: pixels}
		if ask(v4l2EnumSizes, unsafe.Pointer(&entry)) != nil {
			break
		}
		v := entry.values
		if entry.kind == v4l2Discrete {
			v = [6]uint32{v[0], v[0], 1, v[1], v[1], 1}
		}
		sizes = append(sizes, DeviceSize{
			Min:  image.Pt(int(v[0]), int(v[3])),
			Max:  image.Pt(int(v[1]), int(v[4])),
			Step: image.Pt(max(1, int(v[2])), max(1, int(v[5]))),
		})
		if entry.kind != v4l2Discrete {
			break // a range is the only entry
		}
	}
	slices.SortStableFunc(sizes, func(a, b DeviceSize) int { return cmp.Compare(b.Max.X*b.Max.Y, a.Max.X*a.Max.Y) })
	for i := range sizes {
		sizes[i].Rates = deviceRates(ask, pixels, sizes[i].nearest(near))
	}
	return sizes
}

// deviceRates returns the rates of a format and size, highest first; none if the driver keeps them to
// itself.
func deviceRates(ask ioctl, pixels fourCC, size image.Point) []DeviceRate {
	var rates []DeviceRate
	for i := range uint32(maxEntries) {
		entry := v4l2IntervalEnum{index: i, pixels: pixels, width: uint32(size.X), height: uint32(size.Y)}
		if ask(v4l2EnumIntervals, unsafe.Pointer(&entry)) != nil {
			break
		}
		shortest, longest := entry.values[0], entry.values[1]
		if entry.kind == v4l2Discrete {
			longest = shortest
		}
		rates = append(rates, DeviceRate{Min: longest.rate(), Max: shortest.rate()})
		if entry.kind != v4l2Discrete {
			break
		}
	}
	slices.SortStableFunc(rates, func(a, b DeviceRate) int { return cmp.Compare(b.Max, a.Max) })
	return rates
}

// rate is 0 for what is no interval.
func (i v4l2Interval) rate() float64 {
	if i.numerator == 0 {
		return 0
	}
	return float64(i.denominator) / float64(i.numerator)
}
