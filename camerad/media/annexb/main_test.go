package annexb

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clip is a byte stream of one second that ffmpeg made, and the sizes of its access units as ffmpeg
// sees them.
type clip struct {
	data  []byte
	units []int
}

// makeClip encodes a moving test picture, 30 pictures of 320x180, with ffmpeg's encoder options.
func makeClip(t testing.TB, codec Codec, options ...string) clip {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clip."+string(codec))
	args := append([]string{"-v", "error", "-f", "lavfi", "-i", "testsrc=size=320x180:rate=30", "-t", "1", "-pix_fmt", "yuv420p"}, options...)
	run(t, "ffmpeg", append(args, path)...)
	var probed struct {
		Packets []struct{ Size string }
	}
	out := run(t, "ffprobe", "-v", "error", "-of", "json", "-show_entries", "packet=size", path)
	require.NoError(t, json.Unmarshal(out, &probed))
	c := clip{data: run(t, "cat", path)}
	for _, packet := range probed.Packets {
		size, err := strconv.Atoi(packet.Size)
		require.NoError(t, err)
		c.units = append(c.units, size)
	}
	require.Len(t, c.units, 30)
	return c
}

func run(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	var out, errors bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = &out, &errors
	require.NoError(t, cmd.Run(), "%s: %s", name, errors.String())
	return out.Bytes()
}

// x264 and x265 are ffmpeg's options for a camera's way of encoding.
func x264(params string, more ...string) []string {
	return append([]string{"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "10", "-x264-params", params}, more...)
}

func x265(params string) []string {
	return []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:keyint=10:" + params}
}
