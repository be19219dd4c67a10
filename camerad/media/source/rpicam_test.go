package source

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fakePi is a Raspberry Pi: a root of a file system, and an rpicam-vid or libcamera-vid in PATH.
type fakePi struct{ root string }

// newFakePi makes one. The model is empty for a machine that is none.
func newFakePi(t *testing.T, program, model string) *fakePi {
	t.Helper()
	pi := &fakePi{root: t.TempDir()}
	pi.write(t, "proc/device-tree/model", model+"\x00")
	if !strings.Contains(model, " 5") {
		pi.write(t, "dev/video11", "")
	}
	script := fmt.Sprintf("#!/bin/sh\nGORACE=atexit_sleep_ms=0 %s=rpicam-vid FAKE_PI='%s' exec '%s' \"$@\"\n", asProgram, pi.root, os.Args[0])
	pi.write(t, "bin/"+program, script)
	ffmpeg, err := exec.LookPath("ffmpeg")
	require.NoError(t, err)
	require.NoError(t, os.Symlink(ffmpeg, filepath.Join(pi.root, "bin/ffmpeg")))
	t.Setenv("PATH", filepath.Join(pi.root, "bin"))
	return pi
}

func (pi *fakePi) write(t *testing.T, path, content string) {
	t.Helper()
	path = filepath.Join(pi.root, path)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o700)) //nolint:gosec // some are run
}

// runs are the arguments of each rpicam-vid so far.
func (pi *fakePi) runs(t *testing.T) (runs [][]string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(pi.root, "runs"))
	require.NoError(t, err)
	for line := range bytes.Lines(data) {
		var run []string
		require.NoError(t, json.Unmarshal(line, &run))
		runs = append(runs, run)
	}
	return runs
}

// rpicamOptions are all of rpicam-vid 1.5; those with a value are true.
var rpicamOptions = func() map[string]bool {
	options := map[string]bool{}
	for _, flag := range strings.Fields("help version list-cameras nopreview fullscreen qt-preview hflip vflip flush no-raw " +
		"inline listen keypress signal split libav-audio low-latency") {
		options[flag] = false
	}
	for _, option := range strings.Fields("camera verbose config info-text width height timeout output post-process-file preview " +
		"rotation roi shutter analoggain gain metering exposure ev awb awbgains wrap brightness contrast saturation sharpness framerate " +
		"denoise viewfinder-width viewfinder-height tuning-file lores-width lores-height mode viewfinder-mode buffer-count " +
		"viewfinder-buffer-count autofocus-mode autofocus-range autofocus-speed autofocus-window lens-position hdr metadata " +
		"metadata-format flicker-period bitrate profile level intra codec save-pts quality initial segment circular frames " +
		"libav-video-codec libav-video-codec-opts libav-format audio-codec audio-source audio-device audio-channels audio-bitrate " +
		"audio-samplerate av-sync") {
		options[option] = true
	}
	return options
}()

// fakeRPiCam behaves as rpicam-vid: it refuses what that does not know, says the same when there is
// no camera, and then becomes an ffmpeg that writes as it does. The files in $FAKE_PI say what is
// there: lite (no libav), nocamera, list.
func fakeRPiCam(args []string) {
	root := os.Getenv("FAKE_PI")
	has := func(file string) bool {
		_, err := os.Stat(filepath.Join(root, file))
		return err == nil
	}
	options, err := parseRPiOptions(args, has("lite"))
	if err == nil && has("nocamera") && !has("list") {
		if _, list := options["list-cameras"]; list {
			fmt.Println("No cameras available!")
			os.Exit(0)
		}
		err = fmt.Errorf("no cameras available")
	}
	if err == nil && !has("dev/video11") && options["libav-format"] == "" && options["list-cameras"] == "" {
		err = fmt.Errorf("libav: cannot allocate output context, try setting with --libav-format")
	}
	if err == nil {
		err = runRPiCam(root, args, options)
	}
	fmt.Fprintf(os.Stderr, "ERROR: *** %v ***\n", err)
	os.Exit(255)
}

