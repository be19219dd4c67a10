package session

import (
	"os"
	"slices"
	"testing"
	"time"

	"seccam/camerad/media"
)

// TestLatency prints how long a view takes in-process, at full size: run it with SECCAM_MEASURE=1.
func TestLatency(t *testing.T) {
	if os.Getenv("SECCAM_MEASURE") == "" {
		t.Skip("a measurement, not a test; set SECCAM_MEASURE=1")
	}
	r := newRig(t, media.VideoConfig{Width: 1280, Height: 720, FPS: 30, Bitrate: 2_000_000, KeyFrameInterval: time.Second}, nil)
	var answers, keys []time.Duration
	for n := range 60 {
		v := r.newViewer(sessionID(n + 1))
		v.call(nil)
		answers = append(answers, next(t, "answer", v.answer).Sub(v.offer))
		keys = append(keys, next(t, "key frame", v.keys).Sub(v.offer))
		v.bye()
		v.close()
		r.awaitViewers(0)
	}
	for name, times := range map[string][]time.Duration{"offer to answer": answers, "offer to key frame": keys} {
		slices.Sort(times)
		t.Logf("%s: p50 %v p95 %v max %v", name, times[len(times)/2], times[len(times)*95/100], times[len(times)-1])
	}
}
