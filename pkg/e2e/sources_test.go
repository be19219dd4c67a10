package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

const rtspPassword = "not-to-be-seen"

// networkCamera is an RTSP camera behind an address that stays while the camera is stopped and started.
type networkCamera struct {
	t      *testing.T
	args   []string
	target atomic.Pointer[string] // where the camera is now
	cmd    *exec.Cmd
	stdin  io.Closer
	url    string
}

// startNetworkCamera starts Debian's GStreamer RTSP server.
func startNetworkCamera(t *testing.T, args ...string) *networkCamera {
	t.Helper()
	c := &networkCamera{t: t, args: args}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c.url = "rtsp://" + listener.Addr().String() + "/cam"
	var relays sync.WaitGroup
	relays.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			relays.Go(func() { c.relay(conn) })
		}
	})
	c.start()
	t.Cleanup(func() {
		c.stop()
		_ = listener.Close()
		relays.Wait()
	})
	return c
}

func (c *networkCamera) relay(client net.Conn) {
	defer func() { _ = client.Close() }()
	camera, err := net.Dial("tcp", *c.target.Load())
	if err != nil {
		return
	}
	defer func() { _ = camera.Close() }()
	done := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{client, camera}, {camera, client}} {
		go func() { _, _ = io.Copy(way[0], way[1]); done <- struct{}{} }()
	}
	<-done
}

func (c *networkCamera) start() {
	c.t.Helper()
	script := filepath.Join(root, "camerad", "media", "source", "testdata", "rtspserver.py")
	c.cmd = exec.Command("/usr/bin/python3", append([]string{script}, c.args...)...)
	c.cmd.Stderr = os.Stderr
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdin, err := c.cmd.StdinPipe()
	require.NoError(c.t, err)
	stdout, err := c.cmd.StdoutPipe()
	require.NoError(c.t, err)
	require.NoError(c.t, c.cmd.Start())
	_, err = io.WriteString(stdin, "admin\n"+rtspPassword+"\n")
	require.NoError(c.t, err)
	c.stdin = stdin
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(c.t, err, "the RTSP server did not start; see .ci/deps test")
	address := "127.0.0.1:" + strings.TrimSpace(strings.TrimPrefix(line, "port"))
	c.target.Store(&address)
}

func (c *networkCamera) stop() {
	_ = c.stdin.Close()
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// showsFrames waits until the page has shown n more frames, and logs their rate.
func (p *page) showsFrames(t *testing.T, n int) {
	t.Helper()
	const frames = `document.querySelector('video').getVideoPlaybackQuality().totalVideoFrames`
	p.await(isLive + ` && ` + isPlaying)
	first, began := eval[int](p, frames), time.Now()
	p.await(frames + ` >= ` + itoa(first+n))
	t.Logf("%.1f frames per second", float64(eval[int](p, frames)-first)/time.Since(began).Seconds())
}

// rpicamScript stands for rpicam-vid; how the real one is called is tested where that is done.
const rpicamScript = `#!/bin/sh
case " $* " in
*" --list-cameras "*)
	printf 'Available cameras\n-----------------\n0 : imx708 [4608x2592 10-bit RGGB] (/base/soc/i2c0mux/i2c@1/imx708@1a)\n'
	printf "    Modes: 'SRGGB10_CSI2P' : 1536x864 [120.13 fps - (768, 432)/3072x1728 crop]\n" ;;
*" --version "*) echo 'rpicam-apps build: v1.5.3 9327e3ec6b85 16-11-2024' ;;
*) exec ffmpeg -v error -re -f lavfi -i testsrc2=size=640x360:rate=30 -c:v libx264 -preset ultrafast -tune zerolatency \
	-profile:v baseline -pix_fmt yuv420p -g 30 -bf 0 -flush_packets 1 -f h264 - ;;
esac
`

// makeClip makes a video file with sound.
func makeClip(t *testing.T, codec string) string {
	t.Helper()
	clip := filepath.Join(t.TempDir(), "clip.mp4")
	output, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30",
		"-f", "lavfi", "-i", "sine=frequency=700", "-t", "4", "-c:v", codec, "-preset", "ultrafast",
		"-pix_fmt", "yuv420p", "-g", "30", "-bf", "0", "-c:a", "aac", clip).CombinedOutput()
	require.NoError(t, err, "%s", output)
	return clip
}