func parseRPiOptions(args []string, lite bool) (map[string]string, error) {
	options := map[string]string{}
	for i := 0; i < len(args); i++ {
		name := strings.TrimPrefix(args[i], "--")
		value, known := rpicamOptions[name]
		switch {
		case name == args[i], !known, lite && (strings.HasPrefix(name, "libav") || name == "low-latency"):
			return nil, fmt.Errorf("unrecognised option '%s'", args[i])
		case value && i+1 == len(args):
			return nil, fmt.Errorf("the required argument for option '--%s' is missing", name)
		case value:
			i++
			options[name] = args[i]
		default:
			options[name] = "true"
		}
	}
	return options, nil
}

// runRPiCam lists cameras or becomes ffmpeg.
func runRPiCam(root string, args []string, options map[string]string) error {
	if options["list-cameras"] != "" {
		list, err := os.ReadFile(filepath.Join(root, "list"))
		if err != nil {
			return err
		}
		fmt.Print(string(list))
		os.Exit(0)
	}
	log, err := os.OpenFile(filepath.Join(root, "runs"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(log).Encode(args); err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "[0:11:22.334455667] [1234]  INFO Camera camera_manager.cpp:297 libcamera v0.3.0")
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		return err
	}
	picture := fmt.Sprintf("testsrc=size=%sx%s:rate=%s", options["width"], options["height"], options["framerate"])
	encoder := []string{"ffmpeg", "-v", "error", "-re", "-f", "lavfi", "-i", picture, "-pix_fmt", "yuv420p", "-c:v", "libx264",
		"-preset", "ultrafast", "-profile:v", options["profile"], "-b:v", options["bitrate"], "-g", options["intra"]}
	if options["low-latency"] != "" {
		encoder = append(encoder, "-tune", "zerolatency", "-slices", "4")
	}
	return syscall.Exec(path, append(encoder, "-f", "h264", "pipe:1"), os.Environ())
}

func TestRPiCam(t *testing.T) {
	base := []string{"--nopreview", "--timeout", "0", "--camera", "1", "--width", "320", "--height", "180", "--framerate", "30",
		"--bitrate", "500000", "--codec", "h264", "--profile", "baseline", "--intra", "15", "--inline", "--flush", "--output", "-"}
	settings := []string{"--brightness", "0.00", "--contrast", "1.00", "--rotation", "0"}
	for name, c := range map[string]struct {
		program, model string
		more           []string
	}{
		"Raspberry Pi 4":   {rpicamVid, "Raspberry Pi 4 Model B Rev 1.4", nil},
		"older system":     {libcameraVid, "Raspberry Pi Zero 2 W Rev 1.0", nil},
		"Raspberry Pi 5":   {rpicamVid, "Raspberry Pi 5 Model B Rev 1.0", []string{"--libav-format", "h264", "--low-latency"}},
		"Compute Module 5": {rpicamVid, "Raspberry Pi Compute Module 5 Rev 1.0", []string{"--libav-format", "h264", "--low-latency"}},
	} {
		t.Run(name, func(t *testing.T) {
			pi := newFakePi(t, c.program, c.model)
			s := openSource(t, RPiCam(1, pi.root, quiet()))
			assert.Equal(t, Format{H264, 320, 180, 30}, s.Format())
			assert.Equal(t, 2, readFrames(t, s, 30))
			assert.Equal(t, [][]string{slices.Concat(base, c.more, settings)}, pi.runs(t))
		})
	}
}

