package source

import (
	"context"
	"math"
	"time"
)

// tone is the test sound, a quiet 440 Hz with a short beep each second, in real time.
type tone struct {
	second   []int16 // repeats without a seam
	position int
	due      time.Time
}

func newTone() tone { return tone{second: toneSecond(), due: time.Now()} }

// read waits until the samples are due.
func (t *tone) read(ctx context.Context, samples []int16) error {
	timer := time.NewTimer(time.Until(t.due))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
	}
	for i := range samples {
		samples[i] = t.second[t.position]
		t.position = (t.position + 1) % len(t.second)
	}
	t.due = t.due.Add(time.Duration(len(samples)) * time.Second / SoundRate)
	if time.Since(t.due) > time.Second { // the machine slept
		t.due = time.Now()
	}
	return nil
}

func toneSecond() []int16 {
	const beep = SoundRate / 20
	samples := make([]int16, SoundRate)
	for i := range samples {
		hertz, volume := 440.0, 800.0
		if i < beep {
			hertz, volume = 1000, 4000
		}
		samples[i] = int16(volume * math.Sin(2*math.Pi*hertz*float64(i)/SoundRate))
	}
	return samples
}
