package media

import (
	"errors"
	"fmt"
	"image"
	"time"

	"seccam/camerad/media/vp8"

	"github.com/pion/mediadevices/pkg/codec"
	"github.com/pion/mediadevices/pkg/codec/openh264"
	"github.com/pion/mediadevices/pkg/io/video"
	"github.com/pion/mediadevices/pkg/prop"
)

// Rate is how large, how often and with how many bits pictures are encoded.
type Rate struct {
	Width, Height int // pixels, even
	FPS           int // pictures per second
	Bitrate       int // bit/s
}

// coder encodes pictures of the size that it sends. Encode returns an empty picture for one that it
// skipped to keep its bitrate; at is when it was captured, on any clock.
type coder interface {
	Encode(picture *image.YCbCr, at time.Duration, key bool) ([]byte, error)
	SetBitrate(bitrate int) error
	Close() error
}

// encoder scales and encodes pictures of one size. It belongs to one goroutine.
type encoder struct {
	coder   coder
	scaled  video.Reader // reads current; nil if it has the right size
	current *image.YCbCr
	bitrate int
}

// newEncoder makes an encoder for pictures of the size from, which are scaled to the rate's. keyFrames
// is the longest time between two of them.
func newEncoder(kind Codec, from image.Point, rate Rate, keyFrames time.Duration) (*encoder, error) {
	e := &encoder{bitrate: rate.Bitrate}
	if from != image.Pt(rate.Width, rate.Height) {
		e.scaled = video.Scale(rate.Width, rate.Height, video.ScalerFastBoxSampling)(video.ReaderFunc(
			func() (image.Image, func(), error) { return e.current, func() {}, nil }))
	}
	interval := max(1, int(keyFrames*time.Duration(rate.FPS)/time.Second))
	var err error
	if kind == VP8 {
		e.coder, err = vp8.New(rate.Width, rate.Height, rate.Bitrate, interval)
	} else {
		e.coder, err = newOpenH264(rate, interval)
	}
	if err != nil {
		return nil, fmt.Errorf("%s encoder for %dx%d: %w", kind, rate.Width, rate.Height, err)
	}
	return e, nil
}

// encode returns the coded picture, empty if it was skipped to keep the bitrate.
func (e *encoder) encode(picture *image.YCbCr, at time.Duration, key bool, bitrate int) ([]byte, error) {
	if bitrate != e.bitrate {
		e.bitrate = bitrate
		if err := e.coder.SetBitrate(bitrate); err != nil {
			return nil, fmt.Errorf("set bitrate: %w", err)
		}
	}
	if e.scaled != nil {
		e.current = picture
		smaller, _, err := e.scaled.Read()
		if err != nil {
			return nil, fmt.Errorf("scale picture: %w", err)
		}
		picture = smaller.(*image.YCbCr)
	}
	return e.coder.Encode(picture, at, key)
}

func (e *encoder) close() error { return e.coder.Close() }

// openH264 is mediadevices' H264 encoder. Its ForceKeyFrame and SetBitRate race with its Read.
type openH264 struct {
	codec.ReadCloser
	keys    codec.KeyFrameController
	bits    codec.BitRateController
	current *image.YCbCr
}

// newOpenH264 makes an encoder with at least a key frame in every interval pictures.
func newOpenH264(rate Rate, interval int) (*openH264, error) {
	h := &openH264{}
	params := openh264.Params{
		BaseParams:      codec.BaseParams{BitRate: rate.Bitrate},
		UsageType:       openh264.CameraVideoRealTime,
		RCMode:          openh264.RCBitrateMode,
		EnableFrameSkip: true, // without it the bitrate is not kept; what is skipped comes out empty
		// KeyFrameInterval of BaseParams is ignored by this codec.
		IntraPeriod:       uint(interval),
		MultipleThreadIdc: 1, // a second thread costs more CPU than it saves time at 720p
		SliceNum:          1,
		SliceMode:         openh264.SMSingleSlice,
	}
	made, err := params.BuildVideoEncoder(video.ReaderFunc(
		func() (image.Image, func(), error) { return h.current, func() {}, nil },
	), prop.Media{Video: prop.Video{Width: rate.Width, Height: rate.Height, FrameRate: float32(rate.FPS)}})
	if err != nil {
		return nil, err
	}
	keys, canForce := made.Controller().(codec.KeyFrameController)
	bits, canChange := made.Controller().(codec.BitRateController)
	if !canForce || !canChange {
		return nil, errors.Join(errors.New("it cannot be controlled"), made.Close())
	}
	h.ReadCloser, h.keys, h.bits = made, keys, bits
	return h, nil
}

// Encode implements coder. This encoder asks for no times.
func (h *openH264) Encode(picture *image.YCbCr, _ time.Duration, key bool) ([]byte, error) {
	if key {
		if err := h.keys.ForceKeyFrame(); err != nil {
			return nil, fmt.Errorf("force key frame: %w", err)
		}
	}
	h.current = picture
	data, _, err := h.Read()
	return data, err
}

// SetBitrate implements coder.
func (h *openH264) SetBitrate(bitrate int) error { return h.bits.SetBitRate(bitrate) }
