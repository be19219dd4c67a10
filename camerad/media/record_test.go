package media

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"seccam/camerad/media/annexb"
	"seccam/camerad/media/source"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// unitsOf splits a recording.
func unitsOf(t *testing.T, recording []byte, codec source.Codec) (units [][]byte) {
	reader := annexb.NewReader(bytes.NewReader(recording), annexb.Config{Codec: annexb.Codec(codec)})
	for {
		unit, err := reader.Next()
		if err != nil {
			require.ErrorIs(t, err, io.EOF)
			return units
		}
		units = append(units, unit.Data)
	}
}

func TestRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		cfg := smallVideo()
		cfg.Bitrate = 2 * mbit // enough to skip nothing
		report, err := Record(t.Context(), source.TestPattern(), cfg, 2500*time.Millisecond, &out)
		require.NoError(t, err)
		assert.Equal(t, rawFormat(), report.Format)
		assert.InDelta(t, 75, report.Frames, 1)
		assert.Equal(t, 3, report.KeyFrames, "one per second")
		assert.InDelta(t, 30, report.FPS(), 0.1)
		assert.EqualValues(t, out.Len(), report.Bytes)
		assert.InEpsilon(t, float64(out.Len())*8/2.5, report.Bitrate(), 0.1)
		assert.Less(t, report.FirstFrame, 100*time.Millisecond)
		assert.Len(t, report.EncodeTimes, report.Frames)
		units := unitsOf(t, out.Bytes(), source.H264)
		require.Len(t, units, report.Frames)
		assert.Equal(t, image.Pt(320, 180), size(t, H264, units[0]))
	})
}

func TestRecordOfACodedStream(t *testing.T) {
	c := get(t, clipH265)
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		report, err := Record(t.Context(), c.source(), smallVideo(), 410*time.Millisecond, &out)
		require.NoError(t, err)
		assert.Equal(t, source.H265, report.Format.Codec)
		assert.Equal(t, 10, report.Frames)
		assert.Equal(t, 2, report.KeyFrames)
		assert.Empty(t, report.EncodeTimes)
		assert.Zero(t, report.EncodeTime(50))
		requireSame(t, c.units[:10], unitsOf(t, out.Bytes(), source.H265))
	})
}

// brokenWriter fails after so many writes.
type brokenWriter struct{ left int }

func (w *brokenWriter) Write(p []byte) (int, error) {
	if w.left--; w.left < 0 {
		return 0, errors.New("disk full")
	}
	return len(p), nil
}

func TestRecordFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		report, err := Record(t.Context(), plainSource(), smallVideo(), time.Second, &brokenWriter{left: 3})
		assert.ErrorContains(t, err, "write recording: disk full")
		assert.Equal(t, 3, report.Frames)

		report, err = Record(t.Context(), source.Source{Open: func(context.Context, source.Video) (source.Stream, error) {
			return nil, errors.New("no camera")
		}}, smallVideo(), time.Second, io.Discard)
		assert.EqualError(t, err, "no camera")
		assert.Zero(t, report.FPS()+report.Bitrate())

		closed := false
		_, err = Record(t.Context(), source.Source{Open: func(context.Context, source.Video) (source.Stream, error) {
			return stubStream{rawFormat(), func() (source.Frame, error) { return source.Frame{}, errors.New("unplugged") },
				func() error { closed = true; return nil }}, nil
		}}, smallVideo(), time.Second, io.Discard)
		assert.EqualError(t, err, "unplugged")
		assert.True(t, closed)

		ctx, stop := context.WithCancel(t.Context())
		stop()
		_, err = Record(ctx, plainSource(), smallVideo(), time.Second, io.Discard)
		assert.ErrorIs(t, err, context.Canceled, "a person ended it")
	})
}

func TestReport(t *testing.T) {
	r := Report{Frames: 11, Bytes: 11_000, Took: time.Second}
	for n := range 100 {
		r.EncodeTimes = append(r.EncodeTimes, time.Duration((n*37)%100))
	}
	assert.InDelta(t, 10, r.FPS(), 0)
	assert.InDelta(t, 80_000, r.Bitrate(), 0)
	assert.Equal(t, []time.Duration{0, 50, 95, 99}, []time.Duration{r.EncodeTime(0), r.EncodeTime(50), r.EncodeTime(95), r.EncodeTime(100)})
	assert.EqualValues(t, 0, r.EncodeTimes[0], "not sorted in place")
	assert.EqualValues(t, 37, r.EncodeTimes[1])
}

func TestProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		picture := image.NewRGBA(image.Rect(0, 0, 320, 180))
		for i := range picture.Pix {
			picture.Pix[i] = 200
		}
		format, jpeg, err := Probe(t.Context(), rawSource(func(int) image.Image { return picture }), smallVideo())
		require.NoError(t, err)
		assert.Equal(t, rawFormat(), format)
		got := decode(t, jpeg)
		assert.Equal(t, image.Pt(320, 180), got.Bounds().Size())
		assert.InDelta(t, 200, color.GrayModel.Convert(got.At(50, 50)).(color.Gray).Y, 3)

		began := time.Now()
		_, _, err = Probe(t.Context(), stubSource(rawFormat(), func(ctx context.Context) (source.Frame, error) {
			return source.Frame{}, pause(ctx, time.Hour)
		}), smallVideo())
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, probeTime, time.Since(began))
	})
	format, jpeg, err := Probe(t.Context(), get(t, clipH265).source(), smallVideo())
	require.NoError(t, err)
	assert.Equal(t, source.Format{Codec: source.H265, Width: clipWidth, Height: clipHeight}, format)
	assert.Equal(t, image.Pt(clipWidth, clipHeight), decode(t, jpeg).Bounds().Size())
}
