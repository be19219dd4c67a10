package media

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"sync"
	"testing"
	"time"

	"seccam/camerad/media/annexb"
	"seccam/camerad/media/source"

	"github.com/stretchr/testify/require"
)

// The form of a clip: clipGroup is how many pictures a group has, clipLength how many there are.
const (
	clipGroup  = 5
	clipLength = 12
	clipWidth  = 384
	clipHeight = 216
)

// clip is a stream that ffmpeg has encoded, as a camera would. Each of its pictures is a little
// brighter than the one before, with a texture that takes many packets.
type clip struct {
	codec source.Codec
	units [][]byte
}

// Clips are made once for all tests, which only read them.
var (
	clipH264 = sync.OnceValues(func() (clip, error) {
		return makeClip(source.H264, "h264", "libx264", "-profile:v", "baseline", "-x264-params", "keyint=5:min-keyint=5:scenecut=0")
	})
	clipH265 = sync.OnceValues(func() (clip, error) {
		return makeClip(source.H265, "hevc", "libx265", "-x265-params", "keyint=5:min-keyint=5:scenecut=0:bframes=0:log-level=none")
	})
)

func makeClip(codec source.Codec, muxer, encoder string, options ...string) (clip, error) {
	args := []string{"-nostdin", "-v", "error", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", fmt.Sprintf("%dx%d", clipWidth, clipHeight),
		"-i", "pipe:0", "-preset", "ultrafast", "-c:v", encoder}
	cmd := exec.Command("ffmpeg", append(append(args, options...), "-f", muxer, "pipe:1")...)
	var in, out bytes.Buffer
	for n := range clipLength {
		p := plain(clipWidth, clipHeight, 0, 128, 128)
		for i := range p.Y {
			p.Y[i] = byte(clipBrightness(n) - 20 + i*i/7%41)
		}
		in.Write(p.Y)
		in.Write(p.Cb)
		in.Write(p.Cr)
	}
	cmd.Stdin, cmd.Stdout = &in, &out
	if err := cmd.Run(); err != nil {
		return clip{}, err
	}
	c := clip{codec: codec}
	reader := annexb.NewReader(&out, annexb.Config{Codec: annexb.Codec(codec)})
	for {
		unit, err := reader.Next()
		if err != nil {
			return c, nil
		}
		c.units = append(c.units, unit.Data)
	}
}

// clipBrightness is the mean luma of a clip's n-th picture.
func clipBrightness(n int) int { return 70 + 10*n }

// get returns a clip, or skips the test where there is no ffmpeg with the encoder.
func get(t testing.TB, make func() (clip, error)) clip {
	t.Helper()
	c, err := make()
	if err != nil {
		t.Skipf("needs ffmpeg with its encoders: %v", err)
	}
	require.Len(t, c.units, clipLength)
	return c
}

// source plays the clip over and over from its start, 25 pictures a second.
func (c clip) source() source.Source {
	return source.Source{Name: "clip", Open: func(ctx context.Context, _ source.Video) (source.Stream, error) {
		n := -1
		return stubStream{format: source.Format{Codec: c.codec, Width: clipWidth, Height: clipHeight}, read: func() (source.Frame, error) {
			n++
			err := pause(ctx, time.Second/25)
			return source.Frame{Unit: bytes.Clone(c.units[n%clipLength]), At: time.Now()}, err
		}}, nil
	}}
}
