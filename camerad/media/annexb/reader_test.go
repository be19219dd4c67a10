package annexb

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func readAll(t testing.TB, stream []byte, cfg Config) []Unit {
	t.Helper()
	units, err := collect(NewReader(bytes.NewReader(stream), cfg))
	require.ErrorIs(t, err, io.EOF)
	return units
}

func collect(r *Reader) (units []Unit, err error) {
	for {
		unit, err := r.Next()
		if err != nil {
			return units, err
		}
		units = append(units, unit)
	}
}

func sizes(units []Unit) (sizes []int) {
	for _, unit := range units {
		sizes = append(sizes, len(unit.Data))
	}
	return sizes
}

func TestUnitsAsFFmpegSeesThem(t *testing.T) {
	for name, c := range map[string]struct {
		codec   Codec
		options []string
	}{
		"H264":                          {H264, x264("bframes=0")},
		"H264 in slices":                {H264, x264("slices=4:sliced-threads=1")},
		"H264 with delimiters":          {H264, x264("aud=1")},
		"H264 with SEI":                 {H264, x264("nal-hrd=vbr:vbv-maxrate=500:vbv-bufsize=500", "-b:v", "500k")},
		"H264 with B-frames, reference": {H264, []string{"-c:v", "libx264", "-g", "10"}},
		"H265":                          {H265, x265("bframes=0")},
		"H265 in slices":                {H265, x265("slices=3:bframes=0")},
		"H265 with delimiters and SEI":  {H265, x265("aud=1:hrd=1:vbv-maxrate=500:vbv-bufsize=500:bitrate=400")},
		"H265 with B-frames":            {H265, x265("bframes=3")},
	} {
		t.Run(name, func(t *testing.T) {
			clip := makeClip(t, c.codec, c.options...)
			r := NewReader(bytes.NewReader(append([]byte("garbage\x00\x00"), clip.data...)), Config{})
			units, err := collect(r)
			require.ErrorIs(t, err, io.EOF)
			assert.Equal(t, c.codec, r.Codec())
			assert.InDeltaSlice(t, clip.units, sizes(units), 1, "ffmpeg counts the zero_byte of H265 before")
			assert.True(t, Key(c.codec, units[0].Data))
			bytewise, err := collect(NewReader(iotest.OneByteReader(bytes.NewReader(clip.data)), Config{Codec: c.codec}))
			require.ErrorIs(t, err, io.EOF)
			require.Len(t, bytewise, len(units))
			assert.Equal(t, units, sameTimes(bytewise, units), "however the stream is cut")
		})
	}
}

// sameTimes gives units the times of others.
func sameTimes(units, others []Unit) []Unit {
	for i := range units {
		units[i].At = others[i].At
	}
	return units
}

// script is a source that gives one string at a time. Wait reports false before those that are late.
type script struct {
	chunks []string
	late   []time.Duration // how long each is not there; 0 if at once
	waits  []time.Duration // what Wait was asked
}

func (s *script) Read(p []byte) (int, error) {
	if len(s.chunks) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.chunks[0])
	s.late[0] = 0
	if s.chunks[0] = s.chunks[0][n:]; s.chunks[0] == "" {
		s.chunks, s.late = s.chunks[1:], s.late[1:]
	}
	return n, nil
}

func (s *script) Wait(d time.Duration) bool {
	s.waits = append(s.waits, d)
	if len(s.late) == 0 {
		return true
	}
	s.late[0] -= min(d, s.late[0])
	return s.late[0] == 0
}

// add appends a chunk that is there after a time.
func (s *script) add(late time.Duration, chunk string) *script {
	s.chunks, s.late = append(s.chunks, chunk), append(s.late, late)
	return s
}

const (
	ms     = time.Millisecond
	sets   = "\x00\x00\x00\x01\x67\x42\x00\x00\x00\x01\x68\xce"
	idr    = "\x00\x00\x00\x01\x65\xb8key"
	second = "\x00\x00\x01\x65\x38second slice"
	other  = "\x00\x00\x00\x01\x41\xe2other"
	frame  = 33 * ms
)

func texts(units []Unit) (texts []string) {
	for _, unit := range units {
		texts = append(texts, string(unit.Data))
	}
	return texts
}

