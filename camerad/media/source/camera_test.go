package source

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestFindDevices(t *testing.T) {
	dev := t.TempDir()
	for _, dir := range []string{"v4l/by-id", "v4l/by-path"} {
		require.NoError(t, os.MkdirAll(filepath.Join(dev, dir), 0o700))
	}
	for _, file := range []string{"video10", "video2", "video0", "videofoo", "vbi0"} {
		require.NoError(t, os.WriteFile(filepath.Join(dev, file), nil, 0o600))
	}
	require.NoError(t, os.Symlink("../../video2", filepath.Join(dev, "v4l/by-id/usb-Maker_Cam-index0")))
	require.NoError(t, os.Symlink("../../video2", filepath.Join(dev, "v4l/by-path/pci-usb-0:1")))
	require.NoError(t, os.Symlink("../../video7", filepath.Join(dev, "v4l/by-path/gone")))
	assert.Equal(t, []Device{
		{Path: filepath.Join(dev, "video0"), Label: "video0"},
		{Path: filepath.Join(dev, "video2"), Label: "usb-Maker_Cam-index0;pci-usb-0:1;video2"},
		{Path: filepath.Join(dev, "video10"), Label: "video10"},
	}, findDevices(dev))
}

func TestDeviceNames(t *testing.T) {
	dev := t.TempDir()
	path := filepath.Join(dev, "video0")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	link := filepath.Join(dev, "doorcam")
	require.NoError(t, os.Symlink("video0", link))
	d := Device{Path: path, Label: "usb-Maker_Cam-index0;video0", Name: "Maker Cam;usb-1.2"}
	for name, want := range map[string]bool{
		path: true, "/dev/video0": true, "video0": true, "/dev/v4l/by-id/usb-Maker_Cam-index0": true,
		link: true, "Maker Cam": true, "usb-1.2": true, "video1": false, "/dev/video": false, "doorcam": false,
	} {
		assert.Equal(t, want, d.matches(name), name)
	}
	assert.False(t, Device{Label: "video0"}.matches("Maker"), "a device that may not be opened has no name")
}

func TestPick(t *testing.T) {
	locked := Device{Label: "video0", Problem: cameraError("/dev/video0", "open", unix.EACCES)}
	bayer := Device{Label: "video1", Name: "unicam", Formats: []DeviceFormat{{FourCC: "BA81"}}}
	good := Device{Label: "video2", Name: "Maker Cam", Formats: []DeviceFormat{{FourCC: "H265"}, {FourCC: "MJPG", Usable: true}}}
	for name, c := range map[string]struct {
		devices []Device
		device  string
		want    string
		err     error
	}{
		"the first that can be used":      {[]Device{locked, bayer, good}, "", "video2", nil},
		"the named one":                   {[]Device{bayer, good}, "unicam", "video1", nil},
		"the named one may not be opened": {[]Device{locked, good}, "video0", "video0", unix.EACCES},
		"one may not be opened":           {[]Device{locked}, "", "video0", unix.EACCES},
		"one that cannot be used":         {[]Device{bayer}, "", "video1", nil},
		"none":                            {nil, "", "", ErrNoCamera},
		"not the named one":               {[]Device{good}, "video7", "", ErrNoCamera},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := pickDevice(c.devices, c.device)
			assert.Equal(t, c.want, d.Label)
			assert.True(t, errors.Is(err, c.err), "%v", err)
		})
	}
}

func TestCameraThatIsNotThere(t *testing.T) {
	_, err := Camera("/dev/no such camera", FormatAuto).Open(t.Context(), Video{Width: 1280, Height: 720, FPS: 30})
	require.ErrorIs(t, err, ErrNoCamera)
	assert.ErrorContains(t, err, "`camerad sources` lists what is there")
}
