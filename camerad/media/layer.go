package media

import (
	"context"
	"image"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// layer is one encoding of the pictures: the full one, the low one for viewers on weak links, or VP8
// for those who refuse H264. It encodes only while somebody uses it.
type layer struct {
	name  string
	codec Codec
	hub   *hub
	epoch time.Time
	// linger is how long it goes on after its last user left.
	linger time.Duration

	wanted atomic.Pointer[Rate] // how it is to encode
	actual atomic.Pointer[Rate] // how it does; nil while it rests
	// measured is the bitrate in bit/s of a stream that is passed through; 0 if it is not, or not known.
	measured atomic.Int64
	effort   atomic.Int64 // CPU time spent on encoding, in ns

	mu       sync.Mutex // guards users and left
	users    int
	left     time.Time     // when users became 0
	pictures chan *picture // the latest; size 1
}

func newLayer(name string, codec Codec, epoch time.Time, linger time.Duration) *layer {
	return &layer{name: name, codec: codec, hub: newHub(), epoch: epoch, linger: linger, pictures: make(chan *picture, 1)}
}

// use keeps the layer encoding until release is called.
func (l *layer) use() (release func()) {
	l.addUser(1)
	return sync.OnceFunc(func() { l.addUser(-1) })
}

func (l *layer) addUser(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.users += n
	l.left = time.Now()
}

func (l *layer) needed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.users > 0 || time.Since(l.left) < l.linger
}

// offer hands over a picture, in place of an earlier one that is not taken yet: an encoder that is
// late skips. It has one caller.
func (l *layer) offer(p *picture) {
	if !l.needed() && l.actual.Load() == nil {
		return
	}
	p.retain()
	for {
		select {
		case l.pictures <- p:
			return
		default:
		}
		select {
		case old := <-l.pictures:
			old.release()
		default:
		}
	}
}

// forget drops the picture that waits to be encoded, and what the hub keeps: both show the past. Nobody
// must offer or run meanwhile.
func (l *layer) forget() {
	select {
	case old := <-l.pictures:
		old.release()
	default:
	}
	l.hub.forget()
}

// run encodes what is offered until ctx ends or the encoder fails.
func (l *layer) run(ctx context.Context, keyFrames time.Duration) error {
	runtime.LockOSThread() // for threadTime
	defer runtime.UnlockOSThread()
	work := layerWork{layer: l, keyFrames: keyFrames, packets: l.codec.packetizer()}
	defer work.rest()
	for {
		select {
		case <-ctx.Done():
			return nil
		case p := <-l.pictures:
			err := work.picture(p)
			p.release()
			if err != nil {
				return err
			}
		}
	}
}

// layerWork is what belongs to run's goroutine.
type layerWork struct {
	*layer
	keyFrames time.Duration
	packets   packetizer
	encoder   *encoder
	from      image.Point // the size of the pictures that encoder takes
	due       time.Time   // of the next picture
	lastKey   time.Time
}

func (w *layerWork) picture(p *picture) error {
	if !w.needed() {
		w.rest()
		return nil
	}
	rate := *w.wanted.Load()
	if !w.isDue(p.at, rate.FPS) {
		return nil
	}
	if err := w.prepare(p.image.Rect.Size(), rate); err != nil {
		return err
	}
	began := threadTime()
	data, err := w.encoder.encode(p.image, p.at.Sub(w.epoch), w.forceKey(), rate.Bitrate)
	w.effort.Add(int64(threadTime() - began))
	if err != nil {
		return err
	}
	unit := w.packets.unit(data, rtpTime(p.at.Sub(w.epoch), videoClock))
	if unit == nil {
		return nil
	}
	if unit.Key {
		w.lastKey = time.Now()
	}
	w.hub.publish(unit)
	return nil
}

// isDue thins pictures out to the rate. Some tolerance lets a camera's clock differ and its pictures
// jitter. It is not half an interval: a camera of twice the rate has pictures just there, and of two
// that come at random, now the one and now the other would be taken.
func (w *layerWork) isDue(at time.Time, fps int) bool {
	interval := time.Second / time.Duration(fps)
	if at.Before(w.due.Add(-interval * 3 / 8)) {
		return false
	}
	w.due = w.due.Add(interval)
	if at.Sub(w.due) > interval {
		w.due = at.Add(interval)
	}
	return true
}

// prepare makes a new encoder if the size or rate changed. It begins with a key frame.
func (w *layerWork) prepare(from image.Point, rate Rate) error {
	rate = upright(rate, from)
	if actual := w.actual.Load(); actual != nil {
		if w.from == from && actual.Width == rate.Width && actual.Height == rate.Height && actual.FPS == rate.FPS {
			w.actual.Store(&rate)
			return nil
		}
		_ = w.encoder.close() // only its memory is left
	}
	w.actual.Store(nil)
	made, err := newEncoder(w.codec, from, rate, w.keyFrames)
	if err != nil {
		return err
	}
	w.encoder, w.from = made, from
	w.actual.Store(&rate)
	return nil
}

// upright fits the rate's size to pictures of a size: turned as they are, and never larger.
func upright(rate Rate, from image.Point) Rate {
	if (rate.Width < rate.Height) != (from.X < from.Y) {
		rate.Width, rate.Height = rate.Height, rate.Width
	}
	if rate.Width >= from.X || rate.Height >= from.Y {
		rate.Width, rate.Height = from.X, from.Y
		return rate
	}
	rate.Width = even(rate.Height * from.X / from.Y) // the picture's own shape
	return rate
}

func even(n int) int { return max(2, n&^1) }

// forceKey reports whether the next picture is to be a key frame. What is wanted too early stays
// wanted.
func (w *layerWork) forceKey() bool {
	now := time.Now()
	if !w.hub.wanted.Load() || now.Sub(w.lastKey) < keyFrameSpacing {
		return false
	}
	w.lastKey = now
	return true
}

// rest frees the encoder. What the hub keeps is past by the time somebody comes.
func (w *layerWork) rest() {
	if w.encoder != nil {
		_ = w.encoder.close() // only its memory is left
	}
	w.encoder = nil
	w.actual.Store(nil)
	w.hub.forget()
}
