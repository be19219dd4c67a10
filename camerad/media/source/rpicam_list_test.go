package source

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// rpicamLists are what releases of rpicam-vid print.
var rpicamLists = []struct {
	name, text string
	want       []RPiCamera
}{
	{"two cameras", `Available cameras
-----------------
0 : imx708_wide [4608x2592 10-bit RGGB] (/base/axi/pcie@120000/rp1/i2c@88000/imx708@1a)
    Modes: 'SRGGB10_CSI2P' : 1536x864 [120.13 fps - (768, 432)/3072x1728 crop]
                             4608x2592 [14.35 fps - (0, 0)/4608x2592 crop]

1 : imx585 [3840x2160 16-bit RGGB] (/base/axi/pcie@120000/rp1/i2c@80000/imx585@1a)
    Modes: 'SRGGB12_CSI2P' : 1928x1090 [87.60 fps - (0, 0)/3840x2160 crop]
           'SRGGB16' : 1928x1090 [30.00 fps - (0, 0)/3840x2160 crop]

`, []RPiCamera{
		{0, "imx708_wide", "/base/axi/pcie@120000/rp1/i2c@88000/imx708@1a", []RPiMode{
			{"SRGGB10_CSI2P", 1536, 864, 120.13}, {"SRGGB10_CSI2P", 4608, 2592, 14.35},
		}},
		{1, "imx585", "/base/axi/pcie@120000/rp1/i2c@80000/imx585@1a", []RPiMode{
			{"SRGGB12_CSI2P", 1928, 1090, 87.60}, {"SRGGB16", 1928, 1090, 30},
		}},
	}},
	{"of 2022", `Available cameras
-----------------
0 : imx477 [4056x3040] (/base/soc/i2c0mux/i2c@1/imx477@1a)
    Modes: 'SRGGB10_CSI2P' : 1332x990 (120.00 fps)
           'SRGGB12_CSI2P' : 2028x1080 (50.00 fps), 2028x1520 (40.00 fps)
`, []RPiCamera{{0, "imx477", "/base/soc/i2c0mux/i2c@1/imx477@1a", []RPiMode{
		{"SRGGB10_CSI2P", 1332, 990, 120}, {"SRGGB12_CSI2P", 2028, 1080, 50}, {"SRGGB12_CSI2P", 2028, 1520, 40},
	}}}},
	{"of 2021", "0 : imx477 [4056x3040] (/base)\n    Modes: 'SRGGB10_CSI2P' : 1332x990 \n", []RPiCamera{
		{0, "imx477", "/base", []RPiMode{{"SRGGB10_CSI2P", 1332, 990, 0}}},
	}},
	{"none", "No cameras available!\n", nil},
	{"damaged", "99999999999999999999 : x\n    Modes: 'X' : 99999999999999999999x1 0x0\n0 : y\n  1x1\n", []RPiCamera{{0, "y", "", nil}}},
}

func TestParseRPiCameras(t *testing.T) {
	for _, c := range rpicamLists {
		assert.Equal(t, c.want, parseRPiCameras(c.text), c.name)
	}
}

func FuzzParseRPiCameras(f *testing.F) {
	for _, c := range rpicamLists {
		f.Add(c.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, camera := range parseRPiCameras(text) {
			assert.GreaterOrEqual(t, camera.Number, 0)
			assert.NotEmpty(t, camera.Model)
			for _, mode := range camera.Modes {
				assert.NotEmpty(t, mode.Format)
				assert.True(t, mode.Width > 0 && mode.Height > 0 && mode.FPS >= 0)
			}
		}
	})
}
