package source

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"seccam/camerad/media/annexb"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func wantVideo() Video {
	return Video{Width: 320, Height: 180, FPS: 30, Bitrate: 500_000, KeyFrameInterval: 500 * time.Millisecond}
}

// makeFile makes a video of two seconds with ffmpeg: a moving picture of 320x180, 30 per second.
func makeFile(t testing.TB, name string, options ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	args := append([]string{"-v", "error", "-f", "lavfi", "-i", "testsrc=size=320x180:rate=30"}, options...)
	out, err := exec.Command("ffmpeg", append(args, "-t", "2", "file:"+path)...).CombinedOutput()
	require.NoError(t, err, string(out))
	return path
}

// Options for ffmpeg.
var (
	asCamera  = []string{"-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "15"}
	asH265    = []string{"-pix_fmt", "yuv420p", "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:bframes=0:keyint=15"}
	asMovie   = []string{"-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "15"}
	withSound = []string{"-f", "lavfi", "-i", "sine=frequency=440", "-c:a", "aac"}
)

// openSource opens a source that is closed when the test ends.
func openSource(t testing.TB, source Source) Stream {
	t.Helper()
	s, err := source.Open(t.Context(), wantVideo())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

// readFrames reads n coded pictures, the first of which can be decoded, and returns how many of them
// are key frames.
func readFrames(t testing.TB, s Stream, n int) (keys int) {
	t.Helper()
	require.Equal(t, 1, readOn(t, s, 1), "the first is a key frame")
	return 1 + readOn(t, s, n-1)
}

// readOn reads n coded pictures of a stream that is under way.
func readOn(t testing.TB, s Stream, n int) (keys int) {
	t.Helper()
	codec := annexb.Codec(s.Format().Codec)
	last := time.Time{}
	for range n {
		frame, err := s.Read()
		require.NoError(t, err)
		require.Nil(t, frame.Image)
		require.False(t, frame.At.Before(last) || frame.At.After(time.Now()))
		last = frame.At
		if annexb.Key(codec, frame.Unit) {
			keys++
			_, err := annexb.ParseParameters(codec, frame.Unit)
			require.NoError(t, err, "every key frame has parameter sets")
		}
	}
	return keys
}

func TestCodedStreams(t *testing.T) {
	for name, c := range map[string]struct {
		options []string
		want    Codec
	}{"h264": {asCamera, H264}, "h265": {asH265, H265}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := makeFile(t, "clip."+name, c.options...)
			s := openSource(t, Exec([]string{"cat", path}, quiet()))
			assert.Equal(t, Format{Codec: c.want, Width: 320, Height: 180}, s.Format())
			assert.Equal(t, 4, readFrames(t, s, 60))
			_, err := s.Read()
			assert.EqualError(t, err, "cat ended (exit status 0)")
		})
	}
}

func TestParameterSetsAreRepeated(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(makeFile(t, "clip.h264", asCamera...))
	require.NoError(t, err)
	sets := bytes.Join(annexb.ParameterSets(annexb.H264, data)[:2], []byte{0, 0, 0, 1})
	second := bytes.LastIndex(data, sets)
	bare := slices.Concat([]byte("noise"), data[:second], bytes.ReplaceAll(data[second:], sets, []byte{9, 0xf0}))
	path := filepath.Join(t.TempDir(), "bare.h264")
	require.NoError(t, os.WriteFile(path, bare, 0o600))
	assert.Equal(t, 4, readFrames(t, openSource(t, Exec([]string{"cat", path}, quiet())), 60))
}

func TestStreamsThatCannotBeShown(t *testing.T) {
	movie, photos := makeFile(t, "movie.h264", asMovie...), makeFile(t, "photos.avi", "-c:v", "mjpeg")
	camera := makeFile(t, "camera.h264", asCamera...)
	for name, c := range map[string]struct{ script, want string }{
		"B-frames":         {`cat "$1"; exec sleep 1000`, "the command sends B-frames"},
		"another codec":    {`while cat "$2"; do :; done`, "the command: this is no H264 or H265 stream in Annex B form: no picture begins within 4 MiB; it must"},
		"no key frame":     {`tail -c 3000 "$3"; exec sleep 1000`, "the command has given no H264 or H265 key frame for 1s; it must"},
		"end before a key": {`tail -c 3000 "$3"; echo broken >&2; exit 2`, "sh ended (exit status 2): broken"},
		"nothing":          {`exec sleep 1000`, "key frame for 1s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := shell(c.script, movie, photos, camera)
			cmd.patience.key = time.Second
			s, err := openCoded(t.Context(), cmd, origin{noun: "the command", baseline: "none", keys: "it must"}, wantVideo())
			for err == nil {
				_, err = s.Read()
			}
			assert.ErrorContains(t, err, c.want)
			if s != nil {
				assert.NoError(t, s.Close())
			}
		})
	}
}

