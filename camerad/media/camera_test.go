package media

import (
	"testing"

	pixels "github.com/pion/mediadevices/pkg/frame"
	"github.com/pion/mediadevices/pkg/prop"
	"github.com/stretchr/testify/assert"
)

func mode(width, height int, fps float32, format pixels.Format) prop.Media {
	return prop.Media{Video: prop.Video{Width: width, Height: height, FrameRate: fps, FrameFormat: format}}
}

func TestChooseMode(t *testing.T) {
	want := VideoConfig{Width: 1280, Height: 720, FPS: 30}
	for name, c := range map[string]struct {
		modes []prop.Media
		want  int // index; -1 is none
	}{
		"none":                          {nil, -1},
		"only what cannot be decoded":   {[]prop.Media{mode(1280, 720, 30, pixels.FormatZ16)}, -1},
		"exact size before nearest":     {[]prop.Media{mode(1920, 1080, 30, pixels.FormatI420), mode(1280, 720, 30, pixels.FormatMJPEG)}, 1},
		"full rate before cheap format": {[]prop.Media{mode(1280, 720, 10, pixels.FormatYUYV), mode(1280, 720, 30, pixels.FormatMJPEG)}, 1},
		"cheap format at equal rate":    {[]prop.Media{mode(1280, 720, 30, pixels.FormatMJPEG), mode(1280, 720, 30, pixels.FormatYUYV)}, 1},
		"wanted rate before higher":     {[]prop.Media{mode(1280, 720, 60, pixels.FormatYUYV), mode(1280, 720, 30, pixels.FormatYUYV)}, 1},
		"unknown rate is taken":         {[]prop.Media{mode(1280, 720, 0, pixels.FormatNV12)}, 0},
		"odd sizes cannot be encoded":   {[]prop.Media{mode(1281, 721, 30, pixels.FormatI420), mode(640, 480, 30, pixels.FormatI420)}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := chooseMode(c.modes, want)
			if assert.Equal(t, c.want >= 0, ok) && ok {
				assert.Equal(t, c.modes[c.want], got)
			}
		})
	}
}

func TestDeviceNames(t *testing.T) {
	d := Device{Label: "usb-Maker_Cam-index0;video0", Name: "Maker Cam;usb-1.2"}
	for name, want := range map[string]bool{
		"": true, "/dev/video0": true, "video0": true, "/dev/v4l/by-id/usb-Maker_Cam-index0": true,
		"Maker Cam": true, "video1": false, "/dev/video": false,
	} {
		assert.Equal(t, want, d.matches(name), name)
	}
}
