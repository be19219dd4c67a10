//go:build bench

package e2e

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

// The figures are for the picture as it is shipped.
const videoConfig = shippedVideo

const fpsAtLeast = 29

const (
	goViews     = 60
	chromeViews = 40
)

// report prints one figure as a JSON line.
func report(name string, value float64, unit string) {
	line, err := json.Marshal(map[string]any{"name": name, "value": math.Round(value*1000) / 1000, "unit": unit})
	if err != nil {
		panic(err)
	}
	fmt.Fprintln(os.Stdout, string(line))
}

// reportPercentiles returns the median.
func reportPercentiles(name string, ms []float64) float64 {
	slices.Sort(ms)
	median := ms[len(ms)*50/100]
	report(name+"_p50", median, "ms")
	report(name+"_p95", ms[len(ms)*95/100], "ms")
	return median
}

// A viewer without a browser, through the real WebSocket, broker and camera; after the first view the
// camera's encoder is running, as when somebody else watches.
func TestBenchGoViewer(t *testing.T) {
	_, c, person := newHousehold(t)
	var answers, keyFrames []float64
	for n := range goViews {
		s := person.dial("")
		s.awaitStatus(c.id, true)
		v := newView(t, s, c.id, 1)
		began := v.offer()
		key := v.awaitKeyFrame()
		if n > 0 { // the first one wakes the camera; see below
			answers = append(answers, ms((<-v.answer).Sub(began)))
			keyFrames = append(keyFrames, ms(key.Sub(began)))
		}
		s.send(signaling.Message{Type: signaling.TypeBye, Session: v.session, Camera: c.id})
		require.NoError(t, v.pc.Close())
		_ = s.conn.CloseNow()
	}
	reportPercentiles("websocket_offer_to_answer", answers)
	reportPercentiles("offer_to_first_key_frame", keyFrames)
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// clickToFrame stops the view, waits until that is done, presses Start, and returns how long it took
// until the first frame was displayed.
const clickToFrame = `(async () => {
	const player = document.querySelector('#player'), play = document.querySelector('#play');
	const until = async (state) => { while (player.dataset.state !== state) await new Promise(r => setTimeout(r, 5)); };
	await until('live');
	play.click();
	await until('idle');
	await new Promise(r => setTimeout(r, 300));
	performance.clearMarks();
	const began = performance.now();
	play.click();
	while (!performance.getEntriesByName('seccam:first-frame').length) await new Promise(r => setTimeout(r, 1));
	return performance.getEntriesByName('seccam:first-frame')[0].startTime - began;
})()`

// The page is warm in both; the camera is at rest (source and encoder closed) in one of them.
func TestBenchClickToFirstFrame(t *testing.T) {
	for name, linger := range map[string]string{
		"click_to_first_displayed_frame": "8s", "click_to_first_displayed_frame_camera_at_rest": "0s",
	} {
		l := newLab(t)
		c := l.provision()
		c.configure("linger: " + linger + "\n")
		l.startCamera(c)
		person := l.signUp("owner", c)
		p := newPage(t)
		p.openAs(person, "/cameras/"+c.id)
		p.await(isLive)
		var times []float64
		for range chromeViews {
			times = append(times, eval[float64](p, clickToFrame))
		}
		reportPercentiles(name, times)
		p.close()
	}
}

// smoothness counts displayed frames for ten seconds.
const smoothness = `(async () => {
	const video = document.querySelector('video');
	let frames = 0;
	const count = () => { frames++; video.requestVideoFrameCallback(count); };
	video.requestVideoFrameCallback(count);
	const began = performance.now();
	await new Promise(r => setTimeout(r, 10000));
	return frames / (performance.now() - began) * 1000;
})()`

func TestBenchFramesPerSecond(t *testing.T) {
	_, c, person := newHousehold(t)
	first := newPage(t)
	first.openAs(person, "/cameras/"+c.id)
	first.await(isLive)
	report("displayed_frames_per_second_one_browser", eval[float64](first, smoothness), "1/s")
	second := newPage(t)
	second.openAs(person, "/cameras/"+c.id)
	second.await(isLive)
	both := make(chan float64, 1)
	go func() { both <- eval[float64](second, smoothness) }()
	report("displayed_frames_per_second_two_browsers_first", eval[float64](first, smoothness), "1/s")
	report("displayed_frames_per_second_two_browsers_second", <-both, "1/s")
}
