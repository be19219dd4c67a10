package source

import (
	"image"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"golang.org/x/sys/unix"
)

// fakeFormats is a driver that lists what the maps have.
type fakeFormats struct {
	formats   []fourCC
	sizes     map[fourCC][]v4l2SizeEnum
	intervals map[image.Point][]v4l2IntervalEnum
}

func (f fakeFormats) ioctl(request uintptr, arg unsafe.Pointer) error {
	switch request {
	case v4l2EnumFormats:
		e := (*v4l2FormatDesc)(arg)
		if int(e.index) < len(f.formats) {
			e.pixels = f.formats[e.index]
			return nil
		}
	case v4l2EnumSizes:
		e := (*v4l2SizeEnum)(arg)
		if list := f.sizes[e.pixels]; int(e.index) < len(list) {
			e.kind, e.values = list[e.index].kind, list[e.index].values
			return nil
		}
	case v4l2EnumIntervals:
		e := (*v4l2IntervalEnum)(arg)
		if list := f.intervals[image.Pt(int(e.width), int(e.height))]; int(e.index) < len(list) {
			e.kind, e.values = list[e.index].kind, list[e.index].values
			return nil
		}
	}
	return unix.EINVAL
}

func TestDeviceFormats(t *testing.T) {
	const stepwise, continuous = 3, 2
	single := func(x, y uint32) v4l2SizeEnum {
		return v4l2SizeEnum{kind: v4l2Discrete, values: [6]uint32{x, y, 77, 77, 77, 77}}
	}
	interval := func(numerator, denominator uint32) v4l2IntervalEnum {
		return v4l2IntervalEnum{kind: v4l2Discrete, values: [3]v4l2Interval{{numerator, denominator}, {77, 1}}}
	}
	bigEndian := newFourCC("Y16 ") | 1<<31
	camera := fakeFormats{
		formats: []fourCC{pixelsYUYV, pixelsMJPEG, pixelsH264, bigEndian, fourCC(7)},
		sizes: map[fourCC][]v4l2SizeEnum{
			pixelsYUYV:  {single(640, 480), single(1280, 720)},
			pixelsMJPEG: {{kind: stepwise, values: [6]uint32{160, 2592, 16, 120, 1944, 8}}, single(1, 1)},
			pixelsH264:  {{kind: continuous, values: [6]uint32{32, 1920, 1, 32, 1080, 1}}},
		},
		intervals: map[image.Point][]v4l2IntervalEnum{
			image.Pt(640, 480):  {interval(1, 15), interval(1001, 30000)},
			image.Pt(1280, 720): {{kind: continuous, values: [3]v4l2Interval{{1, 90}, {1, 1}}}, interval(1, 1)},
		},
	}
	var lines []string
	var usable []bool
	for _, f := range deviceFormats(camera.ioctl, image.Pt(1280, 720)) {
		lines, usable = append(lines, f.String()), append(usable, f.Usable)
	}
	assert.Equal(t, []string{
		"YUYV  1280x720 at 1 to 90; 640x480 at 29.97, 15 pictures/s",
		"MJPG  160x120 to 2592x1944 at 1 to 90 pictures/s",
		"H264  32x32 to 1920x1080 at 1 to 90 pictures/s",
		"Y16-BE  sizes unknown  (cannot be used)",
		"????  sizes unknown  (cannot be used)",
	}, lines)
	assert.Equal(t, []bool{true, true, true, false, false}, usable)
	near := deviceFormats(camera.ioctl, image.Pt(2000, 2000))[1]
	assert.Equal(t, "MJPG  160x120 to 2592x1944 at unknown pictures/s", near.String(), "the rates are those near the wanted size")
}

func TestDriverWithoutEndIsLeft(t *testing.T) {
	endless := func(uintptr, unsafe.Pointer) error { return nil }
	assert.Len(t, deviceRates(func(_ uintptr, arg unsafe.Pointer) error {
		(*v4l2IntervalEnum)(arg).kind = v4l2Discrete
		return nil
	}, pixelsYUYV, image.Pt(640, 480)), maxEntries)
	assert.Equal(t, []DeviceRate{{}}, deviceRates(endless, pixelsYUYV, image.Pt(640, 480)), "no interval, no rate")
}
