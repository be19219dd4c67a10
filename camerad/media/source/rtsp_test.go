package source

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A user name and password with everything that some program might take for something else.
const (
	testUser     = "cam user@home"
	testPassword = `s3cr:t/%41 p@ss'"\#?&`
)

// netCamera is a running testdata/rtspserver.py.
type netCamera struct {
	address string
	cmd     *exec.Cmd
	out     *bufio.Reader
}

// newNetCamera starts one that ends with the test.
func newNetCamera(t testing.TB, options ...string) *netCamera {
	t.Helper()
	c := &netCamera{cmd: exec.Command("/usr/bin/python3", append([]string{"testdata/rtspserver.py"}, options...)...)}
	c.cmd.Stderr = os.Stderr
	stdin, err := c.cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := c.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.cmd.Start())
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill()
		_ = c.cmd.Wait()
	})
	_, err = fmt.Fprintf(stdin, "%s\n%s\n", testUser, testPassword)
	require.NoError(t, err)
	c.out = bufio.NewReader(stdout)
	line, err := c.out.ReadString('\n')
	require.NoError(t, err, "apt install gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-base gstreamer1.0-plugins-good")
	c.address = "rtsp://127.0.0.1:" + strings.TrimSpace(strings.TrimPrefix(line, "port ")) + "/cam"
	return c
}

func TestRTSP(t *testing.T) {
	for name, c := range map[string]struct {
		options        []string
		user, password string
		want           Codec
	}{
		"H264":                {nil, "", "", H264},
		"H264, sound, Basic":  {[]string{"--sound=alaw", "--auth", "basic"}, testUser, testPassword, H264},
		"H264, sound, Digest": {[]string{"--sound=alaw", "--auth", "digest"}, testUser, testPassword, H264},
		"H264, strange sound": {[]string{"--sound=sbc"}, "", "", H264},
		"H265, sound":         {[]string{"--codec", "h265", "--sound=alaw"}, testUser, testPassword, H265},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			camera := newNetCamera(t, c.options...)
			log, text := newLog()
			s := openSource(t, RTSP(camera.address, c.user, c.password, log)).(coupled)
			assert.Equal(t, Format{Codec: c.want, Width: 320, Height: 180}, s.Format())
			assertHidden(t, s.child.cmd.Process.Pid, text)
			assert.GreaterOrEqual(t, readFrames(t, s, 60), 5)
			samples := make([]int16, SoundRate/10)
			err := s.ReadSound(samples)
			if !slices.Contains(c.options, "--sound=alaw") { // none, or none that can be decoded
				assert.ErrorIs(t, err, ErrNoSound)
				return
			}
			require.NoError(t, err)
			assert.InDelta(t, 440, pitch(samples), 30)
		})
	}
}

// assertHidden looks for the password where other users and the log's readers could.
func assertHidden(t *testing.T, pid int, log fmt.Stringer) {
	t.Helper()
	for _, file := range []string{"cmdline", "environ"} {
		content, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
		require.NoError(t, err)
		require.NotEmpty(t, content)
		assertNoSecret(t, string(content))
	}
	assertNoSecret(t, log.String())
}

func assertNoSecret(t *testing.T, text string) {
	t.Helper()
	for _, secret := range []string{"s3cr", "user@home", "user%40home", "czNjc"} { // the last in base64
		assert.NotContains(t, text, secret)
	}
}

func TestRTSPErrors(t *testing.T) {
	t.Parallel()
	open := newNetCamera(t, "--codec", "jpeg")
	for name, c := range map[string]struct {
		address, user, password string
		want                    string
	}{
		"Basic":       {newNetCamera(t, "--auth", "basic").address, testUser, testPassword + "wrong", "check the credentials file"},
		"Digest":      {newNetCamera(t, "--auth", "digest").address, testUser, testPassword + "wrong", "check the credentials file"},
		"no password": {newNetCamera(t, "--auth", "digest").address, "", "", "check the credentials file"},
		"path":        {open.address + "era", testUser, testPassword, "look up its stream's address"},
		"port":        {"rtsp://127.0.0.1:9/cam", testUser, testPassword, "is RTSP switched on"},
		"codec":       {open.address, testUser, testPassword, "choose H264 in its settings"},
		"in address":  {"rtsp://me:s3cret@127.0.0.1/cam", "", "", "use the key for the credentials file"},
		"colon":       {open.address, "a:b", testPassword, "has a colon"},
		"long":        {open.address, testUser, strings.Repeat(testPassword, 5), "longer than 127 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log, text := newLog()
			_, err := RTSP(c.address, c.user, c.password, log).Open(t.Context(), wantVideo())
			require.ErrorContains(t, err, c.want)
			assertNoSecret(t, err.Error()+text.String())
		})
	}
}

