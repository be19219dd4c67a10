package vp8

import (
	"encoding/binary"
	"image"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// film draws pictures of noise that moves, so many per second, and returns the bytes and key frames that
// they become.
type film struct {
	*Encoder
	noise *image.YCbCr
	n     int
	at    time.Duration
	keys  []int
}

func newFilm(t *testing.T, width, height, bitrate, interval int) *film {
	e, err := New(width, height, bitrate, interval)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, e.Close()) })
	f := &film{Encoder: e, noise: image.NewYCbCr(image.Rect(0, 0, 2*width, 2*height), image.YCbCrSubsampleRatio420)}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range f.noise.Y {
		x, y := i%f.noise.YStride, i/f.noise.YStride
		f.noise.Y[i] = byte(60 + (x*x/90+y*y/60)%96 + random.IntN(8))
	}
	for i := range f.noise.Cb {
		f.noise.Cb[i], f.noise.Cr[i] = 128, 128
	}
	return f
}

func (f *film) picture() *image.YCbCr {
	left, top := 2*(f.n*2%(f.size.X/2)), 2*(f.n%(f.size.Y/2))
	return f.noise.SubImage(image.Rect(left, top, left+f.size.X, top+f.size.Y)).(*image.YCbCr)
}

func (f *film) run(t *testing.T, pictures, fps int, jitter time.Duration) (bytes int) {
	random := rand.New(rand.NewPCG(3, 4))
	for range pictures {
		f.at += time.Second / time.Duration(fps)
		data, err := f.Encode(f.picture(), f.at+time.Duration(random.Int64N(int64(jitter)+1)), false)
		require.NoError(t, err)
		if len(data) > 0 && data[0]&1 == 0 {
			f.keys = append(f.keys, f.n)
		}
		bytes += len(data)
		f.n++
	}
	return bytes
}

func TestBitrateIsKept(t *testing.T) {
	for _, fps := range []int{30, 15, 10} {
		for _, jitter := range []time.Duration{0, 10 * time.Millisecond} {
			f := newFilm(t, 320, 180, 300_000, 1000)
			for _, bitrate := range []int{300_000, 150_000, 400_000} {
				require.NoError(t, f.SetBitrate(bitrate))
				f.run(t, 2*fps, fps, jitter) // to settle
				got := float64(f.run(t, 4*fps, fps, jitter)) * 8 / 4
				assert.InEpsilon(t, bitrate, got, 0.25, "%d pictures a second, ±%v", fps, jitter)
			}
			assert.Equal(t, []int{0}, f.keys)
		}
	}
}

func TestKeyFrames(t *testing.T) {
	f := newFilm(t, 64, 48, 1_000_000, 10)
	f.run(t, 25, 30, 0)
	assert.Equal(t, []int{0, 10, 20}, f.keys)
	data, err := f.Encode(f.picture(), f.at+time.Second, true)
	require.NoError(t, err)
	require.Zero(t, data[0]&1, "forced")
	size := image.Pt(int(binary.LittleEndian.Uint16(data[6:])), int(binary.LittleEndian.Uint16(data[8:])))
	assert.Equal(t, image.Pt(64, 48), size, "RFC 6386 section 9.1")
}

// TestTimesThatStand: a camera's clock may be set back.
func TestTimesThatStand(t *testing.T) {
	f := newFilm(t, 64, 48, 1_000_000, 1000)
	for _, at := range []time.Duration{time.Second, time.Second, 0, -time.Hour, 2 * time.Second} {
		data, err := f.Encode(f.picture(), at, false)
		require.NoError(t, err)
		assert.NotEmpty(t, data)
	}
}

func TestWrongUse(t *testing.T) {
	_, err := New(0, 0, 100_000, 10)
	assert.ErrorContains(t, err, "start the VP8 encoder")
	e, err := New(64, 48, 100_000, 10)
	require.NoError(t, err)
	_, err = e.Encode(image.NewYCbCr(image.Rect(0, 0, 32, 48), image.YCbCrSubsampleRatio420), 0, false)
	assert.ErrorContains(t, err, "(64,48) was given a picture of (32,48)")
	_, err = e.Encode(image.NewYCbCr(image.Rect(0, 0, 64, 48), image.YCbCrSubsampleRatio444), 0, false)
	assert.Error(t, err)
	require.NoError(t, e.Close())
	require.NoError(t, e.Close())
	assert.ErrorIs(t, e.SetBitrate(1), errClosed)
	_, err = e.Encode(image.NewYCbCr(image.Rect(0, 0, 64, 48), image.YCbCrSubsampleRatio420), 0, false)
	assert.ErrorIs(t, err, errClosed)
}

func BenchmarkEncode720p(b *testing.B) {
	e, err := New(1280, 720, 1_000_000, 300)
	require.NoError(b, err)
	defer func() { assert.NoError(b, e.Close()) }()
	f := &film{Encoder: e, noise: image.NewYCbCr(image.Rect(0, 0, 2560, 1440), image.YCbCrSubsampleRatio420)}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range f.noise.Y {
		f.noise.Y[i] = byte(60 + i*i%97 + random.IntN(8))
	}
	for b.Loop() {
		f.at += time.Second / 30
		_, err := f.Encode(f.picture(), f.at, false)
		require.NoError(b, err)
		f.n++
	}
}
