package media

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/pion/mediadevices/pkg/codec"
	"github.com/pion/mediadevices/pkg/codec/opus"
	"github.com/pion/mediadevices/pkg/io/audio"
	"github.com/pion/mediadevices/pkg/prop"
	"github.com/pion/mediadevices/pkg/wave"
)

// Opus frames of the tone.
const (
	soundInterval = 20 * time.Millisecond
	soundSamples  = audioClock / 50
	soundBitrate  = 24_000 // bit/s, mono
)

// tone makes the test sound, a quiet 440 Hz with a short beep each second, encodes it once for all
// viewers and gives it to emit, until ctx ends.
func tone(ctx context.Context, emit func(payload []byte, at time.Time)) error {
	second := toneSecond()
	position, due := 0, time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	reader := audio.ReaderFunc(func() (wave.Audio, func(), error) {
		timer.Reset(time.Until(due))
		select {
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case <-timer.C:
		}
		chunk := &wave.Int16Interleaved{
			Data: second[position : position+soundSamples],
			Size: wave.ChunkInfo{Len: soundSamples, Channels: 1, SamplingRate: audioClock},
		}
		position = (position + soundSamples) % len(second)
		return chunk, func() {}, nil
	})
	params := opus.Params{BaseParams: codec.BaseParams{BitRate: soundBitrate}, Latency: opus.Latency20ms}
	enc, err := params.BuildAudioEncoder(reader, prop.Media{Audio: prop.Audio{SampleRate: audioClock, ChannelCount: 1}})
	if err != nil {
		return fmt.Errorf("opus encoder: %w", err)
	}
	defer func() { _ = enc.Close() }()
	for {
		payload, _, err := enc.Read()
		if err != nil {
			return err
		}
		emit(payload, due)
		due = due.Add(soundInterval)
		if late := time.Since(due); late > time.Second { // the machine slept
			due = time.Now()
		}
	}
}

// toneSecond is one second of sound, which repeats without a seam.
func toneSecond() []int16 {
	const beep = audioClock / 20
	samples := make([]int16, audioClock)
	for i := range samples {
		hertz, volume := 440.0, 800.0
		if i < beep {
			hertz, volume = 1000, 4000
		}
		samples[i] = int16(volume * math.Sin(2*math.Pi*hertz*float64(i)/audioClock))
	}
	return samples
}
