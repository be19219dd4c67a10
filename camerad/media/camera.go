package media

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/pion/mediadevices/pkg/driver"
	"github.com/pion/mediadevices/pkg/driver/availability"
	"github.com/pion/mediadevices/pkg/driver/camera"
	pixels "github.com/pion/mediadevices/pkg/frame"
	"github.com/pion/mediadevices/pkg/io/video"
	"github.com/pion/mediadevices/pkg/prop"
)

// ErrNoCamera means that no V4L2 camera was found, or not the configured one.
var ErrNoCamera = errors.New("no camera found")

// Device is a V4L2 camera that was found.
type Device struct {
	Label string // file name and link, as of /dev: "usb-…-index0;video0"
	Name  string // what the driver calls it
	Busy  bool   // another program has it

	driver driver.Driver
}

// Devices lists the V4L2 cameras present now, the preferred one first. Memory-to-memory devices,
// such as a Raspberry Pi's codecs, have no inputs and so are left out.
func Devices() []Device {
	camera.Initialize()
	var found []Device
	for _, d := range driver.GetManager().Query(driver.FilterVideoRecorder()) {
		ok, err := driver.IsAvailable(d)
		busy := errors.Is(err, availability.ErrBusy)
		if !ok && !busy {
			continue
		}
		info := d.Info()
		found = append(found, Device{Label: info.Label, Name: info.Name, Busy: busy, driver: d})
	}
	slices.SortFunc(found, func(a, b Device) int {
		pa, pb := a.driver.Info().Priority, b.driver.Info().Priority
		if pa != pb {
			return int(math.Copysign(1, float64(pb-pa)))
		}
		return strings.Compare(a.Label, b.Label)
	})
	return found
}

// matches reports whether the device is the one that a person calls name: a path or file name below
// /dev, or part of the driver's name. Every device is the unnamed one.
func (d Device) matches(name string) bool {
	file := name[strings.LastIndexByte(name, '/')+1:]
	return slices.Contains(strings.Split(d.Label, camera.LabelSeparator), file) ||
		strings.Contains(d.Name, name)
}

// Camera returns the source for a V4L2 camera; device is its path, file name or driver's name, empty
// for the first one found. The camera is looked for at each opening, so it may come and go.
func Camera(device string) Source {
	return Source{Name: "v4l2", open: func(_ context.Context, cfg VideoConfig) (frameReader, VideoConfig, error) {
		for _, d := range Devices() {
			if d.matches(device) {
				return openCamera(d, cfg)
			}
		}
		if device != "" {
			return nil, cfg, fmt.Errorf("%w: device %q; `camerad sources` lists what is there", ErrNoCamera, device)
		}
		return nil, cfg, fmt.Errorf("%w: connect one, or set source to testpattern", ErrNoCamera)
	}}
}

func openCamera(d Device, cfg VideoConfig) (frameReader, VideoConfig, error) {
	if err := d.driver.Open(); err != nil {
		return nil, cfg, fmt.Errorf("open camera %s: %w", d.Label, err)
	}
	mode, ok := chooseMode(d.driver.Properties(), cfg)
	if !ok {
		return nil, cfg, errors.Join(fmt.Errorf("camera %s has no raw or MJPEG format", d.Label), d.driver.Close())
	}
	recorder, ok := d.driver.(driver.VideoRecorder)
	if !ok {
		return nil, cfg, errors.Join(fmt.Errorf("camera %s gives no video", d.Label), d.driver.Close())
	}
	reader, err := recorder.VideoRecord(mode)
	if err != nil { // the driver closed itself
		return nil, cfg, fmt.Errorf("start camera %s: %w", d.Label, err)
	}
	cfg.Width, cfg.Height = mode.Width, mode.Height
	if mode.FrameRate >= 1 {
		cfg.FPS = int(math.Round(float64(mode.FrameRate)))
	}
	return &cameraReader{driver: d.driver, reader: reader}, cfg, nil
}

// cameraReader reads from mediadevices' driver. The driver gives up after 5 s without a picture, so
// Read ends without a context.
type cameraReader struct {
	driver driver.Driver
	reader video.Reader
}

// Read implements frameReader.
func (r *cameraReader) Read() (frame, error) {
	picture, _, err := r.reader.Read()
	if err != nil {
		return frame{}, fmt.Errorf("read camera: %w", err)
	}
	return frame{image: picture, at: time.Now()}, nil
}

// Close implements frameReader.
func (r *cameraReader) Close() error { return r.driver.Close() }

// decoding is what turning a format into I420 costs, roughly, relative to copying. Formats that are
// absent cannot be encoded.
var decoding = map[pixels.Format]int{
	pixels.FormatI420: 0, pixels.FormatNV12: 1, pixels.FormatNV21: 1,
	pixels.FormatYUYV: 2, pixels.FormatUYVY: 2, pixels.FormatMJPEG: 8,
}

// chooseMode picks the mode nearest to what is wanted: size first, then rate, then a format that
// costs little to decode.
func chooseMode(modes []prop.Media, want VideoConfig) (prop.Media, bool) {
	best, bestCost := prop.Media{}, math.Inf(1)
	for _, mode := range modes {
		cost, ok := decoding[mode.FrameFormat]
		if !ok || mode.Width%2 != 0 || mode.Height%2 != 0 || mode.Width == 0 || mode.Height == 0 {
			continue
		}
		size := math.Abs(float64(mode.Width*mode.Height)/float64(want.Width*want.Height) - 1)
		shape := math.Abs(float64(mode.Width*want.Height)/float64(mode.Height*want.Width) - 1)
		rate := 0.0
		if mode.FrameRate > 0 {
			rate = max(0, 1-float64(mode.FrameRate)/float64(want.FPS)) + max(0, float64(mode.FrameRate)/float64(want.FPS)-1)/10
		}
		if total := 100*(size+shape) + 50*rate + float64(cost); total < bestCost {
			best, bestCost = mode, total
		}
	}
	return best, !math.IsInf(bestCost, 1)
}
