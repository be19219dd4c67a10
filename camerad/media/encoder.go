package media

import (
	"errors"
	"fmt"
	"image"
	"time"

	"github.com/pion/mediadevices/pkg/codec"
	"github.com/pion/mediadevices/pkg/codec/openh264"
	"github.com/pion/mediadevices/pkg/codec/vpx"
	"github.com/pion/mediadevices/pkg/io/video"
	"github.com/pion/mediadevices/pkg/prop"
)

// Rate is how large, how often and with how many bits pictures are encoded.
type Rate struct {
	Width, Height int // pixels, even
	FPS           int // pictures per second
	Bitrate       int // bit/s
}

// encoder encodes pictures of one size. It belongs to one goroutine: mediadevices' ForceKeyFrame and
// SetBitRate race with its Read.
type encoder struct {
	codec   codec.ReadCloser
	current *image.YCbCr
	bitrate int
	keys    codec.KeyFrameController
	bits    codec.BitRateController
}

// newEncoder makes an encoder for pictures of the size from, which are scaled to the rate's. keyFrames
// is the longest time between two of them.
func newEncoder(kind Codec, from image.Point, rate Rate, keyFrames time.Duration) (*encoder, error) {
	e := &encoder{bitrate: rate.Bitrate}
	var pictures video.Reader = video.ReaderFunc(func() (image.Image, func(), error) { return e.current, func() {}, nil })
	if from != image.Pt(rate.Width, rate.Height) {
		pictures = video.Scale(rate.Width, rate.Height, video.ScalerFastBoxSampling)(pictures)
	}
	builder, err := builderOf(kind, rate, max(1, int(keyFrames*time.Duration(rate.FPS)/time.Second)))
	if err != nil {
		return nil, err
	}
	e.codec, err = builder.BuildVideoEncoder(pictures, prop.Media{Video: prop.Video{
		Width: rate.Width, Height: rate.Height, FrameRate: float32(rate.FPS),
	}})
	if err != nil {
		return nil, fmt.Errorf("%s encoder for %dx%d: %w", kind, rate.Width, rate.Height, err)
	}
	keys, canForce := e.codec.Controller().(codec.KeyFrameController)
	bits, canChange := e.codec.Controller().(codec.BitRateController)
	if !canForce || !canChange {
		return nil, errors.Join(fmt.Errorf("%s encoder cannot be controlled", kind), e.codec.Close())
	}
	e.keys, e.bits = keys, bits
	return e, nil
}

// builderOf returns mediadevices' parameters for a codec; interval is the number of pictures from one
// key frame to the next.
func builderOf(kind Codec, rate Rate, interval int) (codec.VideoEncoderBuilder, error) {
	if kind == VP8 {
		params, err := vpx.NewVP8Params()
		if err != nil {
			return nil, fmt.Errorf("VP8 encoder: %w", err)
		}
		params.BitRate, params.KeyFrameInterval = rate.Bitrate, interval
		params.RateControlEndUsage, params.LagInFrames = vpx.RateControlCBR, 0
		params.ErrorResilient = vpx.ErrorResilientDefault
		return &params, nil
	}
	return &openh264.Params{
		BaseParams:      codec.BaseParams{BitRate: rate.Bitrate},
		UsageType:       openh264.CameraVideoRealTime,
		RCMode:          openh264.RCBitrateMode,
		EnableFrameSkip: true, // without it the bitrate is not kept; what is skipped comes out empty
		// KeyFrameInterval of BaseParams is ignored by this codec.
		IntraPeriod:       uint(interval),
		MultipleThreadIdc: 1, // a second thread costs more CPU than it saves time at 720p
		SliceNum:          1,
		SliceMode:         openh264.SMSingleSlice,
	}, nil
}

// encode returns the coded picture, empty if the encoder skipped it to keep its bitrate.
func (e *encoder) encode(picture *image.YCbCr, key bool, bitrate int) ([]byte, error) {
	if bitrate != e.bitrate {
		e.bitrate = bitrate
		if err := e.bits.SetBitRate(bitrate); err != nil {
			return nil, fmt.Errorf("set bitrate: %w", err)
		}
	}
	if key {
		if err := e.keys.ForceKeyFrame(); err != nil {
			return nil, fmt.Errorf("force key frame: %w", err)
		}
	}
	e.current = picture
	data, _, err := e.codec.Read()
	return data, err
}

func (e *encoder) close() error { return e.codec.Close() }
