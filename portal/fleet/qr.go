package fleet

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"
)

// Sizes of a picture, in dots: of one square of the code, and of the quiet zone (ISO/IEC 18004, 9.1) in squares.
const (
	squareSize = 8
	quietZone  = 4
)

// squares is the QR code: a width, and which squares are dark. Level M survives what a label goes through.
type squares struct {
	code  barcode.Barcode
	width int
}

func (l Label) squares() (squares, error) {
	code, err := qr.Encode(l.Address(), qr.M, qr.Unicode)
	if err != nil {
		return squares{}, fmt.Errorf("QR code: %w", err)
	}
	return squares{code, code.Bounds().Dx()}, nil
}

func (s squares) dark(x, y int) bool {
	square := image.Pt(x, y).Add(s.code.Bounds().Min)
	return square.In(s.code.Bounds()) && s.code.At(square.X, square.Y) == color.Black
}

// Picture is the label's QR code as a PNG.
func (l Label) Picture() ([]byte, error) {
	code, err := l.squares()
	if err != nil {
		return nil, err
	}
	size := (code.width + 2*quietZone) * squareSize
	canvas := image.NewPaletted(image.Rect(0, 0, size, size), color.Palette{color.White, color.Black})
	for y := range code.width {
		for x := range code.width {
			if code.dark(x, y) {
				fill(canvas, (x+quietZone)*squareSize, (y+quietZone)*squareSize)
			}
		}
	}
	var b bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	err = encoder.Encode(&b, canvas)
	return b.Bytes(), err
}

// fill makes one square dark.
func fill(canvas *image.Paletted, x, y int) {
	for row := range squareSize {
		dots := canvas.Pix[(y+row)*canvas.Stride+x:][:squareSize]
		for i := range dots {
			dots[i] = 1
		}
	}
}
