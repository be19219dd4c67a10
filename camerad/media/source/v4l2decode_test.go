package source

import (
	"bytes"
	"image"

	"image/jpeg"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestUnpack unpacks a picture of 4x2 pixels whose lines are longer than the picture.
func TestUnpack(t *testing.T) {
	const x = 0xee // beyond the picture
	y := []byte{1, 2, 3, 4, 5, 6, 7, 8}
	cb, cr := []byte{100, 110}, []byte{200, 210}
	for name, c := range map[string]struct {
		pixels fourCC
		stride uint32
		data   []byte
	}{
		"YU12":                                {pixelsI420, 6, []byte{1, 2, 3, 4, x, x, 5, 6, 7, 8, x, x, 100, 110, x, 200, 210, x}},
		"YV12":                                {pixelsYV12, 6, []byte{1, 2, 3, 4, x, x, 5, 6, 7, 8, x, x, 200, 210, x, 100, 110, x}},
		"NV12":                                {pixelsNV12, 6, []byte{1, 2, 3, 4, x, x, 5, 6, 7, 8, x, x, 100, 200, 110, 210, x, x}},
		"NV21":                                {pixelsNV21, 6, []byte{1, 2, 3, 4, x, x, 5, 6, 7, 8, x, x, 200, 100, 210, 110, x, x}},
		"YUYV":                                {pixelsYUYV, 10, []byte{1, 99, 2, 199, 3, 110, 4, 210, x, x, 5, 101, 6, 201, 7, 110, 8, 210, x, x}},
		"UYVY":                                {pixelsUYVY, 10, []byte{99, 1, 199, 2, 110, 3, 210, 4, x, x, 101, 5, 201, 6, 110, 7, 210, 8, x, x}},
		"YVYU":                                {pixelsYVYU, 10, []byte{1, 199, 2, 99, 3, 210, 4, 110, x, x, 5, 201, 6, 101, 7, 210, 8, 110, x, x}},
		"GREY":                                {pixelsGrey, 6, []byte{0, 255, 3, 4, x, x, 5, 6, 7, 8, x, x}},
		"unknown stride is that of the width": {pixelsNV12, 0, []byte{1, 2, 3, 4, 5, 6, 7, 8, 100, 200, 110, 210}},
		"more than the picture":               {pixelsI420, 4, []byte{1, 2, 3, 4, 5, 6, 7, 8, 100, 110, 200, 210, x, x, x}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newPixelDecoder(v4l2Pixels{width: 4, height: 2, pixels: c.pixels, bytesPerLine: c.stride})
			f, err := d.decode(c.data)
			require.NoError(t, err)
			got := f.Image.(*image.YCbCr)
			assert.Equal(t, image.Rect(0, 0, 4, 2), got.Rect)
			if c.pixels == pixelsGrey { // the others are of limited range already
				assert.Equal(t, []byte{16, 235}, got.Y[:2])
				assert.Equal(t, []byte{128, 128, 128, 128}, append(got.Cb, got.Cr...))
			} else {
				assert.Equal(t, [][]byte{y, cb, cr}, [][]byte{got.Y, got.Cb, got.Cr})
			}
			again, err := d.decode(c.data)
			require.NoError(t, err)
			assert.Same(t, got, again.Image, "the memory is used again")
			_, err = d.decode(c.data[:len(c.data)/2])
			assert.ErrorContains(t, err, "bytes instead of")
		})
	}
}

func TestFullRange(t *testing.T) {
	data := []byte{0, 255, 128, 16, 0, 255, 128, 16, 0, 255, 128, 128}
	for name, c := range map[string]struct {
		pixels v4l2Pixels
		full   bool
	}{
		"by default":           {v4l2Pixels{colourSpace: 8}, false},
		"said":                 {v4l2Pixels{colourSpace: 8, quantization: v4l2FullRange}, true},
		"of JPEG":              {v4l2Pixels{colourSpace: v4l2ColourJPEG}, true},
		"of JPEG, but limited": {v4l2Pixels{colourSpace: v4l2ColourJPEG, quantization: 2}, false},
	} {
		c.pixels.width, c.pixels.height, c.pixels.pixels = 4, 2, pixelsI420
		f, err := newPixelDecoder(c.pixels).decode(data)
		require.NoError(t, err)
		got := f.Image.(*image.YCbCr)
		if c.full {
			assert.Equal(t, []byte{16, 235, 126, 30}, got.Y[:4], name)
			assert.Equal(t, []byte{16, 240}, got.Cb, name)
			assert.Equal(t, []byte{128, 128}, got.Cr, name)
		} else {
			assert.Equal(t, data[:4], got.Y[:4], name)
		}
	}
}

