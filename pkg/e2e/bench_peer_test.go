//go:build bench

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

// camerad beside a camera of the kind that a Python program with aiortc is: one connection and one
// encoder for each viewer. Both send H264 of the same picture at the same bitrate to the same viewers,
// one camera after the other. camerad sends its tone as well; the other camera has no sound.

const (
	peerTries  = 9
	peerWarmUp = 3 * time.Second
	peerTime   = 15 * time.Second
	peerPython = "/usr/bin/python3" // Debian's, which has Debian's packages
)

// filmed is a camera that is measured, and how to begin a view of it, from the moment before the offer
// is made, and to leave it.
type filmed struct {
	pid   int
	watch func(t *testing.T) (v *view, began time.Time, leave func())
}

// watching is what one viewer gets.
type watching struct{ frames, bits float64 } // per second

// measured is what one camera is like.
type measured struct {
	firstFrame float64          // p50, ms
	cpu        map[int]float64  // cores, by the number of viewers
	slowest    map[int]watching // of the viewers, by their number
}

func TestBenchPeer(t *testing.T) {
	if exec.Command(peerPython, "-c", "import aiortc, numpy").Run() != nil {
		t.Skip("NO COMPARISON: aiortc is not installed (apt-get install python3-aiortc)")
	}
	l, c, person := newHousehold(t)
	ours := measure(t, cameradFilmed(c, person))
	awake := ours.firstFrame
	atRest := firstFrame(t, cameradAtRest(t))
	c.process.stop()
	theirs := measure(t, startAiortc(t, dumpPattern(t, l)))

	reportBeside("peer_offer_to_first_key_frame_p50", awake, theirs.firstFrame, "ms")
	reportBeside("peer_offer_to_first_key_frame_at_rest_p50", atRest, theirs.firstFrame, "ms")
	for _, n := range []int{1, 5} {
		viewers := fmt.Sprintf("_%d_viewers", n)
		if n == 1 {
			viewers = "_1_viewer"
		}
		reportBeside("cpu_share"+viewers, ours.cpu[n], theirs.cpu[n], "core")
		reportBeside("frames_per_second_of_the_slowest"+viewers, ours.slowest[n].frames, theirs.slowest[n].frames, "1/s")
		reportBeside("video_bitrate_of_the_slowest"+viewers, ours.slowest[n].bits/1e6, theirs.slowest[n].bits/1e6, "Mbit/s")
	}
}

// reportBeside prints a figure of ours with the other camera's.
func reportBeside(name string, ours, theirs float64, unit string) {
	reportPeer(name, "aiortc", ours, theirs, unit)
}

// reportPeer prints a figure of ours with that of a peer, and ours divided by it.
func reportPeer(name, peer string, ours, theirs float64, unit string) {
	round := func(x float64) float64 { return math.Round(x*1000) / 1000 }
	line, err := json.Marshal(map[string]any{
		"name": name, "value": round(ours), "unit": unit, "peer": peer, "peer_value": round(theirs), "ratio": round(ours / theirs),
	})
	if err != nil {
		panic(err)
	}
	fmt.Fprintln(os.Stdout, string(line))
}

func measure(t *testing.T, f filmed) measured {
	m := measured{firstFrame: firstFrame(t, f), cpu: map[int]float64{}, slowest: map[int]watching{}}
	for _, n := range []int{1, 5} {
		m.cpu[n], m.slowest[n] = load(t, f, n)
	}
	return m
}

// firstFrame is the median time from an offer to the first whole key frame, with one viewer at a time.
func firstFrame(t *testing.T, f filmed) float64 {
	t.Helper()
	var times []float64
	for range peerTries {
		v, began, leave := f.watch(t)
		times = append(times, ms(v.awaitKeyFrame().Sub(began)))
		leave()
	}
	slices.Sort(times)
	return times[len(times)/2]
}

// load is what the camera uses while n viewers watch, in cores, and what the slowest of them gets.
func load(t *testing.T, f filmed, n int) (float64, watching) {
	t.Helper()
	views := make([]*view, n)
	for i := range views {
		var leave func()
		views[i], _, leave = f.watch(t)
		defer leave()
		views[i].awaitKeyFrame()
	}
	watchAll(views, peerWarmUp)
	before, began := cpuTime(t, f.pid), time.Now()
	slowest := slices.MinFunc(watchAll(views, peerTime), func(a, b watching) int { return int(a.frames*100 - b.frames*100) })
	return (cpuTime(t, f.pid) - before).Seconds() / time.Since(began).Seconds(), slowest
}