func scripted(t *testing.T, s *script) []Unit {
	t.Helper()
	units, err := collect(NewReader(s, Config{Codec: H264, Idle: 2 * ms, Interval: frame}))
	require.ErrorIs(t, err, io.EOF)
	return units
}

func TestUnitIsTakenWhenNothingFollows(t *testing.T) {
	s := new(script).add(0, sets).add(9*ms, idr).add(1*ms, second).add(30*ms, other).add(30*ms, other)
	r := NewReader(s, Config{Codec: H264, Idle: 2 * ms, Interval: frame})
	unit, err := r.Next()
	require.NoError(t, err)
	assert.Equal(t, sets+idr+second, string(unit.Data))
	assert.Len(t, s.chunks, 2, "the next picture was not waited for")
	unit, err = r.Next()
	require.NoError(t, err)
	assert.Equal(t, other, string(unit.Data))
	assert.Equal(t, []time.Duration{2 * ms, 2 * ms, 2 * ms}, s.waits, "only after slices")
}

func TestNoGuessWhereMoreMustCome(t *testing.T) {
	full := "\x00\x00\x00\x01\x41\xe2" + string(bytes.Repeat([]byte("x"), 4090))
	for name, chunks := range map[string][2]string{
		"in a start code":             {idr + "\x00\x00", "\x00\x01\x41\xe2other"},
		"after a start code":          {idr + "\x00\x00\x00\x01", "\x41\xe2other"},
		"in a slice header":           {idr + "\x00\x00\x00\x01\x41", "\xe2other"},
		"at the end of a full buffer": {full, "rest"},
		"before the first slice":      {sets, idr},
	} {
		t.Run(name, func(t *testing.T) {
			s := new(script).add(0, chunks[0]).add(20*ms, chunks[1])
			assert.Equal(t, chunks[0]+chunks[1], string(bytes.Join(bytesOf(scripted(t, s)), nil)))
			assert.Empty(t, s.waits[:max(0, len(s.waits)-1)], "but for the last picture")
		})
	}
}

func bytesOf(units []Unit) (data [][]byte) {
	for _, unit := range units {
		data = append(data, unit.Data)
	}
	return data
}

func TestWrongGuessSkipsToTheNextKeyFrame(t *testing.T) {
	for name, rest := range map[string]string{
		"cut in a slice":         "the rest of the picture",
		"cut in a slice, zeros":  "\x00\x00\x03the rest of the picture",
		"cut between two slices": second,
	} {
		t.Run(name, func(t *testing.T) {
			s := new(script).add(0, sets+idr).add(3*ms, rest).add(9*ms, other).add(9*ms, other).add(9*ms, sets+idr).add(3*ms, second).add(9*ms, other)
			units := scripted(t, s)
			assert.Equal(t, []string{sets + idr, sets + idr + second, other}, texts(units))
			assert.Zero(t, units[0].Skipped)
			assert.Equal(t, 2, units[1].Skipped)
			assert.Zero(t, units[2].Skipped)
			assert.Equal(t, []time.Duration{2 * ms, 4 * ms, 4 * ms, 4 * ms, 4 * ms, 4 * ms}, s.waits)
		})
	}
}

func TestGuessingEndsWhenItGainsNothing(t *testing.T) {
	s := new(script)
	for range 7 {
		s.add(40*ms, sets+idr).add(39*ms, "rest")
	}
	units := scripted(t, s)
	assert.Equal(t, []time.Duration{2 * ms, 4 * ms, 8 * ms, 16 * ms, 32 * ms}, s.waits)
	assert.Equal(t, sets+idr+"rest", string(units[len(units)-1].Data), "nothing is cut any more")
}

func TestRightGuessBeforeZeros(t *testing.T) {
	s := new(script).add(0, idr).add(9*ms, "\x00").add(0, "\x00\x00"+other).add(9*ms, "\x00\x00")
	assert.Equal(t, []string{idr, "\x00\x00\x00" + other}, texts(scripted(t, s)))
}

