package source

import (
	"image"
	"testing"

	"github.com/stretchr/testify/assert"
)

var hdVideo = Video{Width: 1280, Height: 720, FPS: 30}

func modeOf(width, height int, fps float64, pixels fourCC) cameraMode {
	return cameraMode{pixels: pixels, size: image.Pt(width, height), fps: fps}
}

func TestChooseMode(t *testing.T) {
	const none = -1
	z16 := newFourCC("Z16 ")
	for name, c := range map[string]struct {
		format    CameraFormat
		steerable bool
		modes     []cameraMode
		want      int // index
	}{
		"none":                          {FormatAuto, false, nil, none},
		"only what cannot be decoded":   {FormatAuto, false, []cameraMode{modeOf(1280, 720, 30, z16)}, none},
		"exact size before nearest":     {FormatAuto, false, []cameraMode{modeOf(1920, 1080, 30, pixelsI420), modeOf(1280, 720, 30, pixelsMJPEG)}, 1},
		"full rate before cheap format": {FormatAuto, false, []cameraMode{modeOf(1280, 720, 10, pixelsYUYV), modeOf(1280, 720, 30, pixelsMJPEG)}, 1},
		"cheap format at equal rate":    {FormatAuto, false, []cameraMode{modeOf(1280, 720, 30, pixelsMJPEG), modeOf(1280, 720, 30, pixelsYUYV)}, 1},
		"wanted rate before higher":     {FormatAuto, false, []cameraMode{modeOf(1280, 720, 60, pixelsYUYV), modeOf(1280, 720, 30, pixelsYUYV)}, 1},
		"colours before grey":           {FormatAuto, false, []cameraMode{modeOf(1280, 720, 30, pixelsGrey), modeOf(1280, 720, 30, pixelsMJPEG)}, 1},
		"unknown rate is taken":         {FormatAuto, false, []cameraMode{modeOf(1280, 720, 0, pixelsNV12)}, 0},
		"odd sizes cannot be encoded":   {FormatAuto, false, []cameraMode{modeOf(1281, 721, 30, pixelsI420), modeOf(640, 480, 30, pixelsI420)}, 1},
		"empty is auto":                 {"", false, []cameraMode{modeOf(1280, 720, 30, pixelsYUYV)}, 0},
		"good H264":                     {FormatAuto, true, []cameraMode{modeOf(1280, 720, 30, pixelsI420), modeOf(1280, 720, 29.97, pixelsH264)}, 1},
		"H264 that cannot be steered":   {FormatAuto, false, []cameraMode{modeOf(640, 480, 10, pixelsMJPEG), modeOf(1280, 720, 30, pixelsH264)}, 0},
		"slow H264":                     {FormatAuto, true, []cameraMode{modeOf(1280, 720, 30, pixelsMJPEG), modeOf(1280, 720, 25, pixelsH264)}, 0},
		"H264 of another size":          {FormatAuto, true, []cameraMode{modeOf(1280, 720, 30, pixelsMJPEG), modeOf(1920, 1080, 30, pixelsH264)}, 0},
		"H264 of unknown rate":          {FormatAuto, true, []cameraMode{modeOf(1280, 720, 30, pixelsMJPEG), modeOf(1280, 720, 0, pixelsH264)}, 0},
		"nothing but H264":              {FormatAuto, false, []cameraMode{modeOf(640, 480, 15, pixelsH264), modeOf(1920, 1080, 30, pixelsH264)}, 0},
		"H264 is wanted":                {FormatH264, false, []cameraMode{modeOf(1280, 720, 30, pixelsYUYV), modeOf(1920, 1080, 15, pixelsH264)}, 1},
		"MJPEG is wanted":               {FormatMJPEG, true, []cameraMode{modeOf(1280, 720, 30, pixelsYUYV), modeOf(1280, 720, 30, pixelsH264), modeOf(640, 480, 15, pixelsJPEG)}, 2},
		"raw is wanted":                 {FormatRaw, true, []cameraMode{modeOf(1280, 720, 30, pixelsMJPEG), modeOf(1280, 720, 30, pixelsH264), modeOf(640, 480, 15, pixelsYUYV)}, 2},
		"raw is wanted and not offered": {FormatRaw, true, []cameraMode{modeOf(1280, 720, 30, pixelsMJPEG), modeOf(1280, 720, 30, pixelsH264)}, none},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := chooseMode(c.modes, hdVideo, c.format, c.steerable)
			if assert.Equal(t, c.want != none, ok) && ok {
				assert.Equal(t, c.modes[c.want], got)
			}
		})
	}
}

func TestCameraModes(t *testing.T) {
	one := func(x, y int, rates ...DeviceRate) DeviceSize {
		return DeviceSize{Min: image.Pt(x, y), Max: image.Pt(x, y), Step: image.Pt(1, 1), Rates: rates}
	}
	all := func(low, high, step image.Point, rates ...DeviceRate) DeviceSize {
		return DeviceSize{Min: low, Max: high, Step: step, Rates: rates}
	}
	for name, c := range map[string]struct {
		sizes []DeviceSize
		want  []cameraMode
	}{
		"sizes are unknown": {nil, []cameraMode{modeOf(1280, 720, 0, pixelsYUYV)}},
		"rates are unknown": {[]DeviceSize{one(640, 480)}, []cameraMode{modeOf(640, 480, 0, pixelsYUYV)}},
		"each size and rate": {
			[]DeviceSize{one(1280, 720, DeviceRate{10, 10}), one(640, 480, DeviceRate{30, 30}, DeviceRate{15, 15})},
			[]cameraMode{modeOf(1280, 720, 10, pixelsYUYV), modeOf(640, 480, 30, pixelsYUYV), modeOf(640, 480, 15, pixelsYUYV)},
		},
		"ranges": {
			[]DeviceSize{all(image.Pt(32, 32), image.Pt(2592, 1944), image.Pt(2, 2), DeviceRate{1, 90})},
			[]cameraMode{modeOf(1280, 720, 30, pixelsYUYV)},
		},
		"below a range": {
			[]DeviceSize{all(image.Pt(1600, 1200), image.Pt(2592, 1944), image.Pt(2, 2), DeviceRate{1, 12.5})},
			[]cameraMode{modeOf(1600, 1200, 12.5, pixelsYUYV)},
		},
		"above a range": {
			[]DeviceSize{all(image.Pt(16, 16), image.Pt(640, 480), image.Pt(16, 16), DeviceRate{60, 90})},
			[]cameraMode{modeOf(640, 480, 60, pixelsYUYV)},
		},
		"between the steps": {
			[]DeviceSize{all(image.Pt(0, 0), image.Pt(2048, 2048), image.Pt(256, 256), DeviceRate{30, 30})},
			[]cameraMode{modeOf(1280, 512, 30, pixelsYUYV)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, cameraModes([]DeviceFormat{{pixels: pixelsYUYV, Sizes: c.sizes}}, hdVideo))
		})
	}
}

func TestNoMode(t *testing.T) {
	bayer, mjpeg := DeviceFormat{FourCC: "BA81"}, DeviceFormat{FourCC: "MJPG", Usable: true}
	assert.EqualError(t, noMode("x", nil, FormatAuto), "camera x offers no format; unplug it and plug it in again")
	assert.EqualError(t, noMode("x", []DeviceFormat{bayer, bayer}, FormatAuto),
		"camera x offers only BA81, none of which can be used; a Raspberry Pi's own camera needs source rpicam")
	assert.EqualError(t, noMode("x", []DeviceFormat{mjpeg, bayer}, FormatRaw),
		"camera x gives no raw pictures of an even size; it offers BA81, MJPG; set format to auto")
}
