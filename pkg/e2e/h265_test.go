package e2e

import (
	"bytes"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"
)

// H265 is passed on to a viewer that has it. The browsers here have not, so the viewer is one in Go, and
// its decoder is ffmpeg: the pictures are those of the file, bit by bit and one after the other.
func TestH265(t *testing.T) {
	clip := makeClip(t, "libx265")
	want := decode(t, nil, "-i", clip)
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(want))), 120, "no two of its pictures are the same")

	_, c, person := newHouseholdWith(t, "file:"+clip, videoConfig)
	s := person.dial("")
	s.awaitStatus(c.id, true)
	v := newView(t, s, c.id, 1)
	v.offer()
	const pictures = 130 // more than there are: the file is played again and again
	stream := v.recordH265(pictures)
	require.Equal(t, webrtc.MimeTypeH265, v.pc.GetReceivers()[0].Track().Codec().MimeType)
	got := decode(t, stream, "-f", "hevc", "-i", "pipe:0")
	require.Len(t, got, pictures)
	first := slices.Index(want, got[0])
	require.GreaterOrEqual(t, first, 0, "the first picture is one of the file's")
	for i, picture := range got {
		require.Equal(t, want[(first+i)%len(want)], picture, "picture %d", i)
	}
}

// recordH265 returns the next pictures as an Annex B stream.
func (v *view) recordH265(pictures int) io.Reader {
	v.t.Helper()
	var stream bytes.Buffer
	var depacketizer codecs.H265Depacketizer
	var next uint16
	deadline := time.After(patience)
	for n := 0; n < pictures; {
		select {
		case p := <-v.packets:
			if stream.Len() > 0 {
				require.Equal(v.t, next, p.SequenceNumber, "a packet is missing")
			}
			next = p.SequenceNumber + 1
			nals, err := depacketizer.Unmarshal(p.Payload)
			require.NoError(v.t, err)
			stream.Write(nals)
			if p.Marker {
				n++
			}
		case m := <-v.ended:
			v.t.Fatalf("refused: %+v %v", m, m.Error)
		case <-deadline:
			v.t.Fatalf("%d pictures are missing", pictures-n)
		}
	}
	return &stream
}

// decode returns the MD5 of each picture of ffmpeg's input, which must have no errors in it.
func decode(t *testing.T, stdin io.Reader, input ...string) (pictures []string) {
	t.Helper()
	args := append([]string{"-v", "error"}, input...)
	cmd := exec.Command("ffmpeg", append(args, "-map", "0:v", "-fps_mode", "passthrough", "-f", "framemd5", "-")...)
	var errors bytes.Buffer
	cmd.Stdin, cmd.Stderr = stdin, &errors
	output, err := cmd.Output()
	require.NoError(t, err, "%s", &errors)
	require.Empty(t, errors.String())
	for line := range strings.Lines(string(output)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		field := strings.Split(strings.TrimSpace(line), ",") // stream, dts, pts, duration, size, hash
		require.Len(t, field, 6, line)
		require.Equal(t, "345600", strings.TrimSpace(field[4]), "640x360 in YUV 4:2:0")
		pictures = append(pictures, strings.TrimSpace(field[5]))
	}
	return pictures
}
