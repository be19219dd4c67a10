//go:build v4l2

// These tests need vivid, the kernel's simulated camera, as .ci/test-v4l2 sets it up: vivid-000 is a
// webcam with a metadata and an output device, vivid-001 an HDMI input with ranges of sizes, vivid-002
// a camera of the multi-planar interface, which is not supported.

package source

import (
	"context"
	"fmt"
	"image"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const webcam, hdmi = "vivid;platform:vivid-000", "vivid;platform:vivid-001"

var smallVideo = Video{Width: 640, Height: 360, FPS: 30, Bitrate: 1_000_000, KeyFrameInterval: 2 * time.Second}

// vivid finds one of the simulated cameras.
func vivid(t *testing.T, name string) Device {
	t.Helper()
	devices := Devices()
	i := slices.IndexFunc(devices, func(d Device) bool { return d.Name == name })
	require.GreaterOrEqual(t, i, 0, "%s is among %v", name, labels(devices))
	return devices[i]
}

func labels(devices []Device) (all []string) {
	for _, d := range devices {
		all = append(all, d.Label+" "+d.Name)
	}
	return all
}

func openCamera(t *testing.T, device string, want Video) *cameraStream {
	t.Helper()
	s, err := Camera(device, FormatAuto).Open(t.Context(), want)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s.(*cameraStream)
}

func readPicture(t *testing.T, s Stream) (Frame, *image.YCbCr) {
	t.Helper()
	f, err := s.Read()
	require.NoError(t, err)
	return f, f.Image.(*image.YCbCr)
}

// simulate sets one of vivid's own controls, which make it misbehave.
func simulate(t *testing.T, path, name string, value int32) {
	t.Helper()
	const next = 0x8000_0000
	n, err := openNode(path, path)
	require.NoError(t, err)
	defer func() { require.NoError(t, n.close()) }()
	q := v4l2QueryControl{id: next}
	for n.ioctl(v4l2QueryCtrl, unsafe.Pointer(&q)) == nil {
		if cString(q.name[:]) == name {
			require.NoError(t, n.ioctl(v4l2SetControl, unsafe.Pointer(&v4l2Control{id: q.id, value: value})))
			return
		}
		q = v4l2QueryControl{id: q.id | next}
	}
	t.Fatalf("vivid has no control %q", name)
}

func TestV4L2Devices(t *testing.T) {
	devices := Devices()
	assert.Len(t, devices, 2, "metadata, output and multi-planar devices are left out: %v", labels(devices))
	d := vivid(t, webcam)
	assert.False(t, d.Busy)
	assert.NoError(t, d.Problem)
	assert.True(t, d.Usable())
	assert.True(t, strings.HasPrefix(d.Path, "/dev/video"), d.Path)
	for _, f := range d.Formats {
		assert.Equal(t, f.Usable, slices.Contains([]string{"YUYV", "UYVY", "YVYU", "YU12", "YV12", "NV12", "NV21", "GREY"}, f.FourCC), f.FourCC)
	}
	i := slices.IndexFunc(d.Formats, func(f DeviceFormat) bool { return f.FourCC == "YUYV" })
	t.Log(d.Formats[i])
	assert.Contains(t, d.Formats[i].String(), "640x360 at 40, 30, 25, 15, 12.5, 10, 5, 4, 2, 1;")
	t.Log(vivid(t, hdmi).Formats[0])
}

func TestV4L2Capture(t *testing.T) {
	for _, c := range []struct {
		device             string
		width, height, fps int
		gotFPS             int
	}{
		{webcam, 640, 360, 30, 30},
		{webcam, 640, 360, 15, 15},
		{webcam, 1280, 720, 30, 13}, // vivid has at most 12.5 at this size
		{hdmi, 800, 600, 30, 60},    // an HDMI input's rate is that of what is connected
	} {
		t.Run(fmt.Sprintf("%dx%d at %d", c.width, c.height, c.fps), func(t *testing.T) {
			want := smallVideo
			want.Width, want.Height, want.FPS = c.width, c.height, c.fps
			s := openCamera(t, vivid(t, c.device).Path, want)
			assert.Equal(t, Format{Codec: Raw, Width: c.width, Height: c.height, FPS: c.gotFPS}, s.Format())
			capturePictures(t, s, 30)
		})
	}
}

// capturePictures reads pictures and checks that they change and come in time. A slow machine skips
// some; but small ones come in a row sooner or later, and the camera is never faster than it said.
func capturePictures(t *testing.T, s *cameraStream, count int) {
	t.Helper()
	nominal := time.Second / time.Duration(s.format.FPS)
	deadline, fastest := time.Now().Add(20*time.Second), time.Hour
	var times []time.Time
	var before []byte
	small := s.format.Width <= 640
	for len(times) < count || small && fastest > nominal*3/2 && time.Now().Before(deadline) {
		f, picture := readPicture(t, s)
		age := time.Since(f.At)
		assert.True(t, age >= 0 && age < cameraPatience, "a picture is %v old", age)
		assert.Equal(t, image.Pt(s.format.Width, s.format.Height), picture.Rect.Size())
		assert.NotEqual(t, before, picture.Y, "each picture differs from the one before")
		if i := len(times); i > 0 {
			fastest = min(fastest, f.At.Sub(times[i-1]))
			assert.Positive(t, f.At.Sub(times[i-1]))
		}
		before, times = append(before[:0], picture.Y...), append(times, f.At)
	}
	mean := times[len(times)-1].Sub(times[0]) / time.Duration(len(times)-1)
	t.Logf("%d pictures, one each %v; nominal %v", len(times), mean.Round(time.Millisecond/10), nominal.Round(time.Millisecond/10))
	assert.True(t, !small || fastest <= nominal*3/2, "two pictures are at least %v apart", fastest)
	assert.GreaterOrEqual(t, mean, nominal*3/4)
}

// TestV4L2Formats compares the picture of every raw format to that of planar YUV: vivid shows bars in
// the order white, yellow, cyan, green, magenta, red, blue, black.
func TestV4L2Formats(t *testing.T) {
	reference := cardColours(t, pixelsI420)
	assert.True(t, reference[5].cr > 170 && reference[5].cb < 120, "red: %v", reference[5])
	assert.True(t, reference[6].cb > 170 && reference[6].cr < 120, "blue: %v", reference[6])
	for pixels := range pixelLayouts {
		t.Run(pixels.String(), func(t *testing.T) {
			for i, got := range cardColours(t, pixels) {
				want := reference[i]
				if pixels == pixelsGrey { // vivid's grey is of other weights, but white is white
					want.cb, want.cr = 128, 128
					if i > 0 && i < 7 {
						want.y = got.y
					}
				}
				assert.InDelta(t, want.y, got.y, 3, "luma of bar %d", i)
				assert.InDelta(t, want.cb, got.cb, 3, "blue of bar %d", i)
				assert.InDelta(t, want.cr, got.cr, 3, "red of bar %d", i)
			}
		})
	}
}

// cardColours reads a picture in a format and returns the colours of vivid's eight bars.
func cardColours(t *testing.T, pixels fourCC) (found [8]colour) {
	t.Helper()
	n, err := openNode(vivid(t, webcam).Path, "camera")
	require.NoError(t, err)
	s := &cameraStream{node: n, ask: n.ioctl, poll: n.poll}
	s.ctx, s.end = context.WithCancelCause(t.Context())
	defer func() { assert.NoError(t, s.Close()) }()
	require.NoError(t, s.begin(cameraMode{pixels: pixels, size: image.Pt(640, 360), fps: 30}, smallVideo))
	_, picture := readPicture(t, s)
	for i := range found {
		c := picture.YCbCrAt(i*80+40, 300)
		found[i] = colour{c.Y, c.Cb, c.Cr}
	}
	return found
}

func TestV4L2Controls(t *testing.T) {
	s := openCamera(t, vivid(t, webcam).Path, smallVideo)
	names := map[string]Control{}
	for _, c := range s.Controls() {
		names[c.Name] = c
	}
	require.Equal(t, Control{Name: "brightness", Min: 0, Max: 255, Step: 1, Value: 128}, names["brightness"])
	require.Contains(t, names, "contrast")
	require.NotContains(t, names, "pan", "vivid cannot turn")
	mean := func(value int) float64 {
		require.NoError(t, s.Set("brightness", value))
		for range cameraBuffers + 2 { // those that are captured already
			readPicture(t, s)
		}
		_, picture := readPicture(t, s)
		sum := 0
		for _, y := range picture.Y {
			sum += int(y)
		}
		return float64(sum) / float64(len(picture.Y))
	}
	dark, bright := mean(60), mean(200)
	t.Logf("mean luma at brightness 60: %.1f, at 200: %.1f", dark, bright)
	assert.Greater(t, bright, dark+50)
	assert.ErrorContains(t, s.Set("brightness", 256), "from 0 to 255")
	assert.ErrorContains(t, s.Set("zoom", 1), "no setting")
	require.NoError(t, s.Set("brightness", 128))
}
