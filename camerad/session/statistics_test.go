package session

import (
	"testing"
	"time"

	"seccam/camerad/media"

	"github.com/stretchr/testify/assert"
)

func TestNews(t *testing.T) {
	told := Statistics{
		Quality: media.QualityFull, Codec: media.H264, Width: 1280, Height: 720, FPS: 30,
		Bitrate: 2_000_000, Available: 3_000_000, Loss: 0.02, RTT: 20, Viewers: 3,
	}
	now := time.Now()
	for name, c := range map[string]struct {
		change    func(*Statistics)
		sent, ago time.Duration
		want      bool
	}{
		"nothing":                    {func(*Statistics) {}, 0, 0, false},
		"what always moves":          {func(s *Statistics) { s.Bitrate, s.RTT = 1, 2000 }, 0, 0, false},
		"the path a little":          {func(s *Statistics) { s.Available, s.Loss = 3_300_000, 0.025 }, 0, 0, false},
		"the path":                   {func(s *Statistics) { s.Available = 2_500_000 }, 0, 0, true},
		"nothing is known of it":     {func(s *Statistics) { s.Available = 0 }, 0, 0, true},
		"loss":                       {func(s *Statistics) { s.Loss = 0 }, 0, 0, true},
		"quality":                    {func(s *Statistics) { s.Quality = media.QualityLow }, 0, 0, true},
		"size":                       {func(s *Statistics) { s.Height = 360 }, 0, 0, true},
		"another viewer":             {func(s *Statistics) { s.Viewers++ }, 0, 0, true},
		"there are pictures":         {func(*Statistics) {}, recently, 0, false},
		"a sign of life without any": {func(*Statistics) {}, recently + 1, 0, true},
		"long ago":                   {func(*Statistics) {}, 0, tellEvery, true},
	} {
		t.Run(name, func(t *testing.T) {
			m, s := meter{told: told, toldAt: now.Add(-c.ago)}, told
			c.change(&s)
			assert.Equal(t, c.want, m.news(s, now.Add(-c.sent), now))
		})
	}
	assert.True(t, (&meter{}).news(told, now, now), "the first")
}

func TestUntilReport(t *testing.T) {
	second := time.Unix(1_800_000_000, 0)
	assert.Equal(t, lookEvery, untilReport(second))
	assert.Equal(t, lookEvery-1, untilReport(second.Add(1)))
	assert.Equal(t, time.Duration(1), untilReport(second.Add(-1)))
}
