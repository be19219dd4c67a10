package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrNoCamera means that no V4L2 camera was found, or not the configured one.
var ErrNoCamera = errors.New("no camera found")

// Device is a V4L2 camera that was found.
type Device struct {
	// Label is its file names below /dev and /dev/v4l, the most lasting one first:
	// "usb-Maker_Cam-video-index0;pci-0000:00:14.0-usb-0:4:1.0-video-index0;video0".
	Label string
	Path  string // /dev/video0
	Name  string // what the driver calls it, and where it is: "Maker Cam;usb-0000:00:14.0-4"
	Busy  bool   // a program has it, perhaps this one
	// Formats are what it gives, in the order of the driver. Their rates, where a size is a range, are
	// those nearest to 1280x720.
	Formats []DeviceFormat
	// Problem is why no more than Path and Label is known of it, in words; nil if more is.
	Problem error
}

// labelSeparator stands between the parts of Label and Name.
const labelSeparator = ";"

// Devices lists the V4L2 cameras present now, in the order of their numbers, with what they give.
// Codecs, scalers and metadata are left out. A file that may not be opened is in the list with its
// Problem, as it might be a camera.
func Devices() []Device {
	var cameras []Device
	for _, d := range findDevices("/dev") {
		n, err := openNode(d.Path, d.Path)
		if err != nil {
			if d.blocked(err) {
				cameras = append(cameras, d)
			}
			continue
		}
		c, err := n.capability()
		if err == nil && isCamera(n.ioctl, c) {
			d.Name = cString(c.card[:]) + labelSeparator + cString(c.busInfo[:])
			d.Busy = n.isBusy()
			d.Formats = deviceFormats(n.ioctl, image.Pt(1280, 720))
			cameras = append(cameras, d)
		}
		_ = n.close() // nothing was written
	}
	return cameras
}

// blocked reports whether err, of opening the device, may hide a camera, and notes it.
func (d *Device) blocked(err error) bool {
	d.Problem, d.Busy = err, errors.Is(err, unix.EBUSY)
	return d.Busy || errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM)
}

// findDevices lists the video files below dev, and their other names, without opening them.
func findDevices(dev string) []Device {
	paths, _ := filepath.Glob(filepath.Join(dev, "video*")) // the pattern is a good one
	names := map[string][]string{}
	for _, pattern := range []string{"v4l/by-id/*", "v4l/by-path/*"} {
		links, _ := filepath.Glob(filepath.Join(dev, pattern))
		for _, link := range links {
			if path, err := filepath.EvalSymlinks(link); err == nil {
				names[filepath.Base(path)] = append(names[filepath.Base(path)], filepath.Base(link))
			}
		}
	}
	var found []Device
	for _, path := range paths {
		file := filepath.Base(path)
		if _, err := deviceNumber(file); err == nil {
			label := strings.Join(append(names[file], file), labelSeparator)
			found = append(found, Device{Path: path, Label: label})
		}
	}
	slices.SortFunc(found, func(a, b Device) int {
		first, _ := deviceNumber(filepath.Base(a.Path))
		second, _ := deviceNumber(filepath.Base(b.Path))
		return cmp.Compare(first, second)
	})
	return found
}

// deviceNumber is 12 for video12.
func deviceNumber(file string) (int, error) { return strconv.Atoi(strings.TrimPrefix(file, "video")) }

// Usable reports whether the camera gives something that can be decoded or passed through.
func (d Device) Usable() bool {
	return slices.ContainsFunc(d.Formats, func(f DeviceFormat) bool { return f.Usable })
}

// matches reports whether the device is the one that a person calls name: a path or file name below
// /dev, any link to it, or part of the driver's name.
func (d Device) matches(name string) bool {
	if path, err := filepath.EvalSymlinks(name); err == nil && path == d.Path {
		return true
	}
	return slices.Contains(strings.Split(d.Label, labelSeparator), filepath.Base(name)) ||
		d.Name != "" && strings.Contains(d.Name, name)
}

// Camera returns the source for a V4L2 camera; device is its path, file name or part of the driver's
// name, empty for the first one found that can be used. The camera is looked for at each opening, so
// it may come and go. What it gives is chosen by format; empty is [FormatAuto].
func Camera(device string, format CameraFormat) Source {
	return Source{Name: "v4l2", Open: func(ctx context.Context, want Video) (Stream, error) {
		d, err := pickDevice(Devices(), device)
		if err != nil {
			return nil, err
		}
		n, err := openNode(d.Path, d.Path)
		if err != nil {
			return nil, err
		}
		return openStream(ctx, n, want, format)
	}}
}

// pickDevice finds the device that a person calls name.
func pickDevice(devices []Device, name string) (Device, error) {
	if name != "" {
		if i := slices.IndexFunc(devices, func(d Device) bool { return d.matches(name) }); i >= 0 {
			return devices[i], devices[i].Problem
		}
		return Device{}, fmt.Errorf("%w: device %q; `camerad sources` lists what is there", ErrNoCamera, name)
	}
	if i := slices.IndexFunc(devices, Device.Usable); i >= 0 {
		return devices[i], nil
	}
	if len(devices) > 0 { // opening it says what is wrong with it
		return devices[0], devices[0].Problem
	}
	return Device{}, fmt.Errorf("%w: connect one, or set source to testpattern", ErrNoCamera)
}
