package source

import (
	"fmt"
	"image"
	"math"
	"slices"
	"strings"
)

// CameraFormat says which of a V4L2 camera's formats to use.
type CameraFormat string

// The formats of a V4L2 camera that can be asked for.
const (
	// FormatAuto takes what is nearest to the wanted size and rate, and of several formats the one that
	// costs least: H264 that the camera has encoded, then raw pictures, then MJPEG, then grey.
	// H264 is taken only at exactly the wanted size and at least the wanted rate, and only if the
	// camera can be told its bitrate and the time between key frames. Many USB cameras cannot through
	// V4L2: viewers would wait 10 s for a picture, and a slow link could not be served. From such a
	// camera H264 is taken if it gives nothing else.
	FormatAuto CameraFormat = "auto"
	// FormatRaw takes raw pictures only.
	FormatRaw CameraFormat = "raw"
	// FormatMJPEG takes MJPEG only.
	FormatMJPEG CameraFormat = "mjpeg"
	// FormatH264 passes the camera's H264 on, whatever it is like.
	FormatH264 CameraFormat = "h264"
)

// decodeCost is what turning a format into I420 costs, roughly, relative to copying. Formats that are
// absent cannot be used. Grey costs the colours.
var decodeCost = map[fourCC]float64{
	pixelsH264: -1,
	pixelsI420: 0, pixelsYV12: 0, pixelsNV12: 1, pixelsNV21: 1,
	pixelsYUYV: 2, pixelsUYVY: 2, pixelsYVYU: 2,
	pixelsMJPEG: 8, pixelsJPEG: 8,
	pixelsGrey: 30,
}

// allows reports whether a format that can be used is asked for.
func (f CameraFormat) allows(pixels fourCC) bool {
	mjpeg, h264 := pixels == pixelsMJPEG || pixels == pixelsJPEG, pixels == pixelsH264
	switch f {
	case FormatRaw:
		return !mjpeg && !h264
	case FormatMJPEG:
		return mjpeg
	case FormatH264:
		return h264
	default:
		return true
	}
}

// cameraMode is what a camera is asked for.
type cameraMode struct {
	pixels fourCC
	size   image.Point
	fps    float64 // 0 is unknown
}

// cameraModes lists the modes near to what is wanted, one for each format, size and rate. A driver
// that does not say which sizes it has takes the nearest when it is asked.
func cameraModes(formats []DeviceFormat, want Video) []cameraMode {
	var modes []cameraMode
	wanted := image.Pt(want.Width, want.Height)
	for _, format := range formats {
		if len(format.Sizes) == 0 {
			modes = append(modes, cameraMode{pixels: format.pixels, size: wanted})
		}
		for _, size := range format.Sizes {
			mode := cameraMode{pixels: format.pixels, size: size.nearest(wanted)}
			if len(size.Rates) == 0 {
				modes = append(modes, mode)
			}
			for _, rate := range size.Rates {
				mode.fps = min(max(float64(want.FPS), rate.Min), rate.Max)
				modes = append(modes, mode)
			}
		}
	}
	return modes
}

// lastResort is a cost above that of any other mode.
const lastResort = 1e9

// chooseMode picks the mode nearest to what is wanted: size first, then rate, then a format that costs
// little. steerable says that the camera's H264 can be steered (see [FormatAuto]).
func chooseMode(modes []cameraMode, want Video, format CameraFormat, steerable bool) (cameraMode, bool) {
	best, bestCost := cameraMode{}, math.Inf(1)
	for _, mode := range modes {
		if !mode.usable() || !format.allows(mode.pixels) {
			continue
		}
		cost := mode.distance(want) + decodeCost[mode.pixels]
		if mode.pixels == pixelsH264 && !(steerable && mode.fits(want)) {
			cost += lastResort
		}
		if cost < bestCost {
			best, bestCost = mode, cost
		}
	}
	return best, !math.IsInf(bestCost, 1)
}

// usable reports whether the mode can be decoded and encoded. Odd sizes cannot.
func (m cameraMode) usable() bool {
	_, ok := decodeCost[m.pixels]
	return ok && m.size.X > 0 && m.size.Y > 0 && m.size.X%2 == 0 && m.size.Y%2 == 0
}

// fits reports whether the mode has the wanted size, and at least the wanted rate but for what 29.97
// lacks to 30.
func (m cameraMode) fits(want Video) bool {
	return m.size == image.Pt(want.Width, want.Height) && m.fps >= 0.98*float64(want.FPS)
}

// distance is how far the mode is from what is wanted. A size that is 10 % wrong counts as much as a
// rate that is 20 % too low.
func (m cameraMode) distance(want Video) float64 {
	width, height := float64(m.size.X)/float64(want.Width), float64(m.size.Y)/float64(want.Height)
	distance := 100 * (math.Abs(width*height-1) + math.Abs(width/height-1))
	if m.fps > 0 {
		rate := m.fps / float64(want.FPS)
		distance += 50*max(0, 1-rate) + 5*max(0, rate-1)
	}
	return distance
}

// noMode says why no mode was chosen.
func noMode(name string, formats []DeviceFormat, format CameraFormat) error {
	var offered []string
	usable := false
	for _, f := range formats {
		offered = append(offered, f.FourCC)
		usable = usable || f.Usable
	}
	slices.Sort(offered)
	list := strings.Join(slices.Compact(offered), ", ")
	switch {
	case list == "":
		return fmt.Errorf("camera %s offers no format; unplug it and plug it in again", name)
	case !usable:
		return fmt.Errorf("camera %s offers only %s, none of which can be used; "+
			"a Raspberry Pi's own camera needs source rpicam", name, list)
	default:
		return fmt.Errorf("camera %s gives no %s pictures of an even size; it offers %s; set format to auto", name, format, list)
	}
}