// Every source that this machine can have is watched in Chromium. When what gives the pictures dies, the
// camera's status says so, and the picture comes back by itself.
func TestSources(t *testing.T) {
	binaries := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(binaries, "rpicam-vid"), []byte(rpicamScript), 0o755))
	t.Setenv("PATH", binaries+":"+os.Getenv("PATH"))
	login := filepath.Join(t.TempDir(), "login")
	require.NoError(t, os.WriteFile(login, []byte("admin:"+rtspPassword+"\n"), 0o600))
	pattern := filepath.Join(t.TempDir(), "pattern.yml")
	require.NoError(t, os.WriteFile(pattern, []byte("source: testpattern\n"), 0o600))
	network := startNetworkCamera(t, "--auth", "digest", "--sound", "alaw")
	for name, c := range map[string]struct{ source, lines string }{
		"exec":   {"exec:" + cameradBinary + " selftest --config " + pattern + " --duration 1h --out /dev/stdout", ""},
		"file":   {"file:" + makeClip(t, "libx264"), ""},
		"rpicam": {"rpicam", ""},
		"rtsp":   {network.url, "rtsp_login_file: " + login + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			_, cam, person := newHouseholdWith(t, c.source, videoConfig+c.lines)
			p := newPage(t)
			p.openAs(person, "/cameras/"+cam.id)
			p.showsFrames(t, 60)
			require.NotContains(t, cam.process.text(), rtspPassword)

			watcher := person.dial("")
			if name == "rtsp" {
				network.stop()
				watcher.awaitState(cam.id, "no_picture")
				p.await(`document.body.innerText.includes('no picture') || document.body.innerText.includes('lost its picture')`)
				p.screenshot("lost")
				network.start()
			} else {
				killChildren(t, cam.process.cmd.Process.Pid)
				watcher.awaitState(cam.id, "no_picture")
			}
			watcher.awaitState(cam.id, "online")
			p.showsFrames(t, 30)
		})
	}
}

// killChildren kills what a program has started.
func killChildren(t *testing.T, pid int) {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	require.NoError(t, err)
	killed := 0
	for _, file := range files {
		list, _ := os.ReadFile(file) // the thread may have ended
		for _, child := range strings.Fields(string(list)) {
			var n int
			_, err := fmt.Sscan(child, &n)
			require.NoError(t, err)
			require.NoError(t, syscall.Kill(n, syscall.SIGKILL))
			killed++
		}
	}
	require.NotZero(t, killed, "the source is a program")
}

// vp8Only makes a browser of one that refuses H264.
const vp8Only = `(() => {
	const all = RTCRtpReceiver.getCapabilities.bind(RTCRtpReceiver);
	RTCRtpReceiver.getCapabilities = (kind) => {
		const capabilities = all(kind);
		if (kind === 'video') capabilities.codecs = capabilities.codecs.filter(({ mimeType }) => /VP8|rtx/.test(mimeType));
		return capabilities;
	};
})()`

// A browser without H264 gets VP8 from a camera that encodes, and clear words from one that does not.
func TestBrowserWithoutH264(t *testing.T) {
	for name, source := range map[string]string{"encoded": "testpattern", "passed on": "file:" + makeClip(t, "libx264")} {
		t.Run(name, func(t *testing.T) {
			_, c, person := newHouseholdWith(t, source, videoConfig)
			p := newPage(t)
			_, err := chromedp.Call(p.ctx, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: vp8Only})
			require.NoError(t, err)
			p.openAs(person, "/cameras/"+c.id)
			if name == "passed on" {
				p.await(`document.body.innerText.includes('This camera sends H264 video')`)
				return
			}
			p.showsFrames(t, 60)
		})
	}
}
