package source

import (
	"image"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPatternNumber reads the frame number as a program at the far end would.
func TestPatternNumber(t *testing.T) {
	for _, size := range []image.Point{{1280, 720}, {320, 180}, {160, 400}} {
		synctest.Test(t, func(t *testing.T) {
			p := newPattern(t.Context(), Video{Width: size.X, Height: size.Y, FPS: 30})
			defer func() { _ = p.Close() }()
			p.number = 0xa5c2
			p.start = time.Now().Add(-time.Duration(p.number) * p.step)
			f, err := p.Read()
			require.NoError(t, err)
			assert.Equal(t, 0xa5c3, readRow(f.Image.(*image.YCbCr), 0))
			assert.EqualValues(t, f.At.UnixMilli()&0xffff, readRow(f.Image.(*image.YCbCr), 1))
			time.Sleep(10 * p.step)
			f, err = p.Read()
			require.NoError(t, err)
			assert.Equal(t, 0xa5c3+10, readRow(f.Image.(*image.YCbCr), 0), "late readers miss pictures")
		})
	}
}

func readRow(picture *image.YCbCr, row int) (number int) {
	width, height := picture.Rect.Dx(), picture.Rect.Dy()
	side := min(height/18, width/16)
	for i := range 16 {
		number <<= 1
		if picture.YCbCrAt(i*side+side/2, height-row*side-side/2).Y > 128 {
			number++
		}
	}
	return number
}
