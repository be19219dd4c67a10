package source

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestExecFillsPlaceholders(t *testing.T) {
	t.Parallel()
	s := openSource(t, Exec([]string{"ffmpeg", "-v", "error", "-re", "-f", "lavfi", "-i", "testsrc=size={width}x{height}:rate={fps}",
		"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-b:v", "{bitrate}", "-pix_fmt", "yuv420p", "-g", "5", "-f", "h264", "-"}, quiet()))
	assert.Equal(t, Format{Codec: H264, Width: 320, Height: 180}, s.Format())
	assert.Equal(t, 2, readFrames(t, s, 10))
	assert.Equal(t, []string{"{fps}", "--rate=30/500000"}, fill([]string{"{fps}", "--rate={fps}/{bitrate}"}, wantVideo()), "the program is not filled in")
}

func TestExecErrors(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"none":      {nil, "the command is empty"},
		"empty":     {[]string{""}, "the command is empty"},
		"not there": {[]string{"seccam-no-such-program"}, "is not there"},
		"fails":     {[]string{"sh", "-c", "echo no device >&2; exit 4"}, "sh ended (exit status 4): no device"},
	} {
		_, err := Exec(c.args, quiet()).Open(t.Context(), wantVideo())
		assert.ErrorContains(t, err, c.want, name)
	}
}