func TestContextEndsAStream(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	s, err := Exec([]string{"sh", "-c", `cat "$1"; exec sleep 1000`, "sh", makeFile(t, "clip.h264", asCamera...)}, quiet()).Open(ctx, wantVideo())
	require.NoError(t, err)
	readFrames(t, s, 60)
	time.AfterFunc(10*time.Millisecond, stop)
	_, err = s.Read()
	assert.ErrorIs(t, err, context.Canceled)
	assert.NoError(t, s.Close())
	_, err = Exec([]string{"sleep", "1000"}, quiet()).Open(ctx, wantVideo())
	assert.ErrorIs(t, err, context.Canceled)
}

// TestPicturesInParts has a writer that stops in the middle of a picture.
func TestPicturesInParts(t *testing.T) {
	t.Parallel()
	log, text := newLog()
	path := makeFile(t, "clip.h264", asCamera...)
	script := `head -c 7000 "$1"; sleep 0.1; tail -c +7001 "$1"; exec sleep 1000`
	cmd := shell(script, path)
	cmd.log = log
	s, err := openCoded(t.Context(), cmd, origin{noun: "the command"}, wantVideo())
	require.NoError(t, err)
	frames := 0
	for text.String() == "" {
		_, err := s.Read()
		require.NoError(t, err)
		frames++
	}
	assert.Less(t, frames, 50)
	assert.Contains(t, text.String(), "left out pictures")
	assert.NoError(t, s.Close())
}

// TestSoundBeforePictures has a program that writes more sound than a pipe holds before its first
// picture.
func TestSoundBeforePictures(t *testing.T) {
	t.Parallel()
	cmd := shell(`head -c 1000000 /dev/zero >&3; cat "$1"; exec sleep 1000`, makeFile(t, "clip.h264", asCamera...))
	cmd.sound = true
	s, err := openCoded(t.Context(), cmd, origin{noun: "the command"}, wantVideo())
	require.NoError(t, err)
	readFrames(t, s, 10)
	require.NoError(t, coupled{s}.ReadSound(make([]int16, newest)))
	require.NoError(t, s.Close())
}

func TestKilledChild(t *testing.T) {
	t.Parallel()
	path := makeFile(t, "clip.h264", asCamera...)
	source := Exec([]string{"sh", "-c", `cat "$1"; exec sleep 1000`, "sh", path}, quiet())
	for range 2 {
		s, err := source.Open(t.Context(), wantVideo())
		require.NoError(t, err)
		readFrames(t, s, 60)
		require.NoError(t, syscall.Kill(s.(*coded).child.cmd.Process.Pid, syscall.SIGKILL))
		_, err = s.Read()
		assert.EqualError(t, err, "sh ended (signal: killed)")
		assert.NoError(t, s.Close())
	}
}

// fakeWriter writes the units of a file, 30 per second, each with the time in a SEI message before
// its slices. The file's units must have one NAL unit with slices each.
func fakeWriter(args []string) {
	data, err := os.ReadFile(args[0])
	if err != nil {
		panic(err)
	}
	r := annexb.NewReader(bytes.NewReader(data), annexb.Config{})
	tick := time.NewTicker(time.Second / 30)
	for {
		unit, err := r.Next()
		if err != nil {
			return
		}
		<-tick.C
		stamp := append([]byte{0, 0, 0, 1, 6}, []byte("at")...)
		for _, b := range binary.BigEndian.AppendUint64(nil, uint64(time.Now().UnixNano())) {
			stamp = append(stamp, 0x10|b>>4, 0x10|b&15) // no zeros
		}
		if _, err := os.Stdout.Write(append(stamp, unit.Data...)); err != nil {
			return
		}
	}
}

// BenchmarkDelay measures the time from a program's write to the unit that Next returns, with guessing
// and without.
func BenchmarkDelay(b *testing.B) {
	path := makeFile(b, "clip.h264", asCamera...)
	b.Setenv(asProgram, "writer")
	for name, wait := range map[string]time.Duration{"idle detection": idle, "next picture": 0} {
		b.Run(name, func(b *testing.B) {
			var delays []time.Duration
			for range b.N {
				p, err := startChild(b.Context(), command{args: []string{os.Args[0], path}, patience: usual(), log: quiet()})
				require.NoError(b, err)
				r := annexb.NewReader(p, annexb.Config{Idle: wait, Interval: time.Second / 30})
				for range 59 {
					unit, err := r.Next()
					require.NoError(b, err)
					delays = append(delays, time.Since(stamp(unit.Data)))
				}
				require.NoError(b, p.Close())
			}
			slices.Sort(delays)
			b.ReportMetric(float64(delays[len(delays)/2].Microseconds())/1000, "ms-median")
			b.ReportMetric(float64(delays[len(delays)*99/100].Microseconds())/1000, "ms-p99")
		})
	}
}

// stamp reads the time that fakeWriter put into a unit.
func stamp(unit []byte) time.Time {
	digits := unit[bytes.Index(unit, []byte("at"))+2:][:16]
	var nanos uint64
	for _, d := range digits {
		nanos = nanos<<4 | uint64(d&15)
	}
	return time.Unix(0, int64(nanos))
}
