//go:build v4l2

// These tests need v4l2loopback, a device that gives one program what another has written, as
// .ci/test-v4l2 sets it up: cameras of coded pictures are simulated with it.

package source

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
	"unsafe"

	"seccam/camerad/media/annexb"

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
	c, err := openCodedCamera(pixels, size)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, c.file.Close()) })
	return c
}

func openCodedCamera(pixels fourCC, size image.Point) (*codedCamera, error) {
	found, err := filepath.Glob("/sys/devices/virtual/video4linux/video*")
	if err != nil || len(found) != 1 {
		return nil, fmt.Errorf("not one loopback device, but %v (%w)", found, err)
	}
	path := "/dev/" + filepath.Base(found[0])
	n, err := openNode(path, path)
	if err != nil {
		return nil, err
	}
	kind := int32(2) // video output
	format := v4l2Format{kind: uint32(kind), v4l2Pixels: v4l2Pixels{
		width: uint32(size.X), height: uint32(size.Y), pixels: pixels, field: v4l2FieldNone, sizeImage: 1 << 20,
	}}
	_, err = n.capability() // it takes an output format only after it was asked what it is
	if err == nil {
		err = n.ioctl(v4l2SetFormat, unsafe.Pointer(&format))
	}
	if err == nil && format.pixels != pixels {
		err = fmt.Errorf("the loopback device refuses %v", pixels)
	}
	if err == nil {
		err = n.ioctl(v4l2StreamOn, unsafe.Pointer(&kind)) // from now on it is a camera
	}
	if err != nil {
		return nil, errors.Join(err, n.close())
	}
	return &codedCamera{path: path, file: os.NewFile(uintptr(n.fd), path)}, nil
}

func init() { fakePrograms["coded-camera"] = playClip }

// playClip is a camera whose pictures are those of a file with H264, 30 a second, again and again.
func playClip(args []string) {
	clip, err := os.ReadFile(args[0])
	check(err)
	sets, err := annexb.ParseParameters(annexb.H264, clip)
	check(err)
	var units [][]byte
	for r := annexb.NewReader(bytes.NewReader(clip), annexb.Config{}); ; {
		unit, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		check(err)
		units = append(units, bytes.Clone(unit.Data))
	}
	c, err := openCodedCamera(pixelsH264, image.Pt(sets.SPS.Width, sets.SPS.Height))
	check(err)
	clock := time.NewTicker(time.Second / 30)
	for {
		for _, unit := range units {
			<-clock.C
			_, err := c.file.Write(unit)
			check(err)
		}
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
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
