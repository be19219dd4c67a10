package media

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"sync"
	"sync/atomic"
	"time"
)

// picture is one raw picture in I420, shared by all who encode it and then used again. It is not
// written to while anybody retains it.
type picture struct {
	image *image.YCbCr
	at    time.Time

	users atomic.Int32
	pool  *picturePool
}

func (p *picture) retain() { p.users.Add(1) }

func (p *picture) release() {
	if p.users.Add(-1) == 0 {
		p.pool.free.Put(p)
	}
}

// picturePool keeps the memory of pictures: at 720p30 there would else be 40 MB of garbage a second.
type picturePool struct{ free sync.Pool }

// get returns a picture of a size, retained once.
func (pool *picturePool) get(width, height int) *picture {
	p, ok := pool.free.Get().(*picture)
	if !ok || p.image.Rect.Dx() != width || p.image.Rect.Dy() != height {
		p = &picture{image: image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420), pool: pool}
	}
	p.users.Store(1)
	return p
}

// take copies what a source gave, turned clockwise by 0, 90, 180 or 270 degrees.
func (pool *picturePool) take(from image.Image, at time.Time, turn int) (*picture, error) {
	size := from.Bounds().Size()
	if size.X < 2 || size.Y < 2 {
		return nil, fmt.Errorf("camera gave a picture of %d by %d pixels", size.X, size.Y)
	}
	width, height := size.X&^1, size.Y&^1
	if turn == 90 || turn == 270 {
		width, height = height, width
	}
	p := pool.get(width, height)
	p.at = at
	source, ok := from.(*image.YCbCr)
	if !ok || source.SubsampleRatio > image.YCbCrSubsampleRatio440 {
		source = toYCbCr(from)
	}
	across, down := subsampling(source.SubsampleRatio)
	origin := source.Rect.Min
	turnPlane(p.image.Y, p.image.YStride, width, height, source.Y[source.YOffset(origin.X, origin.Y):], source.YStride, 1, 1, turn)
	chroma := source.COffset(origin.X, origin.Y)
	turnPlane(p.image.Cb, p.image.CStride, width/2, height/2, source.Cb[chroma:], source.CStride, 2/across, 2/down, turn)
	turnPlane(p.image.Cr, p.image.CStride, width/2, height/2, source.Cr[chroma:], source.CStride, 2/across, 2/down, turn)
	return p, nil
}

// subsampling returns how many pixels one chroma sample covers, 2 at most.
func subsampling(ratio image.YCbCrSubsampleRatio) (across, down int) {
	switch ratio {
	case image.YCbCrSubsampleRatio420:
		return 2, 2
	case image.YCbCrSubsampleRatio422:
		return 2, 1
	case image.YCbCrSubsampleRatio440:
		return 1, 2
	default:
		return 1, 1
	}
}

// toYCbCr is for the rare sources that give RGB, grey, or fewer chroma samples. As everywhere, the
// values are of limited range (BT.601 section 2.5.3).
func toYCbCr(from image.Image) *image.YCbCr {
	bounds := from.Bounds()
	rgba := image.NewRGBA(bounds)
	draw.Draw(rgba, bounds, from, bounds.Min, draw.Src)
	to := image.NewYCbCr(bounds, image.YCbCrSubsampleRatio444)
	for i := range to.Y {
		pixel := rgba.Pix[4*i : 4*i+3 : 4*i+3]
		y, cb, cr := color.RGBToYCbCr(pixel[0], pixel[1], pixel[2])
		to.Y[i], to.Cb[i], to.Cr[i] = limited.luma[y], limited.chroma[cb], limited.chroma[cr]
	}
	return to
}

// turnPlane copies a plane of width × height samples, turned clockwise. Of the source, every stepX-th
// sample of every stepY-th row is used.
func turnPlane(to []byte, stride, width, height int, from []byte, fromStride, stepX, stepY, turn int) {
	if turn == 0 && stepX == 1 {
		for y := range height {
			copy(to[y*stride:y*stride+width], from[y*stepY*fromStride:])
		}
		return
	}
	// Where in the source the first sample is, and how far it is to the next in a row and in a column.
	first, right, down := 0, stepX, stepY*fromStride
	switch turn {
	case 90:
		first, right, down = (width-1)*stepY*fromStride, -stepY*fromStride, stepX
	case 180:
		first, right, down = (height-1)*stepY*fromStride+(width-1)*stepX, -stepX, -stepY*fromStride
	case 270:
		first, right, down = (height-1)*stepX, stepY*fromStride, -stepX
	}
	for y := range height {
		row, at := to[y*stride:y*stride+width], first+y*down
		for x := range row {
			row[x] = from[at]
			at += right
		}
	}
}