func TestCheckRTSP(t *testing.T) {
	for address, want := range map[string]string{
		"rtsp://192.168.1.20:554/stream1?channel=1@2": "", "rtsps://[fe80::1]/": "", "rtsp://cam.lan": "",
		"rtsp://me@cam/1": "credentials file", "rtsp://me:s3cret@cam/1": "credentials file", "rtsp://:s3cret@cam/1": "credentials file",
		"": "not the address", "cam/1": "not the address", "http://cam/1": "not the address", "rtsp:///1": "not the address",
		"me:s3cret@cam/1": "not the address", "rtsp://me:s3cret%@cam": "not the address", "rtsp://cam/1\nfile 'x'": "not the address",
	} {
		err := CheckRTSP(address)
		if want == "" {
			assert.NoError(t, err, address)
			continue
		}
		assert.ErrorContains(t, err, want, address)
		assert.NotContains(t, err.Error(), "s3cret")
	}
	script, err := (&rtspCamera{address: "rtsp://cam/it's"}).script(true)
	require.NoError(t, err)
	assert.Contains(t, script, `file 'rtsp://cam/it'\''s'`)
}

func TestMuteCameraIsRemembered(t *testing.T) {
	t.Parallel()
	c := &rtspCamera{address: newNetCamera(t).address, log: quiet()}
	for range 2 {
		s, err := c.open(t.Context(), wantVideo())
		require.NoError(t, err)
		assert.True(t, c.mute.Load())
		readFrames(t, s, 5)
		require.NoError(t, s.Close())
	}
	c.address += "era"
	_, err := c.open(t.Context(), wantVideo())
	require.Error(t, err)
	assert.False(t, c.mute.Load(), "it may be another camera when it is back")
}

func TestRTSPCameraStops(t *testing.T) {
	for name, signal := range map[string]syscall.Signal{"killed": syscall.SIGKILL, "frozen": syscall.SIGSTOP} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			camera := newNetCamera(t, "--sound=alaw")
			s := openSource(t, RTSP(camera.address, "", "", quiet()))
			readFrames(t, s, 5)
			require.NoError(t, camera.cmd.Process.Signal(signal))
			stopped := time.Now()
			var err error
			for err == nil {
				_, err = s.Read()
			}
			assert.Less(t, time.Since(stopped), 7*time.Second)
			assert.ErrorContains(t, err, map[string]string{"killed": "ffmpeg ended", "frozen": "ffmpeg has given nothing for 5s"}[name])
			err = nil
			for err == nil {
				err = s.(Sounding).ReadSound(make([]int16, 100))
				if name == "frozen" {
					break // its end comes with Close
				}
			}
		})
	}
}

// TestKilledFFmpeg reopens a source whose process was killed.
func TestKilledFFmpeg(t *testing.T) {
	t.Parallel()
	source := RTSP(newNetCamera(t, "--sound=alaw").address, "", "", quiet())
	for range 2 {
		s, err := source.Open(t.Context(), wantVideo())
		require.NoError(t, err)
		readFrames(t, s, 5)
		require.NoError(t, syscall.Kill(s.(coupled).child.cmd.Process.Pid, syscall.SIGKILL))
		for err == nil {
			_, err = s.Read()
		}
		assert.ErrorContains(t, err, "ffmpeg ended (signal: killed)")
		for err = nil; err == nil; {
			err = s.(Sounding).ReadSound(make([]int16, 100))
		}
		assert.EqualError(t, err, "the sound has ended")
		require.NoError(t, s.Close())
	}
}

func TestSoundEndsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	s, err := RTSP(newNetCamera(t, "--sound=alaw").address, "", "", quiet()).Open(ctx, wantVideo())
	require.NoError(t, err)
	var listening sync.WaitGroup
	listening.Go(func() {
		for err == nil {
			err = s.(Sounding).ReadSound(make([]int16, 960))
		}
	})
	stop()
	listening.Wait()
	assert.ErrorIs(t, err, context.Canceled)
	require.NoError(t, s.Close())
}

// BenchmarkRTSP measures how long opening takes, the time from the camera's encoder to Read, of which
// the camera itself keeps each picture for an interval, and ffmpeg's share of a CPU.
func BenchmarkRTSP(b *testing.B) {
	camera := newNetCamera(b, "--trace", "--sound=alaw")
	var sent sync.Map // of times, by the size of the picture
	var reading sync.WaitGroup
	reading.Go(func() {
		for {
			var nanos int64
			var size int
			if _, err := fmt.Fscanf(camera.out, "sent %d %d\n", &nanos, &size); err != nil {
				return
			}
			sent.Store(size, time.Unix(0, nanos))
		}
	})
	var opening time.Duration
	var delays []time.Duration
	for range b.N {
		began := time.Now()
		s, err := RTSP(camera.address, "", "", quiet()).Open(b.Context(), wantVideo())
		require.NoError(b, err)
		opening += time.Since(began)
		for range 150 {
			frame, err := s.Read()
			require.NoError(b, err)
			if at, ok := sent.LoadAndDelete(len(frame.Unit)); ok {
				delays = append(delays, time.Since(at.(time.Time)))
			}
		}
		require.NoError(b, s.Close())
		usage := s.(coupled).child.cmd.ProcessState
		b.ReportMetric(100*(usage.UserTime()+usage.SystemTime()).Seconds()/time.Since(began).Seconds(), "%cpu")
	}
	require.NoError(b, camera.cmd.Process.Kill())
	reading.Wait()
	slices.Sort(delays)
	b.ReportMetric(float64(opening.Milliseconds())/float64(b.N), "ms-opening")
	b.ReportMetric(float64(delays[len(delays)/2].Microseconds())/1000, "ms-median")
	b.ReportMetric(float64(delays[len(delays)*95/100].Microseconds())/1000, "ms-p95")
}
