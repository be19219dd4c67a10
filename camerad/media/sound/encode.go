package sound

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/pion/mediadevices/pkg/codec"
	"github.com/pion/mediadevices/pkg/codec/opus"
	"github.com/pion/mediadevices/pkg/io/audio"
	"github.com/pion/mediadevices/pkg/prop"
	"github.com/pion/mediadevices/pkg/wave"
)

// Rate is the rate of all sound in samples per second.
const Rate = 48_000

// DefaultBitrate is the bitrate of an [Encoder] in bit/s, which is good speech.
const DefaultBitrate = 24_000

// A frame is what one Opus packet holds: the longest that adds no delay to speak of.
const (
	frameTime    = 20 * time.Millisecond
	frameSamples = Rate / 50
)

// Encoder encodes sound as Opus. The zero value is ready for use.
type Encoder struct {
	// Bitrate is in bit/s, 6000 to 510000 (RFC 6716 section 2.1.1); 0 means [DefaultBitrate].
	Bitrate int
}

// Encode encodes with [DefaultBitrate]; see [Encoder.Encode].
func Encode(ctx context.Context, read func(samples []int16) error, emit func(payload []byte, at time.Time)) error {
	return Encoder{}.Encode(ctx, read, emit)
}

// Encode encodes what read gives, 20 ms a packet, and gives it to emit until read fails or ctx ends,
// and returns why. Both are called in the calling goroutine; read blocks until samples is filled, and
// the payload belongs to emit. The time is when the packet's last sample was captured: 20 ms after that
// of the packet before, except where sound is missing. Sound that comes late, because somebody was
// held up, is skipped: what is emitted is at most 100 ms old.
func (e Encoder) Encode(ctx context.Context, read func(samples []int16) error, emit func(payload []byte, at time.Time)) error {
	source := &frames{ctx: ctx, read: read}
	encoder, err := e.build(source.next)
	if err != nil {
		return err
	}
	defer func() { _ = encoder.Close() }() // it frees memory and cannot fail
	for {
		payload, _, err := encoder.Read()
		if err != nil {
			return err
		}
		emit(payload, source.pace.at)
	}
}

func (e Encoder) build(next audio.ReaderFunc) (codec.ReadCloser, error) {
	bitrate := cmp.Or(e.Bitrate, DefaultBitrate)
	params := opus.Params{BaseParams: codec.BaseParams{BitRate: bitrate}, Latency: opus.Latency(frameTime)}
	media := prop.Media{Audio: prop.Audio{SampleRate: Rate, ChannelCount: 1}}
	encoder, err := params.BuildAudioEncoder(next, media)
	if err != nil {
		return nil, fmt.Errorf("start the Opus encoder: %w; choose a bitrate from 6000 to 510000", err)
	}
	return encoder, nil
}

// frames gives the encoder what is read, except what is too old.
type frames struct {
	ctx     context.Context
	read    func(samples []int16) error
	samples [frameSamples]int16
	pace    pace
}

// next implements audio.Reader.
func (f *frames) next() (wave.Audio, func(), error) {
	for {
		if err := f.ctx.Err(); err != nil {
			return nil, nil, err
		}
		asked := time.Now()
		if err := f.read(f.samples[:]); err != nil {
			return nil, nil, err
		}
		if f.pace.keep(asked, time.Now()) {
			return frame(f.samples[:]), func() {}, nil
		}
	}
}

func frame(samples []int16) wave.Audio {
	return &wave.Int16Interleaved{
		Data: samples, Size: wave.ChunkInfo{Len: len(samples), Channels: 1, SamplingRate: Rate},
	}
}