func TestRPiCamSettings(t *testing.T) {
	pi := newFakePi(t, rpicamVid, "Raspberry Pi 4 Model B Rev 1.4")
	source := RPiCam(0, pi.root, quiet())
	s := openSource(t, source)
	readFrames(t, s, 3)
	camera := s.(Adjustable)
	assert.ErrorContains(t, camera.Set("zoom", 1), `no control "zoom"; it has brightness, contrast and rotation`)
	assert.ErrorContains(t, camera.Set(brightness, 101), "101 is not from -100 to 100")
	assert.ErrorContains(t, camera.Set(rotation, 90), "steps of 180")
	require.NoError(t, camera.Set(contrast, 100), "as it is")
	readOn(t, s, 20)
	require.Len(t, pi.runs(t), 1, "nothing has changed")

	set := make(chan error)
	go func() { set <- camera.Set(brightness, -25) }()
	for len(pi.runs(t)) < 2 {
		_, err := s.Read()
		require.NoError(t, err, "the reader sees only a pause")
	}
	require.NoError(t, <-set)
	require.NoError(t, camera.Set(contrast, 150))
	require.NoError(t, camera.Set(rotation, 180))
	assert.Positive(t, readOn(t, s, 20))
	runs := pi.runs(t)
	assert.Equal(t, []string{"--brightness", "-0.25", "--contrast", "1.50", "--rotation", "180"}, runs[len(runs)-1][len(runs[0])-6:])
	assert.Equal(t, Control{Name: brightness, Min: -100, Max: 100, Step: 5, Value: -25}, camera.Controls()[0])
	require.NoError(t, s.Close())
	assert.Equal(t, 150, openSource(t, source).(Adjustable).Controls()[1].Value, "settings stay")
}

func TestRPiCamLostWhileSetting(t *testing.T) {
	pi := newFakePi(t, rpicamVid, "Raspberry Pi 4 Model B")
	s := openSource(t, RPiCam(0, pi.root, quiet()))
	readFrames(t, s, 3)
	pi.write(t, "nocamera", "")
	require.NoError(t, s.(Adjustable).Set(rotation, 180))
	var err error
	for err == nil {
		_, err = s.Read()
	}
	assert.ErrorContains(t, err, "ribbon cable")
}

func TestRPiCamErrors(t *testing.T) {
	for name, c := range map[string]struct {
		file, model string
		wants       []string
	}{
		"no camera": {"nocamera", "Raspberry Pi 4 Model B", []string{"ribbon cable", "rpicam-vid ended (exit status 255)", "no cameras available"}},
		"lite":      {"lite", "Raspberry Pi 5 Model B", []string{"apt install rpicam-apps:", "--libav-format"}},
	} {
		t.Run(name, func(t *testing.T) {
			pi := newFakePi(t, rpicamVid, c.model)
			pi.write(t, c.file, "")
			_, err := RPiCam(0, pi.root, quiet()).Open(t.Context(), wantVideo())
			for _, want := range c.wants {
				assert.ErrorContains(t, err, want)
			}
		})
	}
	t.Run("not installed", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		_, err := RPiCam(0, "/", quiet()).Open(t.Context(), wantVideo())
		assert.ErrorContains(t, err, "apt install rpicam-apps")
		assert.False(t, RPiCamPresent(t.Context(), quiet()))
	})
}

func TestRPiCamKilledAndReopened(t *testing.T) {
	pi := newFakePi(t, rpicamVid, "Raspberry Pi 4 Model B")
	source := RPiCam(0, pi.root, quiet())
	for range 2 {
		s, err := source.Open(t.Context(), wantVideo())
		require.NoError(t, err)
		readFrames(t, s, 5)
		pid := s.(*rpiStream).current.Load().child.cmd.Process.Pid
		require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		for err == nil {
			_, err = s.Read()
		}
		assert.ErrorContains(t, err, "rpicam-vid ended (signal: killed)")
		require.NoError(t, s.Close())
	}
}

func TestRPiCamPresent(t *testing.T) {
	pi := newFakePi(t, rpicamVid, "Raspberry Pi 4 Model B")
	pi.write(t, "nocamera", "")
	assert.False(t, RPiCamPresent(t.Context(), quiet()))
	pi.write(t, "list", rpicamLists[0].text)
	assert.True(t, RPiCamPresent(t.Context(), quiet()))
	cameras, err := RPiCameras(t.Context(), quiet())
	require.NoError(t, err)
	assert.Equal(t, rpicamLists[0].want, cameras)
	pi.write(t, "bin/"+rpicamVid, "#!/bin/sh\necho cannot >&2; exit 1\n")
	_, err = RPiCameras(t.Context(), quiet())
	assert.ErrorContains(t, err, "cannot")
}
