package source

import (
	"context"
	"fmt"
	"image"
	"math/rand/v2"
	"time"
)

// TestPattern returns a source that needs no camera: a moving picture with the time of day, a frame
// number and a tone, and snow in a corner, for which an encoder needs its bits as for a real scene.
//
// The frame number is also readable by a program, from the decoded picture: its low 16 bits are a
// row of 16 square blocks along the bottom edge, most significant bit first, white for 1 and black
// for 0. A block's side is s = min(height/18, width/16) pixels (40 at 1280x720; integer division),
// and block i, counted from 0, covers x from i*s to (i+1)*s-1 and y from height-s to height-1.
// Sample a block's centre, at (i*s + s/2, height - s/2), with a threshold at half brightness. The row
// above it says when the picture was taken, in the same form: the low 16 bits of the Unix time in ms.
func TestPattern() Source {
	return Source{Name: "testpattern", Open: func(ctx context.Context, cfg Video) (Stream, error) {
		return newPattern(ctx, cfg), nil
	}}
}

// pattern draws its pictures in I420 directly. The still part is drawn once; each picture costs one
// copy of it and a few rectangles.
type pattern struct {
	ctx    context.Context
	tone   tone
	fps    int
	timer  *time.Timer
	start  time.Time
	step   time.Duration
	number int
	still  *image.YCbCr
	canvas *image.YCbCr
	brush  []byte
	snow   []byte // random brightness; each picture shows another part of it
}

func newPattern(ctx context.Context, cfg Video) *pattern {
	bounds := image.Rect(0, 0, cfg.Width, cfg.Height)
	p := &pattern{
		ctx: ctx, tone: newTone(), fps: cfg.FPS, timer: time.NewTimer(0), start: time.Now(), step: cfg.Interval(), number: -1,
		still:  image.NewYCbCr(bounds, image.YCbCrSubsampleRatio420),
		canvas: image.NewYCbCr(bounds, image.YCbCrSubsampleRatio420),
		brush:  make([]byte, cfg.Width),
	}
	p.drawStill()
	p.snow = newSnow(cfg.Width * cfg.Height / 8)
	return p
}

// Read waits until the next picture is due. A reader that is late misses pictures, as with a camera:
// their numbers are skipped.
func (p *pattern) Read() (Frame, error) {
	due := max(p.number+1, int(time.Since(p.start)/p.step))
	at := p.start.Add(time.Duration(due) * p.step)
	p.timer.Reset(time.Until(at))
	select {
	case <-p.ctx.Done():
		return Frame{}, p.ctx.Err()
	case <-p.timer.C:
	}
	p.number = due
	p.draw(at)
	return Frame{Image: p.canvas, At: at}, nil
}

// Format implements Stream.
func (p *pattern) Format() Format {
	width, height := p.size()
	return Format{Codec: Raw, Width: width, Height: height, FPS: p.fps}
}

// ReadSound implements Sounding.
func (p *pattern) ReadSound(samples []int16) error { return p.tone.read(p.ctx, samples) }

// Close implements Stream.
func (p *pattern) Close() error {
	p.timer.Stop()
	return nil
}

// colour is a colour in limited-range BT.601 YCbCr.
type colour struct{ y, cb, cr byte }

var (
	black = colour{16, 128, 128}
	white = colour{235, 128, 128}
	amber = colour{170, 60, 165}
	// bars are those of a television test card, at 75 %.
	bars = []colour{{180, 128, 128}, {162, 44, 142}, {131, 156, 44}, {112, 72, 58},
		{84, 184, 198}, {65, 100, 212}, {35, 212, 114}}
)

func (p *pattern) size() (width, height int) {
	return p.canvas.Rect.Dx(), p.canvas.Rect.Dy()
}

// drawStill fills the background with bars above and a grey ramp below.
func (p *pattern) drawStill() {
	width, height := p.size()
	p.canvas, p.still = p.still, p.canvas
	for i, bar := range bars {
		left, right := i*width/len(bars), (i+1)*width/len(bars)
		p.fill(left, 0, right-left, height, bar)
	}
	for i := range 16 {
		left, right := i*width/16, (i+1)*width/16
		p.fill(left, height*3/4, right-left, height/4, colour{byte(16 + i*14), 128, 128})
	}
	p.canvas, p.still = p.still, p.canvas
}

func (p *pattern) draw(at time.Time) {
	copy(p.canvas.Y, p.still.Y)
	copy(p.canvas.Cb, p.still.Cb)
	copy(p.canvas.Cr, p.still.Cr)
	width, height := p.size()
	box := height / 6
	x := bounce(p.number*width/256, width-box)
	y := bounce(p.number*height/400, height/2-box)
	p.fill(x, y, box, box, amber)
	scale := max(1, height/90)
	top := height*5/8 - 7*scale
	p.fill(0, top-scale, width, 9*scale, black)
	p.text(2*scale, top, scale, fmt.Sprintf("%s #%d", at.Format("15:04:05.000"), p.number))
	p.drawSnow()
	p.drawRow(0, p.number)
	p.drawRow(1, int(at.UnixMilli()&0xffff))
}

// newSnow is the same at each start, so that a picture depends on its number only.
func newSnow(size int) []byte {
	const darkest, span = 90, 76
	snow := make([]byte, size)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range snow {
		snow[i] = byte(darkest + random.IntN(span))
	}
	return snow
}

// drawSnow fills the lower right corner, a sixteenth of the picture.
func (p *pattern) drawSnow() {
	width, height := p.size()
	left, top := width-width/4, height-height/4
	const prime = 7919 // the pictures' parts of the snow are spread by it
	from := p.number * prime % (len(p.snow) - (width/4)*(height/4))
	for y := top; y < height; y++ {
		from += copy(p.canvas.Y[y*p.canvas.YStride+left:y*p.canvas.YStride+width], p.snow[from:])
	}
}

// drawRow draws one of the machine-readable rows that [TestPattern] describes, counted from below.
func (p *pattern) drawRow(row, value int) {
	width, height := p.size()
	side := min(height/18, width/16)
	for i := range 16 {
		c := black
		if value>>(15-i)&1 == 1 {
			c = white
		}
		p.fill(i*side, height-(row+1)*side, side, side, c)
	}
}

// bounce folds a growing number into a movement between 0 and limit and back.
func bounce(n, limit int) int {
	if limit <= 0 {
		return 0
	}
	n %= 2 * limit
	return min(n, 2*limit-n)
}

// fill paints a rectangle, clipped to the canvas, row by row with copy: loops over single pixels are
// slow under the race detector.
func (p *pattern) fill(x, y, w, h int, c colour) {
	r := image.Rect(x, y, x+w, y+h).Intersect(p.canvas.Rect)
	if r.Empty() {
		return
	}
	paint(p.canvas.Y, p.canvas.YStride, r, c.y, p.brush)
	half := image.Rect(r.Min.X/2, r.Min.Y/2, (r.Max.X+1)/2, (r.Max.Y+1)/2)
	paint(p.canvas.Cb, p.canvas.CStride, half, c.cb, p.brush)
	paint(p.canvas.Cr, p.canvas.CStride, half, c.cr, p.brush)
}

func paint(plane []byte, stride int, r image.Rectangle, value byte, brush []byte) {
	brush = brush[:r.Dx()]
	brush[0] = value
	for n := 1; n < len(brush); n *= 2 {
		copy(brush[n:], brush[:n])
	}
	for y := r.Min.Y; y < r.Max.Y; y++ {
		copy(plane[y*stride+r.Min.X:], brush)
	}
}
