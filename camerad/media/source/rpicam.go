package source

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// The program has had two names.
const (
	rpicamVid    = "rpicam-vid"
	libcameraVid = "libcamera-vid"
)

// RPiCam returns the source for a Raspberry Pi's camera module, by rpicam-vid (rpicam-apps 1.5.4 or
// later on a Raspberry Pi 5). number is the camera's, as [RPiCameras] lists it; root is the root of
// the file system, "/" but in tests. What viewers set stays when the camera rests.
func RPiCam(number int, root string, log *slog.Logger) Source {
	c := &rpiCamera{number: number, root: root, log: log}
	c.settings.reset()
	return Source{Name: "rpicam", Open: c.open}
}

type rpiCamera struct {
	number   int
	root     string
	log      *slog.Logger
	settings rpiSettings
}

func (c *rpiCamera) open(ctx context.Context, want Video) (Stream, error) {
	return open(c.start(ctx, want))
}

func (c *rpiCamera) start(ctx context.Context, want Video) (*rpiStream, error) {
	s := &rpiStream{ctx: ctx, camera: c, want: want}
	return s, s.restart()
}

// program is the name of the one that is installed.
func program() string {
	if _, err := exec.LookPath(rpicamVid); err != nil {
		if _, err := exec.LookPath(libcameraVid); err == nil {
			return libcameraVid
		}
	}
	return rpicamVid
}

// command is made for each start, since the settings may have changed.
func (c *rpiCamera) command(want Video) command {
	keys := max(1, int(want.KeyFrameInterval*time.Duration(want.FPS)/time.Second))
	args := []string{
		program(), "--nopreview", "--timeout", "0", "--camera", strconv.Itoa(c.number),
		"--width", strconv.Itoa(want.Width), "--height", strconv.Itoa(want.Height),
		"--framerate", strconv.Itoa(want.FPS), "--bitrate", strconv.Itoa(want.Bitrate),
		"--codec", "h264", "--profile", "baseline", "--intra", strconv.Itoa(keys), "--inline", "--flush", "--output", "-",
	}
	if !hasEncoder(c.root) {
		args = append(args, "--libav-format", "h264", "--low-latency")
	}
	return command{args: append(args, c.settings.options()...), patience: usual(), log: c.log}
}

// hasEncoder reports whether the machine has the H264 encoder of a Raspberry Pi up to 4. On later
// ones rpicam-vid encodes with libav.
func hasEncoder(root string) bool {
	model, _ := os.ReadFile(filepath.Join(root, "proc/device-tree/model"))
	for _, later := range []string{"Raspberry Pi 5", "Raspberry Pi Compute Module 5", "Raspberry Pi 500"} {
		if strings.HasPrefix(string(model), later) {
			return false
		}
	}
	_, err := os.Stat(filepath.Join(root, "dev/video11")) // bcm2835-codec-encode
	return err == nil
}

// rpiAdvices are what a person should do when rpicam-vid says something.
var rpiAdvices = [][2]string{
	{"no cameras available", "no camera module is found: check its ribbon cable, and that another program does not use it"},
	{"unrecognised option '--libav-format", "apt install rpicam-apps: rpicam-apps-lite cannot encode on this Raspberry Pi"},
	{"unrecognised option '--low-latency", "update rpicam-apps: it must be 1.5.4 or later on this Raspberry Pi"},
	{"failed to acquire camera", "another program uses the camera: end it"},
}

// rpiStream is a stream of an rpicam-vid that is started anew when a setting changes.
type rpiStream struct {
	ctx    context.Context
	camera *rpiCamera
	want   Video
	// current is replaced by Read only. Others may interrupt it.
	current atomic.Pointer[coded]
	changed atomic.Bool // the settings, since current was started
}

// restart starts the first or another rpicam-vid.
func (s *rpiStream) restart() error {
	s.changed.Store(false)
	next, err := openCoded(s.ctx, s.camera.command(s.want), origin{
		noun:     "the camera",
		baseline: "update rpicam-apps",
		keys:     "update rpicam-apps",
	}, s.want)
	if err != nil {
		return advise(err, rpiAdvices)
	}
	next.format.FPS = s.want.FPS
	s.current.Store(next)
	return nil
}

// Format implements Stream.
func (s *rpiStream) Format() Format { return s.current.Load().Format() }

// Read implements Stream.
func (s *rpiStream) Read() (Frame, error) {
	frame, err := s.current.Load().Read()
	for s.changed.Load() && s.ctx.Err() == nil {
		if err := s.current.Load().Close(); err != nil {
			return Frame{}, err
		}
		if err := s.restart(); err != nil {
			return Frame{}, err
		}
		frame, err = s.current.Load().Read()
	}
	return frame, err
}

// Close implements Stream.
func (s *rpiStream) Close() error { return s.current.Load().Close() }

// Controls implements Adjustable.
func (s *rpiStream) Controls() []Control { return s.camera.settings.list() }

// Set implements Adjustable. The picture pauses while rpicam-vid starts anew.
func (s *rpiStream) Set(name string, value int) error {
	if changed, err := s.camera.settings.set(name, value); !changed {
		return err
	}
	s.changed.Store(true)
	s.current.Load().child.interrupt()
	return nil
}
