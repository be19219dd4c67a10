package source

import (
	"context"
	"fmt"
	"log/slog"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// RPiCamera is a camera module that rpicam-vid has found.
type RPiCamera struct {
	Number int
	Model  string // of the sensor: imx708
	Path   string // in the device tree, which says the connector
	Modes  []RPiMode
}

// RPiMode is a way to read a sensor.
type RPiMode struct {
	Format        string // SRGGB10_CSI2P: colour order, bits, packing
	Width, Height int    // pixels
	FPS           float64
}

// RPiCamPresent reports whether rpicam-vid is installed and finds a camera.
func RPiCamPresent(ctx context.Context, log *slog.Logger) bool {
	cameras, err := RPiCameras(ctx, log)
	return err == nil && len(cameras) > 0
}

// RPiCameras lists the camera modules that rpicam-vid finds within a few seconds. There are none where
// it is not installed.
func RPiCameras(ctx context.Context, log *slog.Logger) ([]RPiCamera, error) {
	if _, err := exec.LookPath(program()); err != nil {
		return nil, nil
	}
	patience := patience{first: 5 * time.Second, later: 5 * time.Second}
	out, err := brief(ctx, command{args: []string{program(), "--list-cameras"}, patience: patience, log: log})
	if err != nil {
		return nil, fmt.Errorf("list the Raspberry Pi's cameras: %w", err)
	}
	return parseRPiCameras(string(out)), nil
}

var (
	// 0 : imx708 [4608x2592 10-bit RGGB] (/base/soc/i2c0mux/i2c@1/imx708@1a)
	rpiCameraLine = regexp.MustCompile(`^(\d+) : (\S+)(?: \[.*\])?(?: \((.*)\))?\s*$`)
	//     Modes: 'SRGGB10_CSI2P' : 1536x864 [120.13 fps - (768, 432)/3072x1728 crop]
	rpiFormat = regexp.MustCompile(`^\s+(?:Modes: )?'(\S+)' :`)
	// 2304x1296 [56.03 fps - …; older releases have 2304x1296, without a rate
	rpiMode = regexp.MustCompile(`(?:^|\s)(\d+)x(\d+)\b(?: [\[(](\d+\.\d+) fps)?`)
)

// parseRPiCameras reads what rpicam-vid --list-cameras prints.
func parseRPiCameras(text string) (cameras []RPiCamera) {
	format := ""
	for line := range strings.Lines(text) {
		if m := rpiCameraLine.FindStringSubmatch(line); m != nil {
			number, err := strconv.Atoi(m[1])
			if err == nil {
				cameras, format = append(cameras, RPiCamera{Number: number, Model: m[2], Path: m[3]}), ""
			}
			continue
		}
		if m := rpiFormat.FindStringSubmatch(line); m != nil {
			format, line = m[1], line[len(m[0]):]
		}
		if len(cameras) > 0 && format != "" {
			last := &cameras[len(cameras)-1]
			last.Modes = append(last.Modes, parseRPiModes(format, line)...)
		}
	}
	return cameras
}

func parseRPiModes(format, line string) (modes []RPiMode) {
	for _, m := range rpiMode.FindAllStringSubmatch(line, -1) {
		width, err1 := strconv.Atoi(m[1])
		height, err2 := strconv.Atoi(m[2])
		fps, _ := strconv.ParseFloat(m[3], 64) // 0 where it is absent
		if err1 == nil && err2 == nil && width > 0 && height > 0 {
			modes = append(modes, RPiMode{Format: format, Width: width, Height: height, FPS: fps})
		}
	}
	return modes
}
