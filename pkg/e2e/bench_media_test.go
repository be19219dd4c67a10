//go:build bench

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The picture is 720p30 H264 at 2 Mbit/s with one key frame a second, which is passed on as it is.
const (
	crowd        = 100
	crowdSeconds = 60
)

func TestBenchCrowd(t *testing.T) {
	clip := benchClip(t)
	_, c, person := newHouseholdWith(t, "file:"+clip, "max_viewers: 200\n")
	first := startHerd(t, person, herdPlan{Camera: c.id, Viewers: 1, Seconds: 1000})
	before := residentMemory(t, c.process.cmd.Process.Pid)
	others := startHerd(t, person, herdPlan{Camera: c.id, Viewers: crowd - 1, Seconds: crowdSeconds})
	cpu, began := cpuTime(t, c.process.cmd.Process.Pid), time.Now()
	reports := others.reports()
	used := cpuTime(t, c.process.cmd.Process.Pid) - cpu
	minutes := time.Since(began).Minutes()
	memory := residentMemory(t, c.process.cmd.Process.Pid) - before
	_ = first

	report("camera_cpu_seconds_per_viewer_minute_at_100", used.Seconds()/minutes/crowd, "s")
	report("camera_memory_per_viewer_at_100", float64(memory)/(crowd-1)/1e6, "MB")
	reportCrowd("viewers_100", reports)
}

// benchClip is a file with the picture of the other servers' figures.
func benchClip(t *testing.T) string {
	t.Helper()
	clip := filepath.Join(t.TempDir(), "clip.mp4")
	output, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30,noise=alls=12:allf=t",
		"-t", "20", "-c:v", "libx264", "-preset", "veryfast", "-profile:v", "baseline", "-pix_fmt", "yuv420p", "-g", "30", "-bf", "0",
		"-b:v", "2M", "-maxrate", "2M", "-bufsize", "500k", clip).CombinedOutput()
	require.NoError(t, err, "%s", output)
	return clip
}

// Fifty viewers of the test pattern, which is encoded, for a minute; one more stands still.
func TestBenchFiftyViewers(t *testing.T) {
	_, c, person := newHouseholdWith(t, "testpattern", "max_viewers: 100\n")
	reportCrowd("viewers_50", startHerd(t, person, herdPlan{Camera: c.id, Viewers: 50, Seconds: crowdSeconds}).reports())
}

func reportCrowd(name string, reports []herdReport) {
	lost, fewest, longest, full := 0, 1<<30, 0.0, 0
	for _, r := range reports {
		lost += r.Lost
		fewest = min(fewest, r.Frames)
		longest = max(longest, r.LongestGap)
		if slices.Equal(r.Qualities, []string{"full"}) {
			full++
		}
	}
	report(name+"_packets_lost", float64(lost), "")
	report(name+"_frames_per_second_of_the_slowest", float64(fewest)/crowdSeconds, "1/s")
	report(name+"_longest_gap", longest*1000, "ms")
	report(name+"_always_at_full_quality", float64(full), "")
}

// cpuTime is what a process has used, without its children.
func cpuTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(t, err)
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+2:]))
	const utime, stime, hertz = 11, 12, 100 // counted from the field after the name
	user, err := strconv.Atoi(fields[utime])
	require.NoError(t, err)
	system, err := strconv.Atoi(fields[stime])
	require.NoError(t, err)
	return time.Duration(user+system) * time.Second / hertz
}

// residentMemory is in bytes.
func residentMemory(t *testing.T, pid int) int {
	t.Helper()
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	require.NoError(t, err)
	pages, err := strconv.Atoi(strings.Fields(string(statm))[1])
	require.NoError(t, err)
	return pages * os.Getpagesize()
}

// captureToDisplay reads, for ten seconds, from each displayed frame when it was taken: the second row of
// blocks, which is the low 16 bits of the Unix time in ms.
const captureToDisplay = `(async () => {
	const video = document.querySelector('video');
	const canvas = document.createElement('canvas');
	const paint = canvas.getContext('2d', { willReadFrequently: true });
	const delays = [];
	const read = () => {
		const now = performance.timeOrigin + performance.now();
		const side = Math.floor(video.videoHeight / 18), y = video.videoHeight - side - side / 2;
		canvas.width = 16 * side; canvas.height = 1;
		paint.drawImage(video, 0, y, 16 * side, 1, 0, 0, 16 * side, 1);
		const row = paint.getImageData(0, 0, 16 * side, 1).data;
		let taken = 0;
		for (let bit = 0; bit < 16; bit++) taken = taken * 2 + (row[4 * Math.floor(bit * side + side / 2)] > 127 ? 1 : 0);
		delays.push(((now % 65536) - taken + 65536) % 65536);
		video.requestVideoFrameCallback(read);
	};
	video.requestVideoFrameCallback(read);
	await new Promise((done) => setTimeout(done, 10000));
	return delays;
})()`

func TestBenchCaptureToDisplay(t *testing.T) {
	_, c, person := newHousehold(t)
	p := newPage(t)
	p.openAs(person, "/cameras/"+c.id)
	p.await(isLive)
	p.awaitAdvance(60)
	reportPercentiles("capture_to_displayed_frame", eval[[]float64](p, captureToDisplay))
}
