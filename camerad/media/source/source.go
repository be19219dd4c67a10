// Package source is where pictures and sound come from. A [Source] is opened for as long as somebody
// watches and gives a [Stream] of frames: raw pictures, which the engine encodes, or access units that
// a camera or another program has encoded, which are passed through.
//
// What is opened runs once: after an error a Stream is closed and its Source opened anew, so whatever
// the death of a camera left behind is not reused.
package source

import (
	"context"
	"errors"
	"image"
	"time"
)

// Source is one configured origin of pictures.
type Source struct {
	// Name says which source this is, for logs and the status.
	Name string
	// Open starts it. The context ends the stream; it is not only for opening.
	Open func(context.Context, Video) (Stream, error)
}

// Video says what is wanted of a source. One that cannot give it gives the nearest it has; one that
// is passed through gives what it gives.
type Video struct {
	Width, Height    int           // pixels, even
	FPS              int           // pictures per second
	Bitrate          int           // bit/s
	KeyFrameInterval time.Duration // the longest time between two key frames
}

// Interval is the time between two pictures.
func (v Video) Interval() time.Duration { return time.Second / time.Duration(v.FPS) }

// Codec is how a stream's pictures are coded.
type Codec string

// The codecs of a stream.
const (
	Raw  Codec = "raw"
	H264 Codec = "h264"
	H265 Codec = "h265"
)

// Format is what a stream gives. Of a coded stream, the size and rate may be unknown (0).
type Format struct {
	Codec              Codec
	Width, Height, FPS int
}

// Frame is one picture.
type Frame struct {
	// Image is a raw picture, valid until the next Read.
	Image image.Image
	// Unit is a coded picture: one access unit in Annex B form. It belongs to the receiver.
	Unit []byte
	// At is when it was captured, as nearly as is known.
	At time.Time
}

// Stream is an opened source. Read blocks until the next frame, an error, or the end of the context
// that the source was opened with. Format, Read and Close are called from one goroutine.
type Stream interface {
	Format() Format
	Read() (Frame, error)
	Close() error
}

// SoundRate is the rate of all sound in samples per second; it is mono.
const SoundRate = 48_000

// Sounding is a [Stream] that may have sound.
type Sounding interface {
	// ReadSound fills samples, which are of now when it returns. It blocks as Read does, and is called
	// from a goroutine of its own. [ErrNoSound] says that there is none after all.
	ReadSound(samples []int16) error
}

// ErrNoSound is returned by ReadSound of a stream without sound.
var ErrNoSound = errors.New("the source has no sound")

// Control is a setting of a camera that a viewer may change.
type Control struct {
	Name           string // brightness, contrast, pan, tilt, zoom …
	Min, Max, Step int
	Value          int
	// Relative says that a value is a step to take, and not a state: Value is 0.
	Relative bool
}

// Adjustable is a [Stream] whose camera has settings. Both methods may be called from any goroutine
// while the stream is open.
type Adjustable interface {
	Controls() []Control
	Set(name string, value int) error
}
