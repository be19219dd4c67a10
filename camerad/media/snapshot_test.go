package media

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"testing"
	"testing/synctest"
	"time"

	"seccam/camerad/media/source"
	"seccam/pkg/signaling"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// decode decodes a JPEG.
func decode(t *testing.T, data []byte) image.Image {
	t.Helper()
	picture, err := jpeg.Decode(bytes.NewReader(data))
	require.NoError(t, err)
	return picture
}

// brightness is the mean luma of a picture.
func brightness(picture image.Image) (sum int) {
	size := picture.Bounds().Size()
	for y := range size.Y {
		for x := range size.X {
			sum += int(color.GrayModel.Convert(picture.At(x, y)).(color.Gray).Y)
		}
	}
	return sum / (size.X * size.Y)
}

// quadrants is a picture whose quarters are red and grey above, grey and blue below.
func quadrants(width, height int) *image.YCbCr {
	p := plain(width, height, 120, 128, 128)
	for y := range height / 2 {
		for x := range width / 2 {
			p.Cr[p.COffset(x, y)] = 220
			p.Cb[p.COffset(width/2+x, height/2+y)] = 220
		}
	}
	return p
}

func TestSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		picture := quadrants(320, 180)
		e := runEngine(t, rawSource(func(int) image.Image { return picture }), func(cfg *Config) { cfg.Linger = time.Hour })
		for width, want := range map[int]image.Point{
			8192: {320, 180}, 320: {320, 180}, 160: {160, 90}, 101: {100, 56}, 2: {2, 2},
		} {
			data, err := e.Snapshot(t.Context(), width)
			require.NoError(t, err)
			got := decode(t, data)
			require.Equal(t, want, got.Bounds().Size(), "at most %d wide", width)
			if width < 100 {
				continue
			}
			red, _, blue, _ := got.At(want.X/4, want.Y/4).RGBA()
			assert.Greater(t, red, blue+0x3000)
			red, _, blue, _ = got.At(want.X*3/4, want.Y*3/4).RGBA()
			assert.Greater(t, blue, red+0x3000)
			red, _, blue, _ = got.At(want.X*3/4, want.Y/4).RGBA()
			assert.InDelta(t, red, blue, 0x400)
		}
		assert.Nil(t, e.full.actual.Load(), "nothing was encoded for it")
		time.Sleep(2 * time.Second)
		state, _ := e.State()
		assert.Equal(t, signaling.PictureResting, state, "nobody watches")
	})
}

// TestSnapshotIsOfNow: each time, the camera has seen something else.
func TestSnapshotIsOfNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := runEngine(t, rawSource(func(n int) image.Image { return plain(320, 180, byte(50+n), 128, 128) }), nil)
		last := 0
		for range 5 {
			data, err := e.Snapshot(t.Context(), 100)
			require.NoError(t, err)
			now := brightness(decode(t, data))
			assert.Greater(t, now, last)
			last = now
			e.await(t, signaling.PictureResting)
		}
		require.NoError(t, e.Set(controlRotation, 90))
		data, err := e.Snapshot(t.Context(), 1000)
		require.NoError(t, err)
		assert.Equal(t, image.Pt(180, 320), decode(t, data).Bounds().Size())
	})
}

func TestSnapshotWithoutAPicture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := runEngine(t, stubSource(rawFormat(), func(ctx context.Context) (source.Frame, error) {
			return source.Frame{}, pause(ctx, time.Hour)
		}), nil)
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		_, err := e.Snapshot(ctx, 100)
		assert.ErrorIs(t, err, ErrNoPicture)
		assert.ErrorIs(t, err, context.DeadlineExceeded)

		e = runEngine(t, stubSource(rawFormat(), func(context.Context) (source.Frame, error) {
			return source.Frame{}, errors.New("the cable is loose")
		}), nil)
		began := time.Now()
		_, err = e.Snapshot(t.Context(), 100)
		assert.ErrorIs(t, err, ErrNoPicture)
		assert.ErrorContains(t, err, "the cable is loose")
		assert.Less(t, time.Since(began), time.Second)

		e.SetPrivate("the shutter is closed")
		_, err = e.Snapshot(t.Context(), 100)
		assert.ErrorIs(t, err, ErrPrivate)
		assert.NotErrorIs(t, err, ErrNoPicture)
	})
}

func TestSnapshotEndsWithPrivacy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := runEngine(t, stubSource(rawFormat(), func(ctx context.Context) (source.Frame, error) {
			return source.Frame{}, pause(ctx, time.Hour)
		}), nil)
		failed := make(chan error)
		go func() {
			_, err := e.Snapshot(t.Context(), 100)
			failed <- err
		}()
		e.await(t, signaling.PictureStarting)
		e.SetPrivate("now")
		assert.ErrorIs(t, next(t, "end", failed), ErrPrivate)
	})
}

// TestSnapshotOfACodedStream is decoded by ffmpeg.
func TestSnapshotOfACodedStream(t *testing.T) {
	e := runEngine(t, get(t, clipH264).source(), nil)
	ctx, stop := context.WithTimeout(t.Context(), deadline)
	defer stop()
	data, err := e.Snapshot(ctx, 200)
	require.NoError(t, err)
	assert.Equal(t, image.Pt(200, 112), decode(t, data).Bounds().Size())
	t.Setenv("PATH", "")
	_, err = e.Snapshot(ctx, 200)
	assert.ErrorIs(t, err, ErrNoPicture)
	assert.ErrorContains(t, err, "install the package ffmpeg")
}

// TestDecodeLast looks at which picture of a group it is.
func TestDecodeLast(t *testing.T) {
	for _, make := range []func() (clip, error){clipH264, clipH265} {
		c := get(t, make)
		var group []*Unit
		for n, data := range c.units[:clipGroup] {
			group = append(group, &Unit{Data: data})
			if n == 0 || n == clipGroup-1 {
				jpeg, err := decodeLast(t.Context(), c.codec, group, snapshotMax)
				require.NoError(t, err)
				picture := decode(t, jpeg)
				assert.Equal(t, image.Pt(clipWidth, clipHeight), picture.Bounds().Size())
				full := (clipBrightness(n) - 16) * 255 / 219 // a JPEG's luma is of full range
				assert.InDelta(t, full, brightness(picture), 5, "picture %d", n)
			}
		}
	}
	_, err := decodeLast(t.Context(), source.H264, []*Unit{{Data: annexB([]byte{0x65, 1, 2, 3})}}, snapshotMax)
	assert.ErrorIs(t, err, ErrNoPicture)
	assert.ErrorContains(t, err, "could not be decoded")
}

func TestLatestReleasesWhatItForgets(t *testing.T) {
	var pool picturePool
	var l latest
	assert.Nil(t, l.get())
	first, second := pool.get(16, 16), pool.get(16, 16)
	renewed := l.renewed.next()
	l.set(first)
	<-renewed
	assert.EqualValues(t, 2, first.users.Load())
	got := l.get()
	assert.Same(t, first, got)
	l.set(second)
	assert.EqualValues(t, 2, first.users.Load(), "who has it keeps it")
	got.release()
	l.forget()
	assert.Equal(t, [2]int32{1, 1}, [2]int32{first.users.Load(), second.users.Load()})
}
