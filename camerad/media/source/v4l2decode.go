package source

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"

	pixels "github.com/pion/mediadevices/pkg/frame"
)

// decodeMJPEG decodes pictures of one format. It allocates each picture anew. mediadevices' decoder
// adds the Huffman tables that most cameras leave out.
func decodeMJPEG(format Format) decoder {
	return func(data []byte) (Frame, error) {
		header, err := jpeg.DecodeConfig(bytes.NewReader(data))
		if err != nil {
			return Frame{}, fmt.Errorf("MJPEG picture: %w", err)
		}
		if header.Width != format.Width || header.Height != format.Height { // a damaged one might take gigabytes
			return Frame{}, fmt.Errorf("MJPEG picture of %dx%d instead of %dx%d", header.Width, header.Height, format.Width, format.Height)
		}
		decoder, err := pixels.NewDecoder(pixels.FormatMJPEG)
		if err != nil {
			return Frame{}, err
		}
		picture, _, err := decoder.Decode(data, format.Width, format.Height)
		if err != nil {
			return Frame{}, fmt.Errorf("MJPEG picture: %w", err)
		}
		if full, ok := picture.(*image.YCbCr); ok {
			limitRange(full) // JPEG's values are of full range (JFIF 1.02)
		}
		return Frame{Image: picture}, nil
	}
}

// limitedRange maps values of full range, 0 to 255, to those that viewers expect: 16 to 235 for luma and
// 16 to 240 for chroma (BT.601 section 2.5.3).
var limitedRange = func() (table struct{ luma, chroma [256]byte }) {
	for i := range 256 {
		table.luma[i] = byte(16 + (i*219+127)/255)
		table.chroma[i] = byte(16 + (i*224+127)/255)
	}
	return table
}()

// limitRange makes a picture of full range one of limited range, in its place.
func limitRange(picture *image.YCbCr) {
	mapBytes(picture.Y, &limitedRange.luma)
	mapBytes(picture.Cb, &limitedRange.chroma)
	mapBytes(picture.Cr, &limitedRange.chroma)
}

func mapBytes(plane []byte, table *[256]byte) {
	for i, value := range plane {
		plane[i] = table[value]
	}
}

// pixelDecoder unpacks raw pictures to I420, into the same memory each time. Lines may be longer than
// the picture is wide, which mediadevices' decoders do not know.
type pixelDecoder struct {
	width, height, stride int
	unpack                func(dst *image.YCbCr, src []byte, stride int)
	size                  int  // bytes that a picture must have
	full                  bool // values are of full range
	picture               *image.YCbCr
}

func newPixelDecoder(p v4l2Pixels) *pixelDecoder {
	d := &pixelDecoder{
		width: int(p.width), height: int(p.height), stride: int(p.bytesPerLine),
		picture: image.NewYCbCr(image.Rect(0, 0, int(p.width), int(p.height)), image.YCbCrSubsampleRatio420),
	}
	layout := pixelLayouts[p.pixels]
	d.full = p.quantization == v4l2FullRange || p.quantization == 0 && p.colourSpace == v4l2ColourJPEG ||
		p.pixels == pixelsGrey
	d.stride = max(d.stride, d.width*layout.bytesPerPixel)
	d.unpack = layout.unpack
	d.size = d.stride * d.height * layout.halves / 2
	return d
}

func (d *pixelDecoder) decode(data []byte) (Frame, error) {
	if len(data) < d.size {
		return Frame{}, fmt.Errorf("picture of %d bytes instead of %d", len(data), d.size)
	}
	d.unpack(d.picture, data, d.stride)
	if d.full {
		limitRange(d.picture)
	}
	return Frame{Image: d.picture}, nil
}

// pixelLayout is how a raw format lies in memory.
type pixelLayout struct {
	bytesPerPixel int // in its first plane
	halves        int // size of all planes, in halves of that of the first one
	unpack        func(dst *image.YCbCr, src []byte, stride int)
}

