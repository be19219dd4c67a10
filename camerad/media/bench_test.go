//go:build bench

package media

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"seccam/camerad/media/source"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"
)

// What encoding costs, by the encoding thread's own clock, must not depend on how many watch.
func TestBenchEncodeOnce(t *testing.T) {
	costs := map[int]float64{}
	for _, viewers := range []int{1, 50} {
		costs[viewers] = encodingCost(t, viewers, 10*time.Second)
		figure(fmt.Sprintf("encoding_cpu_per_picture_%d_viewers", viewers), costs[viewers], "ms")
	}
	figure("encoding_50_viewers_to_1", costs[50]/costs[1], "ratio")
}

func figure(name string, value float64, unit string) {
	line, _ := json.Marshal(map[string]any{"name": name, "value": math.Round(value*1000) / 1000, "unit": unit})
	fmt.Println(string(line))
}

// encodingCost has viewers watch the test pattern as it is shipped, for a while, and returns ms of CPU per
// picture.
func encodingCost(t *testing.T, viewers int, duration time.Duration) float64 {
	shipped := source.Video{Width: 1280, Height: 720, FPS: 30, Bitrate: 2_000_000, KeyFrameInterval: time.Second}
	e := NewEngine(Config{Source: source.TestPattern(), Video: shipped, Mute: true, Log: silent})
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = e.Run(ctx) })
	release := e.Hold()
	for range viewers {
		v, unuse := e.NewViewer(H264)
		_, err := v.Video.Bind(fakeContext{codec: H264.Capability(), write: func(*rtp.Header, []byte) {}})
		require.NoError(t, err)
		running.Go(func() { v.Run(ctx); unuse() })
		v.SetLive(true)
	}
	time.Sleep(time.Second)
	before := e.Stats()
	time.Sleep(duration)
	after := e.Stats()
	release()
	stop()
	running.Wait()
	require.Greater(t, after.Frames, before.Frames)
	return (after.Encoding - before.Encoding).Seconds() * 1000 / float64(after.Frames-before.Frames)
}