// watchAll counts what comes to each view during a time.
func watchAll(views []*view, during time.Duration) []watching {
	counts := make(chan watching)
	for _, v := range views {
		go func() { counts <- v.count(during) }()
	}
	seen := make([]watching, len(views))
	for i := range seen {
		seen[i] = <-counts
	}
	return seen
}

// count leaves out what waited before.
func (v *view) count(during time.Duration) (w watching) {
	for range len(v.packets) {
		<-v.packets
	}
	end := time.After(during)
	for {
		select {
		case p := <-v.packets:
			w.bits += 8 * float64(len(p.Payload)) / during.Seconds()
			if p.Marker {
				w.frames += 1 / during.Seconds()
			}
		case <-end:
			return w
		}
	}
}

// cameradFilmed is camerad, through portal and broker.
func cameradFilmed(c *camera, person *client) filmed {
	return filmed{pid: c.process.cmd.Process.Pid, watch: func(t *testing.T) (*view, time.Time, func()) {
		s := person.dial("")
		s.awaitStatus(c.id, true)
		v := newView(t, s, c.id, 1)
		return v, v.offer(), func() {
			s.send(signaling.Message{Type: signaling.TypeBye, Session: v.session, Camera: c.id})
			require.NoError(t, v.pc.Close())
			_ = s.conn.CloseNow()
		}
	}}
}

// cameradAtRest is a camerad that closes its source and encoder with its last viewer.
func cameradAtRest(t *testing.T) filmed {
	_, c, person := newHouseholdWith(t, "testpattern", "linger: 0s\n")
	at := cameradFilmed(c, person)
	watch := at.watch
	gone := 0
	at.watch = func(t *testing.T) (*view, time.Time, func()) {
		v, began, leave := watch(t)
		return v, began, func() {
			leave()
			gone++
			c.process.await(fmt.Sprintf(`(?s)(?:viewer gone.*viewers=0.*?){%d}`, gone))
		}
	}
	return at
}

// dumpPattern records two seconds of the test pattern as raw yuv420p and returns the file.
func dumpPattern(t *testing.T, l *lab) string {
	t.Helper()
	c := l.provisionWith("testpattern", videoConfig)
	coded, raw := filepath.Join(t.TempDir(), "pattern.h264"), filepath.Join(t.TempDir(), "pattern.yuv")
	for _, command := range [][]string{
		{cameradBinary, "-c", c.config, "selftest", "--duration", "3s", "--out", coded},
		{"ffmpeg", "-v", "error", "-i", coded, "-frames:v", "60", "-f", "rawvideo", "-pix_fmt", "yuv420p", raw},
	} {
		output, err := exec.Command(command[0], command[1:]...).CombinedOutput()
		require.NoError(t, err, "%v: %s", command, output)
	}
	info, err := os.Stat(raw)
	require.NoError(t, err)
	require.Equal(t, int64(60*1280*720*3/2), info.Size())
	return raw
}

// startAiortc starts the other camera. Offers go to its standard input, answers come from its output.
func startAiortc(t *testing.T, pictures string) filmed {
	t.Helper()
	cmd := exec.Command(peerPython, "testdata/aiortc_camera.py", pictures, "1280", "720", "30", "2000000")
	var errors bytes.Buffer // its encoders talk a lot
	cmd.Stderr = &errors
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { // the views may still be open
		_ = in.Close()
		late := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
		defer late.Stop()
		require.NoError(t, cmd.Wait(), "%s", &errors)
	})
	answers := json.NewDecoder(out)
	return filmed{pid: cmd.Process.Pid, watch: func(t *testing.T) (*view, time.Time, func()) {
		v := newView(t, &socket{t: t}, "", 1)
		v.pc.OnICECandidate(func(*webrtc.ICECandidate) {}) // they are all in the offer
		began := v.offerTo(in, answers)
		return v, began, func() { require.NoError(t, v.pc.Close()) }
	}}
}

// offerTo negotiates by a line to a camera and one back. It returns the moment before it created the
// offer.
func (v *view) offerTo(in io.Writer, answers *json.Decoder) time.Time {
	v.t.Helper()
	began := time.Now()
	offer, err := v.pc.CreateOffer(nil)
	require.NoError(v.t, err)
	complete := webrtc.GatheringCompletePromise(v.pc)
	require.NoError(v.t, v.pc.SetLocalDescription(offer))
	<-complete
	require.NoError(v.t, json.NewEncoder(in).Encode(v.pc.LocalDescription()))
	var answer webrtc.SessionDescription
	require.NoError(v.t, answers.Decode(&answer))
	require.NoError(v.t, v.pc.SetRemoteDescription(answer))
	return began
}
