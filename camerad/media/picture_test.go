package media

import (
	"fmt"
	"image"
	"image/color"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// randomImage is a part of a larger picture, with odd offsets.
func randomImage(kind string, width, height int) image.Image {
	noise := rand.New(rand.NewPCG(uint64(width), uint64(height)))
	whole, part := image.Rect(0, 0, width+9, height+9), image.Rect(3, 5, 3+width, 5+height)
	ratios := map[string]image.YCbCrSubsampleRatio{
		"420": image.YCbCrSubsampleRatio420, "422": image.YCbCrSubsampleRatio422,
		"440": image.YCbCrSubsampleRatio440, "444": image.YCbCrSubsampleRatio444,
	}
	if ratio, ok := ratios[kind]; ok {
		p := image.NewYCbCr(whole, ratio)
		for _, plane := range [][]byte{p.Y, p.Cb, p.Cr} {
			for i := range plane {
				plane[i] = byte(noise.Uint32())
			}
		}
		return p.SubImage(part)
	}
	if kind == "grey" { // black and white
		p := image.NewGray(whole)
		for i := range p.Pix {
			p.Pix[i] = byte(noise.IntN(2)) * 255
		}
		return p.SubImage(part)
	}
	p := image.NewRGBA(whole)
	for i := 0; i < len(p.Pix); i += 4 { // red and blue
		p.Pix[i+2*noise.IntN(2)], p.Pix[i+3] = 255, 255
	}
	return p.SubImage(part)
}

// before returns where a pixel of the turned picture was, in one of width × height.
func before(x, y, width, height, turn int) (int, int) {
	switch turn {
	case 90:
		return y, height - 1 - x
	case 180:
		return width - 1 - x, height - 1 - y
	case 270:
		return width - 1 - y, x
	}
	return x, y
}

// TestTakeTurns compares with a picture that is turned pixel by pixel. A chroma sample is that of the
// first of its four pixels, before they are turned.
func TestTakeTurns(t *testing.T) {
	at := time.Now()
	for _, kind := range []string{"420", "422", "440", "444", "rgb", "grey"} {
		for _, size := range []image.Point{{2, 2}, {3, 3}, {5, 8}, {16, 10}, {7, 4}, {33, 2}} {
			for _, turn := range []int{0, 90, 180, 270} {
				from := randomImage(kind, size.X, size.Y)
				var pool picturePool
				p, err := pool.take(from, at, turn)
				require.NoError(t, err)
				require.Equal(t, at, p.at)
				checkTurned(t, fmt.Sprint(kind, size, turn), from, p.image, turn)
			}
		}
	}
}

func checkTurned(t *testing.T, what string, from image.Image, got *image.YCbCr, turn int) {
	origin, width, height := from.Bounds().Min, from.Bounds().Dx()&^1, from.Bounds().Dy()&^1
	want := image.Rect(0, 0, width, height)
	if turn%180 != 0 {
		want = image.Rect(0, 0, height, width)
	}
	require.Equal(t, want, got.Rect, what)
	require.Equal(t, image.YCbCrSubsampleRatio420, got.SubsampleRatio)
	for y := range want.Dy() {
		for x := range want.Dx() {
			lumaX, lumaY := before(x, y, width, height, turn)
			chromaX, chromaY := before(x/2, y/2, width/2, height/2, turn)
			luma, chroma := image.Pt(lumaX, lumaY).Add(origin), image.Pt(2*chromaX, 2*chromaY)
			pixel := got.YCbCrAt(x, y)
			if from, ok := from.(*image.YCbCr); ok {
				// Its chroma is counted from where it begins.
				at := from.COffset(origin.X, origin.Y) + chroma.Y/down(from)*from.CStride + chroma.X/across(from)
				require.Equal(t, color.YCbCr{Y: from.Y[from.YOffset(luma.X, luma.Y)], Cb: from.Cb[at], Cr: from.Cr[at]}, pixel, "%s at %d,%d", what, x, y)
				continue
			}
			chroma = chroma.Add(origin)
			require.Equal(t, isBright(from.At(luma.X, luma.Y)), pixel.Y > 55, "%s: luma at %d,%d", what, x, y)
			require.Equal(t, isRed(from.At(chroma.X, chroma.Y)), pixel.Cr > 180, "%s: chroma at %d,%d", what, x, y)
		}
	}
}

// isBright tells white from black, and red from blue.
func isBright(c color.Color) bool {
	red, _, _, _ := c.RGBA()
	return red > 0
}

func isRed(c color.Color) bool {
	red, green, _, _ := c.RGBA()
	return red > 0 && green == 0
}

// across and down are how many pixels a chroma sample covers.
func across(p *image.YCbCr) int {
	if p.SubsampleRatio == image.YCbCrSubsampleRatio420 || p.SubsampleRatio == image.YCbCrSubsampleRatio422 {
		return 2
	}
	return 1
}

func down(p *image.YCbCr) int {
	if p.SubsampleRatio == image.YCbCrSubsampleRatio420 || p.SubsampleRatio == image.YCbCrSubsampleRatio440 {
		return 2
	}
	return 1
}

func TestTooSmallPicture(t *testing.T) {
	for _, size := range []image.Point{{0, 0}, {1, 100}, {100, 1}} {
		_, err := new(picturePool).take(image.NewGray(image.Rectangle{Max: size}), time.Now(), 0)
		assert.ErrorContains(t, err, fmt.Sprintf("%d by %d pixels", size.X, size.Y))
	}
}

// TestPicturesAreNotWrittenWhileRetained has readers that the race detector watches.
func TestPicturesAreNotWrittenWhileRetained(t *testing.T) {
	var pool picturePool
	var reading sync.WaitGroup
	for n := range 200 {
		p, err := pool.take(plain(16, 8, byte(n), byte(n), byte(n)), time.Now(), n%4*90)
		require.NoError(t, err)
		for range 3 {
			p.retain()
			reading.Go(func() {
				defer p.release()
				for _, plane := range [][]byte{p.image.Y, p.image.Cb, p.image.Cr} {
					for _, value := range plane {
						if value != byte(n) {
							t.Errorf("picture %d was overwritten", n)
							return
						}
					}
				}
			})
		}
		p.release()
	}
	reading.Wait()
}

func TestReleasedPicturesAreUsedAgain(t *testing.T) {
	var pool picturePool
	fresh := map[*byte]bool{}
	kept := pool.get(16, 8)
	const many = 1000
	for range many { // the pool may forget some, and under the race detector does
		p := pool.get(16, 8)
		assert.NotSame(t, kept, p)
		fresh[&p.image.Y[0]] = true
		p.release()
	}
	assert.Less(t, len(fresh), many/2)
	small := pool.get(8, 16)
	assert.Equal(t, image.Rect(0, 0, 8, 16), small.image.Rect, "of the wanted size, whatever is free")
}
