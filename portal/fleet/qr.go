package fleet

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"runtime"
	"sync"

	"github.com/boombuler/barcode/qr"
	"golang.org/x/sync/errgroup"
)

// Sizes of a picture, in dots: of one square of the code, and of the quiet zone (ISO/IEC 18004, 9.1) in squares.
const (
	squareSize = 8
	quietZone  = 4
)

// squares is a QR code: a width, and a bit for each square, row by row, which is set if it is dark.
type squares struct {
	width int
	bits  []byte
}

// newSquares encodes a label. Level M survives what a label goes through. It takes some milliseconds, most of what it
// takes to make a camera: the library tries all masks.
func newSquares(l Label) (squares, error) {
	code, err := qr.Encode(l.Address(), qr.M, qr.Unicode)
	if err != nil {
		return squares{}, fmt.Errorf("QR code: %w", err)
	}
	corner, width := code.Bounds().Min, code.Bounds().Dx()
	s := squares{width, make([]byte, (width*width+7)/8)}
	for y := range width {
		for x := range width {
			if code.At(corner.X+x, corner.Y+y) == color.Black {
				s.bits[(y*width+x)/8] |= 1 << ((y*width + x) % 8)
			}
		}
	}
	return s, nil
}

func (s squares) dark(x, y int) bool {
	return x < s.width && s.bits[(y*s.width+x)/8]&(1<<((y*s.width+x)%8)) != 0
}

// codes are the codes of labels, by camera.
type codes map[string]squares

// complete encodes those of the labels that are missing, on all processors.
func (c codes) complete(labels []Label) error {
	made := make([]squares, len(labels))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, l := range labels {
		if _, known := c[l.Camera]; !known {
			group.Go(func() (err error) {
				made[i], err = newSquares(l)
				return err
			})
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, l := range labels {
		if made[i].width > 0 {
			c[l.Camera] = made[i]
		}
	}
	return nil
}

// picture is the code as a PNG.
func (s squares) picture() ([]byte, error) {
	size := (s.width + 2*quietZone) * squareSize
	canvas := image.NewPaletted(image.Rect(0, 0, size, size), color.Palette{color.White, color.Black})
	for y := range s.width {
		for x := range s.width {
			if s.dark(x, y) {
				fill(canvas, (x+quietZone)*squareSize, (y+quietZone)*squareSize)
			}
		}
	}
	var b bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestSpeed, BufferPool: &pngBuffers}
	err := encoder.Encode(&b, canvas)
	return b.Bytes(), err
}

// pngBuffers are used again: each is a megabyte, which would take longer to clear than a picture to compress.
var pngBuffers bufferPool

type bufferPool struct{ pool sync.Pool }

// Get implements [png.EncoderBufferPool].
func (p *bufferPool) Get() *png.EncoderBuffer {
	buffer, _ := p.pool.Get().(*png.EncoderBuffer)
	return buffer
}

// Put implements [png.EncoderBufferPool].
func (p *bufferPool) Put(buffer *png.EncoderBuffer) { p.pool.Put(buffer) }

// fill makes one square dark.
func fill(canvas *image.Paletted, x, y int) {
	for row := range squareSize {
		dots := canvas.Pix[(y+row)*canvas.Stride+x:][:squareSize]
		for i := range dots {
			dots[i] = 1
		}
	}
}
