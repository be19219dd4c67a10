package media

import (
	"encoding/binary"
	"image"
	"testing"
	"testing/synctest"
	"time"

	"seccam/camerad/media/annexb"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// camera is an encoder with pictures for it, 30 a second of a synctest bubble's time: libvpx's rate
// control asks the clock.
type camera struct {
	*encoder
	kind  Codec
	scene *scene
	start time.Time
	n     int
	keys  []int // pictures that became key frames
}

func newCamera(t *testing.T, kind Codec, bitrate int, keyFrames time.Duration) *camera {
	e, err := newEncoder(kind, image.Pt(256, 144), Rate{256, 144, 30, bitrate}, keyFrames)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, e.close()) })
	return &camera{encoder: e, kind: kind, scene: newScene(256, 144), start: time.Now()}
}

// film encodes so many pictures and returns their bytes. every, if it is not nil, decides about each.
func (c *camera) film(t *testing.T, pictures, bitrate int, every func(n int) (key bool, bitrate int)) (bytes int) {
	for range pictures {
		time.Sleep(time.Second / 30)
		key, bits := false, bitrate
		if every != nil {
			key, bits = every(c.n)
		}
		data, err := c.encode(c.scene.draw(c.n), time.Since(c.start), key, bits)
		require.NoError(t, err)
		if isKey(c.kind, data) {
			c.keys = append(c.keys, c.n)
		}
		bytes += len(data)
		c.n++
	}
	return bytes
}

func isKey(kind Codec, data []byte) bool {
	if kind == VP8 {
		return len(data) > 0 && data[0]&1 == 0
	}
	return annexb.Key(annexb.H264, data)
}

// size is a key frame's.
func size(t *testing.T, kind Codec, data []byte) image.Point {
	if kind == VP8 { // RFC 6386 section 9.1
		return image.Pt(int(binary.LittleEndian.Uint16(data[6:])&0x3fff), int(binary.LittleEndian.Uint16(data[8:])&0x3fff))
	}
	sets, err := annexb.ParseParameters(annexb.H264, data)
	require.NoError(t, err)
	return image.Pt(sets.SPS.Width, sets.SPS.Height)
}

// filming runs a test for both codecs in a bubble.
func filming(t *testing.T, test func(*testing.T, Codec)) {
	for _, kind := range []Codec{H264, VP8} {
		t.Run(string(kind), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { test(t, kind) }) })
	}
}

// TestBitrateIsFollowed changes it every few seconds.
func TestBitrateIsFollowed(t *testing.T) {
	filming(t, func(t *testing.T, kind Codec) {
		c := newCamera(t, kind, 300_000, time.Minute)
		for _, bitrate := range []int{300_000, 150_000, 600_000} {
			const pictures, off = 75, 1.3
			c.film(t, 30, bitrate, nil) // to settle
			got := float64(c.film(t, pictures, bitrate, nil)) * 8 * 30 / pictures
			t.Logf("%d kbit/s wanted, %.0f encoded", bitrate/kbit, got/kbit)
			assert.Less(t, got, float64(bitrate)*off)
			assert.Greater(t, got, float64(bitrate)/off)
		}
	})
}

// TestChangeOfBitrateMakesNoKeyFrame changes it as often as the engine does, for 5 s. It stays below 192
// kbit/s: to exceed what a level allows for pictures as small as these (H.264 table A-1) begins a new
// sequence.
func TestChangeOfBitrateMakesNoKeyFrame(t *testing.T) {
	filming(t, func(t *testing.T, kind Codec) {
		c := newCamera(t, kind, 150_000, 10*time.Second)
		bitrates := []int{150_000, 156_000, 162_240, 100_000, 80_000, 190_000}
		c.film(t, 150, 0, func(n int) (bool, int) { return false, bitrates[n/6%len(bitrates)] })
		assert.Equal(t, []int{0}, c.keys)
	})
}

func TestKeyFrames(t *testing.T) {
	filming(t, func(t *testing.T, kind Codec) {
		c := newCamera(t, kind, 2_000_000, time.Second)
		c.film(t, 45, 0, func(n int) (bool, int) { return n == 10, 2_000_000 })
		assert.Equal(t, []int{0, 10, 40}, c.keys, "as forced, and a second after that")
	})
}

func TestEncoderScales(t *testing.T) {
	for _, kind := range []Codec{H264, VP8} {
		e, err := newEncoder(kind, image.Pt(320, 180), Rate{160, 90, 30, 100_000}, time.Second)
		require.NoError(t, err)
		data, err := e.encode(newScene(320, 180).draw(0), 0, false, 100_000)
		require.NoError(t, err)
		require.True(t, isKey(kind, data))
		assert.Equal(t, image.Pt(160, 90), size(t, kind, data))
		assert.NoError(t, e.close())
		assert.NoError(t, e.close(), "harmless")
		_, err = e.encode(newScene(320, 180).draw(0), 0, false, 100_000)
		assert.Error(t, err)
	}
}

// TestEncodersOwnWhatTheyReturn: units are kept while the encoder goes on.
func TestEncodersOwnWhatTheyReturn(t *testing.T) {
	filming(t, func(t *testing.T, kind Codec) {
		c := newCamera(t, kind, 300_000, time.Second)
		first, err := c.encode(c.scene.draw(0), 0, false, 300_000)
		require.NoError(t, err)
		before := string(first)
		c.film(t, 10, 300_000, nil)
		assert.Equal(t, before, string(first))
	})
}

func TestImpossibleEncoder(t *testing.T) {
	_, err := newEncoder(H264, image.Pt(320, 180), Rate{100_000, 100_000, 30, 100_000}, time.Second)
	assert.ErrorContains(t, err, "H264 encoder for 100000x100000")
}