// testJPEG is a picture as a camera gives it, with details so that it is of the usual size.
func testJPEG(t testing.TB, width, height int) (coded []byte, full *image.YCbCr) {
	t.Helper()
	full = image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range full.Y {
		full.Y[i] = byte(i%width/8 + random.IntN(24))
	}
	for i := range full.Cb {
		full.Cb[i], full.Cr[i] = byte(i%width/4), byte(200-i%width/8)
	}
	var buffer bytes.Buffer
	require.NoError(t, jpeg.Encode(&buffer, full, &jpeg.Options{Quality: 70}))
	return buffer.Bytes(), full
}

// withoutTables cuts the Huffman tables, as most cameras do: segments FF C4.
func withoutTables(t *testing.T, coded []byte) []byte {
	t.Helper()
	out := bytes.Clone(coded[:2])
	for rest := coded[2:]; ; {
		length := 2 + int(rest[2])<<8 + int(rest[3])
		if rest[1] == 0xda { // the scan, up to the end
			return append(out, rest...)
		}
		if rest[1] != 0xc4 {
			out = append(out, rest[:length]...)
		}
		rest = rest[length:]
	}
}

func TestDecodeMJPEG(t *testing.T) {
	coded, full := testJPEG(t, 320, 240)
	bare := withoutTables(t, coded)
	require.Less(t, len(bare), len(coded)-400)
	decode := decodeMJPEG(Format{Width: 320, Height: 240})
	for name, data := range map[string][]byte{"with tables": coded, "without": bare} {
		f, err := decode(data)
		require.NoError(t, err, name)
		got := f.Image.(*image.YCbCr)
		sum := 0
		for i, value := range full.Y {
			d := int(limitedRange.luma[value]) - int(got.Y[i/320*got.YStride+i%320])
			sum += d * d
		}
		assert.Less(t, float64(sum)/float64(len(full.Y)), 40.0, "%s: mean square error of luma", name)
		assert.InDelta(t, int(limitedRange.chroma[full.Cb[100]]), int(got.Cb[100]), 6, name)
	}
	_, err := decode(coded[:len(coded)/2])
	assert.ErrorContains(t, err, "MJPEG picture")
	_, err = decodeMJPEG(Format{Width: 640, Height: 480})(coded)
	assert.ErrorContains(t, err, "instead of 640x480")
	_, err = decode(nil)
	assert.Error(t, err)
}

func FuzzUnpack(f *testing.F) {
	f.Add(uint16(4), uint16(2), uint16(6), byte(0), make([]byte, 100))
	f.Add(uint16(2), uint16(2), uint16(0), byte(7), []byte{1})
	order := []fourCC{pixelsI420, pixelsYV12, pixelsNV12, pixelsNV21, pixelsYUYV, pixelsUYVY, pixelsYVYU, pixelsGrey}
	f.Fuzz(func(t *testing.T, width, height, stride uint16, pixels byte, data []byte) {
		p := v4l2Pixels{
			width: 2 + uint32(width%64)/2*2, height: 2 + uint32(height%64)/2*2, bytesPerLine: uint32(stride % 512),
			pixels: order[int(pixels)%len(order)],
		}
		if frame, err := newPixelDecoder(p).decode(data); err == nil {
			assert.Equal(t, image.Pt(int(p.width), int(p.height)), frame.Image.Bounds().Size())
		}
	})
}

func FuzzDecodeMJPEG(f *testing.F) {
	coded, _ := testJPEG(f, 16, 16)
	f.Add(coded)
	f.Add([]byte{0xff, 0xd8, 0xff, 0xda})
	decode := decodeMJPEG(Format{Width: 16, Height: 16})
	f.Fuzz(func(t *testing.T, data []byte) {
		if frame, err := decode(data); err == nil {
			assert.Equal(t, image.Pt(16, 16), frame.Image.Bounds().Size())
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	for pixels, layout := range pixelLayouts {
		p := v4l2Pixels{width: 1280, height: 720, pixels: pixels}
		data := make([]byte, 1280*720*layout.bytesPerPixel*layout.halves/2)
		benchDecoder(b, pixels.String(), newPixelDecoder(p).decode, data)
	}
	coded, _ := testJPEG(b, 1280, 720)
	benchDecoder(b, "MJPG", decodeMJPEG(Format{Width: 1280, Height: 720}), coded)
}

func benchDecoder(b *testing.B, name string, decode decoder, data []byte) {
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			if _, err := decode(data); err != nil {
				b.Fatal(err)
			}
		}
	})
}