var pixelLayouts = map[fourCC]pixelLayout{
	pixelsI420: {1, 3, unpackPlanar(false)},
	pixelsYV12: {1, 3, unpackPlanar(true)},
	pixelsNV12: {1, 3, unpackSemiplanar(0, 1)},
	pixelsNV21: {1, 3, unpackSemiplanar(1, 0)},
	pixelsYUYV: {2, 2, unpackPacked(0, 1, 3)},
	pixelsUYVY: {2, 2, unpackPacked(1, 0, 2)},
	pixelsYVYU: {2, 2, unpackPacked(0, 3, 1)},
	pixelsGrey: {1, 2, unpackGrey},
}

// copyRows copies a plane without what its lines have beyond width.
func copyRows(dst []byte, dstStride int, src []byte, stride, width, height int) {
	for y := range height {
		copy(dst[y*dstStride:][:width], src[y*stride:])
	}
}

// unpackPlanar unpacks three planes; the lines of the chroma planes are half as long.
func unpackPlanar(swapped bool) func(*image.YCbCr, []byte, int) {
	return func(dst *image.YCbCr, src []byte, stride int) {
		width, height := dst.Rect.Dx(), dst.Rect.Dy()
		first, second := dst.Cb, dst.Cr
		if swapped {
			first, second = second, first
		}
		luma, chroma := stride*height, stride/2*(height/2)
		copyRows(dst.Y, dst.YStride, src, stride, width, height)
		copyRows(first, dst.CStride, src[luma:], stride/2, width/2, height/2)
		copyRows(second, dst.CStride, src[luma+chroma:], stride/2, width/2, height/2)
	}
}

// unpackSemiplanar unpacks a plane of luma and one of alternating chroma; cb and cr are their places in it.
func unpackSemiplanar(cb, cr int) func(*image.YCbCr, []byte, int) {
	return func(dst *image.YCbCr, src []byte, stride int) {
		width, height := dst.Rect.Dx(), dst.Rect.Dy()
		copyRows(dst.Y, dst.YStride, src, stride, width, height)
		for y := range height / 2 {
			line := src[(height+y)*stride:][:width]
			blue, red := dst.Cb[y*dst.CStride:][:width/2], dst.Cr[y*dst.CStride:][:width/2]
			for x := range blue {
				blue[x], red[x] = line[2*x+cb], line[2*x+cr]
			}
		}
	}
}

// unpackPacked unpacks groups of four bytes for two pixels; luma, cb and cr are the places in it of the
// first pixel's luma, which the second's follows after two, and of the chroma. Of two lines' chroma,
// the mean is taken.
func unpackPacked(luma, cb, cr int) func(*image.YCbCr, []byte, int) {
	return func(dst *image.YCbCr, src []byte, stride int) {
		width, height := dst.Rect.Dx(), dst.Rect.Dy()
		for y := 0; y < height; y += 2 {
			upper, lower := src[y*stride:][:2*width], src[(y+1)*stride:][:2*width]
			above, below := dst.Y[y*dst.YStride:][:width], dst.Y[(y+1)*dst.YStride:][:width]
			blue, red := dst.Cb[y/2*dst.CStride:][:width/2], dst.Cr[y/2*dst.CStride:][:width/2]
			for x := range blue {
				a, b := upper[4*x:4*x+4:4*x+4], lower[4*x:4*x+4:4*x+4]
				above[2*x], above[2*x+1] = a[luma], a[luma+2]
				below[2*x], below[2*x+1] = b[luma], b[luma+2]
				blue[x] = byte((int(a[cb]) + int(b[cb]) + 1) / 2)
				red[x] = byte((int(a[cr]) + int(b[cr]) + 1) / 2)
			}
		}
	}
}

// unpackGrey unpacks luma alone, as infrared cameras give it. It is of full range.
func unpackGrey(dst *image.YCbCr, src []byte, stride int) {
	copyRows(dst.Y, dst.YStride, src, stride, dst.Rect.Dx(), dst.Rect.Dy())
	for _, plane := range [][]byte{dst.Cb, dst.Cr} {
		for i := range plane {
			plane[i] = 128
		}
	}
}
