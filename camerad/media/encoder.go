package media

import (
	"errors"
	"fmt"
	"image"
	"time"

	"github.com/pion/mediadevices/pkg/codec"
	"github.com/pion/mediadevices/pkg/codec/openh264"
	"github.com/pion/mediadevices/pkg/io/video"
	"github.com/pion/mediadevices/pkg/prop"
)

// encoder encodes what it reads from a frameReader as H264 constrained baseline. All of it runs in
// the goroutine that calls read.
type encoder struct {
	frames  frameReader
	codec   codec.ReadCloser
	control codec.KeyFrameController
	force   func(now time.Time) bool // is a key frame to be forced for this picture?
	size    image.Point
	current frame
	began   time.Time // when the current picture was read
}

// encoded is one access unit in Annex B form.
type encoded struct {
	annexB []byte // empty if the encoder skipped the picture
	at     time.Time
	took   time.Duration // to encode it
}

func newEncoder(frames frameReader, cfg VideoConfig, force func(time.Time) bool) (*encoder, error) {
	e := &encoder{frames: frames, force: force, size: image.Pt(cfg.Width, cfg.Height)}
	params := openh264.Params{
		BaseParams:      codec.BaseParams{BitRate: cfg.Bitrate},
		UsageType:       openh264.CameraVideoRealTime,
		RCMode:          openh264.RCBitrateMode,
		EnableFrameSkip: true, // without it the bitrate is not kept; what is skipped comes out empty
		// KeyFrameInterval of BaseParams is ignored by this codec.
		IntraPeriod:       uint(max(1, int(cfg.KeyFrameInterval*time.Duration(cfg.FPS)/time.Second))),
		MultipleThreadIdc: 1, // a second thread costs more CPU than it saves time at 720p
		SliceNum:          1,
		SliceMode:         openh264.SMSingleSlice,
	}
	media := prop.Media{Video: prop.Video{Width: cfg.Width, Height: cfg.Height, FrameRate: float32(cfg.FPS)}}
	enc, err := params.BuildVideoEncoder(video.ReaderFunc(e.next), media)
	if err != nil {
		return nil, fmt.Errorf("H264 encoder for %dx%d: %w", cfg.Width, cfg.Height, err)
	}
	control, ok := enc.Controller().(codec.KeyFrameController)
	if !ok {
		return nil, errors.Join(errors.New("H264 encoder cannot force key frames"), enc.Close())
	}
	e.codec, e.control = enc, control
	return e, nil
}

// next is called by the codec within read. Forcing a key frame here, and nowhere else, is what keeps
// it in the encoding goroutine, and as late as possible.
func (e *encoder) next() (image.Image, func(), error) {
	f, err := e.frames.Read()
	if err != nil {
		return nil, nil, err
	}
	if f.image.Bounds().Size() != e.size { // the codec would read beyond the picture
		return nil, nil, fmt.Errorf("camera changed its picture size to %v", f.image.Bounds().Size())
	}
	e.current, e.began = f, time.Now()
	if e.force(e.began) {
		if err := e.control.ForceKeyFrame(); err != nil {
			return nil, nil, fmt.Errorf("force key frame: %w", err)
		}
	}
	return f.image, func() {}, nil
}

// read waits for the next picture and encodes it.
func (e *encoder) read() (encoded, error) {
	annexB, _, err := e.codec.Read()
	if err != nil {
		return encoded{}, err
	}
	return encoded{annexB: annexB, at: e.current.at, took: time.Since(e.began)}, nil
}

// close frees the encoder, not its frames.
func (e *encoder) close() error { return e.codec.Close() }