func TestBounded(t *testing.T) {
	endless := func(chunk string) io.Reader {
		return iotest.DataErrReader(io.MultiReader(bytes.NewReader(bytes.Repeat([]byte(chunk), 2*MaxUnit/len(chunk)))))
	}
	for name, c := range map[string]struct {
		start, chunk, want string
	}{
		"no start code":        {"", "x", "no picture begins within 4 MiB"},
		"zeros":                {"", "\x00", "no picture begins within 4 MiB"},
		"unknown NAL units":    {"", "\x00\x00\x01\x0c\xff", "no picture begins within 4 MiB"},
		"MJPEG":                {"", "\xff\xd8\xff\xe0", "MJPEG"},
		"random start codes":   {"", "\x00\x00\x01\x67\x99\x00\x1f", "no picture begins"},
		"an endless picture":   {sets + idr, "x", "more than 4 MiB"},
		"an endless preamble":  {sets, "\x00\x00\x01\x06\x01", "more than 4 MiB"},
		"endless other slices": {sets + idr, second, "more than 4 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewReader(io.MultiReader(bytes.NewReader([]byte(c.start)), endless(c.chunk)), Config{})
			_, err := collect(r)
			assert.ErrorIs(t, err, ErrFormat)
			assert.ErrorContains(t, err, c.want)
			assert.Less(t, cap(r.buf), 3*MaxUnit)
		})
	}
}

func TestErrorOfTheSourceComesAfterItsUnits(t *testing.T) {
	broken := errors.New("unplugged")
	units, err := collect(NewReader(io.MultiReader(bytes.NewReader([]byte(sets+idr+other)), iotest.ErrReader(broken)), Config{}))
	assert.ErrorIs(t, err, broken)
	assert.Equal(t, []string{sets + idr, other}, texts(units))
}

func TestArrival(t *testing.T) {
	before := time.Now()
	reader, writer := io.Pipe()
	r := NewReader(reader, Config{})
	go func() {
		_, _ = io.WriteString(writer, sets+idr)
		_, _ = io.WriteString(writer, other)
		_ = writer.Close()
	}()
	units, err := collect(r)
	require.ErrorIs(t, err, io.EOF)
	assert.True(t, before.Before(units[0].At) && units[0].At.Before(units[1].At), "first bytes, not last")
	assert.False(t, time.Now().Before(units[1].At))
}

// chopped gives a stream in pieces whose sizes and lateness the fuzzer chooses.
type chopped struct {
	data, sizes []byte
	i           int
}

func (c *chopped) next() byte {
	c.i++
	return c.sizes[c.i%len(c.sizes)]
}

func (c *chopped) Read(p []byte) (int, error) {
	if len(c.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), 1+int(c.next()))], c.data)
	c.data = c.data[n:]
	return n, nil
}

func (c *chopped) Wait(time.Duration) bool { return c.next()%3 == 0 }

func FuzzReader(f *testing.F) {
	f.Add([]byte("garbage"+sets+idr+second+other+other), []byte{1, 200}, byte(0))
	f.Add(makeClip(f, H265, x265("slices=2")...).data[:5000], []byte{40, 3, 255}, byte(1))
	f.Add(makeClip(f, H264, x264("aud=1")...).data[:5000], []byte{255, 4, 3}, byte(2))
	f.Fuzz(func(t *testing.T, stream, sizes []byte, which byte) {
		if len(sizes) == 0 {
			return
		}
		cfg := Config{Codec: []Codec{"", H264, H265}[which%3]}
		units, err := collect(NewReader(&chopped{data: stream, sizes: sizes}, cfg))
		assert.ErrorIs(t, err, io.EOF)
		joined := bytes.Join(bytesOf(units), nil)
		assert.True(t, bytes.HasSuffix(stream, joined), "all of the stream but what precedes the first unit")
		if cfg.Codec != "" && bytes.Contains(stream, startCode) {
			first := bytes.Index(stream, startCode)
			assert.GreaterOrEqual(t, len(joined), len(stream)-first, "not less than that")
		}

		cfg.Idle, cfg.Interval = ms, frame
		guessed, err := collect(NewReader(&chopped{data: stream, sizes: sizes}, cfg))
		assert.ErrorIs(t, err, io.EOF)
		for _, unit := range guessed {
			i := bytes.Index(stream, unit.Data)
			if assert.GreaterOrEqual(t, i, 0, "units are parts of the stream, in its order") {
				stream = stream[i+len(unit.Data):]
			}
		}
	})
}
