package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"os/exec"
	"strconv"
	"sync"
	"time"

	"seccam/camerad/media/source"
	"seccam/pkg/signaling"

	"github.com/pion/mediadevices/pkg/io/video"
)

// Errors of [Engine.Snapshot].
var (
	ErrPrivate   = errors.New("privacy mode is on")
	ErrNoPicture = errors.New("the camera has no picture")
)

// snapshotMax is wider than any camera's picture.
const snapshotMax = 8192

// jpegQuality is a good picture at about 2 bits per pixel.
const jpegQuality = 85

// latest is the newest raw picture.
type latest struct {
	mu      sync.Mutex
	picture *picture
	renewed beacon // also at each key frame of a stream that is passed through
}

func (l *latest) set(p *picture) {
	p.retain()
	l.replace(p)
	l.renewed.signal()
}

func (l *latest) forget() { l.replace(nil) }

func (l *latest) replace(p *picture) {
	l.mu.Lock()
	old := l.picture
	l.picture = p
	l.mu.Unlock()
	if old != nil {
		old.release()
	}
}

// get returns the picture, retained; nil if there is none.
func (l *latest) get() *picture {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.picture != nil {
		l.picture.retain()
	}
	return l.picture
}

// Snapshot returns a JPEG of now that is at most width pixels wide, starting the camera if it rests.
// Its errors are [ErrPrivate], [ErrNoPicture] and those of ctx, with words.
func (e *Engine) Snapshot(ctx context.Context, width int) ([]byte, error) {
	release := e.holdBriefly()
	defer release()
	for {
		renewed, changed := e.latest.renewed.next(), e.Changed()
		if err := e.noPicture(); err != nil {
			return nil, err
		}
		if p := e.latest.get(); p != nil {
			defer p.release()
			return encodeJPEG(p.image, width)
		}
		if group := e.full.hub.cached(); len(group) > 0 && e.passedThrough() {
			return decodeLast(ctx, e.format.Load().Codec, group, width)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w in time: %w", ErrNoPicture, ctx.Err())
		case <-renewed:
		case <-changed:
		}
	}
}

// AwaitPicture returns once a picture has come from the source, starting the camera if it rests. Of a
// stream that is passed through it is a key frame. Its errors are those of [Engine.Snapshot].
func (e *Engine) AwaitPicture(ctx context.Context) error {
	release := e.holdBriefly()
	defer release()
	renewed := e.latest.renewed.next()
	for {
		changed := e.Changed()
		if err := e.noPicture(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w in time: %w", ErrNoPicture, ctx.Err())
		case <-renewed:
			return nil
		case <-changed:
		}
	}
}

// noPicture says why there is none; nil if there is or soon may be one.
func (e *Engine) noPicture() error {
	switch state, detail := e.State(); state {
	case signaling.PicturePrivate:
		return fmt.Errorf("%w: %s", ErrPrivate, detail)
	case signaling.PictureLost:
		return fmt.Errorf("%w: %s", ErrNoPicture, detail)
	}
	return nil
}

func encodeJPEG(picture *image.YCbCr, width int) ([]byte, error) {
	if size := picture.Rect.Size(); size.X > width {
		from, height := picture, even(size.Y*width/size.X)
		reader := video.Scale(even(width), height, video.ScalerFastBoxSampling)(
			video.ReaderFunc(func() (image.Image, func(), error) { return from, func() {}, nil }))
		scaled, _, err := reader.Read()
		if err != nil {
			return nil, fmt.Errorf("scale picture: %w", err)
		}
		picture = scaled.(*image.YCbCr)
	}
	var out bytes.Buffer
	err := jpeg.Encode(&out, fullRange(picture), &jpeg.Options{Quality: jpegQuality})
	return out.Bytes(), err
}

// decodeTime is what ffmpeg may take; starting it takes most of it.
const decodeTime = 5 * time.Second

// decodeLast decodes a group of pictures by ffmpeg and returns the last one.
func decodeLast(ctx context.Context, codec source.Codec, group []*Unit, width int) ([]byte, error) {
	ctx, stop := context.WithTimeout(ctx, decodeTime)
	defer stop()
	demuxer := map[source.Codec]string{source.H264: "h264", source.H265: "hevc"}[codec]
	filter := fmt.Sprintf(`select=gte(n\,%d),scale='min(%d,iw)':-2`, len(group)-1, width)
	cmd := exec.CommandContext(ctx, "ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-f", demuxer, "-i", "pipe:0",
		"-vf", filter, "-frames:v", "1", "-q:v", strconv.Itoa(3), "-f", "mjpeg", "pipe:1")
	var stream, out, why bytes.Buffer
	for _, unit := range group {
		stream.Write(unit.Data)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &stream, &out, &why
	err := cmd.Run()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return nil, fmt.Errorf("%w: taking one from this source needs ffmpeg; install the package ffmpeg", ErrNoPicture)
	case err != nil || out.Len() == 0:
		return nil, fmt.Errorf("%w: its stream could not be decoded: %.200s", ErrNoPicture, bytes.TrimSpace(why.Bytes()))
	}
	return out.Bytes(), nil
}
