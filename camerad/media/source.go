package media

import (
	"context"
	"image"
	"time"
)

// frame is one raw picture. The image is valid until the next read from the same reader.
type frame struct {
	image image.Image
	at    time.Time // when it was captured
}

// frameReader yields raw pictures from one goroutine. Read blocks until the next one or until the
// context it was opened with ends.
type frameReader interface {
	Read() (frame, error)
	Close() error
}

// Source is where pictures come from. Each open is a new attempt: whatever a camera's death left
// behind is not reused.
type Source struct {
	// Name says which source this is, for logs and the status.
	Name string
	// Tone is whether the source has the test tone as its sound.
	Tone bool

	open func(context.Context, VideoConfig) (frameReader, VideoConfig, error)
}

// VideoConfig says what to capture and how to encode it.
type VideoConfig struct {
	Width, Height    int           // pixels, even
	FPS              int           // pictures per second
	Bitrate          int           // bit/s
	KeyFrameInterval time.Duration // the longest time between two key frames
}

// interval is the time between two pictures.
func (c VideoConfig) interval() time.Duration { return time.Second / time.Duration(c.FPS) }
