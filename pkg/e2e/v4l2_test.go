//go:build v4l2

package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The virtual machine of .ci/test-v4l2 runs camerad. Its network is qemu's own: it reaches this
// machine's loopback at hostForMachine, and nothing of it can be reached but by answering. So the
// viewer's path to the camera is found as it is behind a router, by where its packets come from.
const (
	machineEnv     = "E2E_MACHINE"
	hostForMachine = "10.0.2.2"
	bootPatience   = 3 * time.Minute                                                       // it takes 10 s where nothing else runs
	machineVideo   = "video:\n  width: 320\n  height: 180\n  fps: 15\n  bitrate: 300000\n" // an emulated processor keeps up with it
)

const videoSize = `(({ videoWidth, videoHeight }) => videoWidth + 'x' + videoHeight)(document.querySelector('video'))`

// newMachineLab is a lab whose portal tells cameras the broker's address as the machine sees it.
func newMachineLab(t *testing.T) *lab {
	t.Helper()
	l := newLab(t)
	l.portal.stop()
	config, err := os.ReadFile(l.configFile())
	require.NoError(t, err)
	_, port, _ := strings.Cut(l.mqtt, ":")
	config = append(config, "mqtt_url: mqtt://"+hostForMachine+":"+port+"\n"...)
	require.NoError(t, os.WriteFile(l.configFile(), config, 0o600))
	l.startPortal()
	return l
}

// startMachine boots the machine for a task, with the camera's folder, and waits until the camera is
// connected.
func (l *lab) startMachine(c *camera, task string) {
	l.t.Helper()
	machine := os.Getenv(machineEnv)
	require.NotEmpty(l.t, machine, "%s is not set; run: make test-v4l2", machineEnv)
	config, err := os.ReadFile(c.config)
	require.NoError(l.t, err)
	config = regexp.MustCompile(`(portal_url: http://)[^:]+`).ReplaceAll(config, []byte("${1}"+hostForMachine))
	require.NoError(l.t, os.WriteFile(c.config, config, 0o600))
	c.process = start(l.t, "the virtual machine", machine, task, "-nic", "user,model=virtio-net-pci",
		"-virtfs", "local,path="+c.folder+",mount_tag=camera,security_model=none")
	c.process.awaitWithin(bootPatience, `The task begins`)
	c.process.await(`connected to the portal's broker`)
}

// A webcam that the kernel simulates, encoded by camerad, in Chromium; and the webcam's own controls.
func TestV4L2Webcam(t *testing.T) {
	l := newMachineLab(t)
	c := l.provisionWith("v4l2", machineVideo)
	l.startMachine(c, "webcam")
	p := newPage(t)
	p.openAs(l.signUp("owner", c), "/cameras/"+c.id)
	p.showsFrames(t, 100)
	require.Equal(t, "320x180", eval[string](p, videoSize))
	p.await(`document.querySelector('#player').dataset.path === 'direct'`)
	p.screenshot("webcam")

	p.await(`document.querySelector('#control-brightness')`)
	delays := eval[[]float64](p, brightnessDelays)
	slices.Sort(delays)
	t.Logf("from a move of the slider to the picture that shows it: median %.0f ms, %.0f to %.0f ms",
		delays[len(delays)/2], delays[0], delays[len(delays)-1])
}

// brightnessDelays moves the slider to and fro and returns how long it takes, in ms, until the video
// shows it.
const brightnessDelays = `(async () => {
	const video = document.querySelector('video'), slider = document.querySelector('#control-brightness');
	const canvas = new OffscreenCanvas(32, 18).getContext('2d', { willReadFrequently: true });
	const shown = () => new Promise((done) => video.requestVideoFrameCallback(() => {
		canvas.drawImage(video, 0, 0, 32, 18);
		const { data } = canvas.getImageData(0, 0, 32, 18);
		done(data.reduce((sum, value, i) => sum + (i % 4 === 1 ? value : 0), 0) / (32 * 18));
	}));
	const delays = [];
	for (let n = 0; n < 7; n++) {
		for (let pause = 0; pause < 5; pause++) await shown();
		const before = await shown();
		const began = performance.now();
		slider.value = n % 2 ? 128 : 200;
		slider.dispatchEvent(new Event('input'));
		while (Math.abs(await shown() - before) < 20);
		delays.push(performance.now() - began);
	}
	return delays;
})()`

// A camera that gives H264 of its own: it is passed on, and Chromium shows one picture after the other.
func TestV4L2H264(t *testing.T) {
	l := newMachineLab(t)
	c := l.provisionWith("v4l2:/dev/video20", videoConfig)
	recordTestpattern(t, filepath.Join(c.folder, "clip.h264"))
	l.startMachine(c, "h264")
	p := newPage(t)
	p.openAs(l.signUp("owner", c), "/cameras/"+c.id)
	p.await(`document.querySelector('video').getVideoPlaybackQuality().totalVideoFrames > 60`) // those since the last key frame came at once
	p.showsFrames(t, 90)
	p.awaitAdvance(10)
	require.Equal(t, "640x360", eval[string](p, videoSize))
	p.screenshot("h264")
}

// recordTestpattern makes a file of the test pattern's H264.
func recordTestpattern(t *testing.T, path string) {
	t.Helper()
	config := filepath.Join(t.TempDir(), "pattern.yml")
	require.NoError(t, os.WriteFile(config, []byte("source: testpattern\n"+videoConfig), 0o600))
	p := start(t, "selftest", cameradBinary, "selftest", "--config", config, "--duration", "4s", "--out", path)
	p.await("The source works")
}
