//go:build v4l2

// These tests need v4l2loopback, a device that gives one program what another has written, as
// .ci/test-v4l2 sets it up: cameras of coded pictures are simulated with it.

package source

import (
	"bytes"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// codedCamera is a simulated camera.
type codedCamera struct {
	path string
	file *os.File
}

// newCodedCamera makes a camera of the loopback device.
func newCodedCamera(t *testing.T, pixels fourCC, size image.Point) *codedCamera {
	t.Helper()
	found, err := filepath.Glob("/sys/devices/virtual/video4linux/video*")
	require.NoError(t, err)
	require.Len(t, found, 1, "one loopback device")
	path := "/dev/" + filepath.Base(found[0])
	n, err := openNode(path, path)
	require.NoError(t, err)
	_, err = n.capability() // it takes an output format only after it was asked what it is
	require.NoError(t, err)
	kind := int32(2) // video output
	format := v4l2Format{kind: uint32(kind), v4l2Pixels: v4l2Pixels{
		width: uint32(size.X), height: uint32(size.Y), pixels: pixels, field: v4l2FieldNone, sizeImage: 1 << 20,
	}}
	require.NoError(t, n.ioctl(v4l2SetFormat, unsafe.Pointer(&format)))
	require.Equal(t, pixels, format.pixels)
	require.NoError(t, n.ioctl(v4l2StreamOn, unsafe.Pointer(&kind))) // from now on it is a camera
	c := &codedCamera{path: path, file: os.NewFile(uintptr(n.fd), path)}
	t.Cleanup(func() { assert.NoError(t, c.file.Close()) })
	return c
}

func (c *codedCamera) give(t *testing.T, picture []byte) {
	t.Helper()
	n, err := c.file.Write(picture)
	require.NoError(t, err)
	require.Equal(t, len(picture), n)
}

func TestV4L2MJPEG(t *testing.T) {
	c := newCodedCamera(t, pixelsMJPEG, image.Pt(320, 180))
	s := openCamera(t, c.path, smallVideo) // the size is the only one there is
	assert.Equal(t, Format{Codec: Raw, Width: 320, Height: 180, FPS: 30}, s.Format())
	for i := range 10 {
		full := image.NewYCbCr(image.Rect(0, 0, 320, 180), image.YCbCrSubsampleRatio420)
		for _, plane := range [][]byte{full.Y, full.Cb, full.Cr} {
			for j := range plane {
				plane[j] = byte(100 + 10*i)
			}
		}
		var picture bytes.Buffer
		require.NoError(t, jpeg.Encode(&picture, full, nil))
		c.give(t, picture.Bytes())
		f, got := readPicture(t, s)
		assert.InDelta(t, int(limitedRange.luma[100+10*i]), int(got.Y[320*100+100]), 2)
		assert.InDelta(t, int(limitedRange.chroma[100+10*i]), int(got.Cb[160*50+50]), 2)
		assert.Less(t, time.Since(f.At), cameraPatience)
		c.give(t, picture.Bytes()[:picture.Len()/2]) // as USB loses it; it is skipped
	}
}

func TestV4L2H264(t *testing.T) {
	c := newCodedCamera(t, pixelsH264, image.Pt(1280, 720))
	s := openCamera(t, c.path, smallVideo) // it cannot be told a bitrate, but gives nothing else
	assert.Equal(t, Format{Codec: H264, Width: 1280, Height: 720, FPS: 30}, s.Format())
	sets := []byte{0, 0, 0, 1, 0x67, 66, 224, 31, 0, 0, 0, 1, 0x68, 206}
	key := append([]byte{0, 0, 0, 1, 0x65}, bytes.Repeat([]byte{1, 2, 3}, 10_000)...)
	delta := append([]byte{0, 0, 1, 0x41}, bytes.Repeat([]byte{4, 5}, 500)...)
	units := make(chan Frame)
	go func() {
		defer close(units)
		for range 3 {
			f, err := s.Read()
			if !assert.NoError(t, err) {
				return
			}
			units <- f
		}
	}()
	expect := func(unit []byte) {
		t.Helper()
		f := <-units
		assert.Equal(t, unit, f.Unit)
		assert.Nil(t, f.Image)
		assert.Less(t, time.Since(f.At), cameraPatience)
	}
	c.give(t, append(bytes.Clone(sets), key...))
	expect(append(bytes.Clone(sets), key...))
	c.give(t, sets) // alone: a part of the next unit
	c.give(t, key)
	expect(append(bytes.Clone(sets), key...))
	c.give(t, delta)
	expect(delta)
}
