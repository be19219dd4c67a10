package media

import (
	"context"
	"errors"
	"time"

	"seccam/camerad/media/source"
)

// ErrStarting means that the source has not been opened yet, so what it gives is not known.
var ErrStarting = errors.New("the camera is starting")

// Codecs returns the codecs in which viewers can be sent the picture, the best first. Until the source
// was opened for the first time, it waits for that.
func (e *Engine) Codecs(ctx context.Context) ([]Codec, error) {
	for {
		changed := e.Changed()
		if format := e.format.Load(); format != nil {
			return carriers(format.Codec), nil
		}
		select {
		case <-ctx.Done():
			return nil, ErrStarting
		case <-changed:
		}
	}
}

// NewViewer returns a viewer that is sent a codec, one of [Engine.Codecs]. It gets nothing until its
// Run and SetLive. The codec is encoded from now on, so that a picture is there when it connects, until
// release is called.
func (e *Engine) NewViewer(codec Codec) (v *Viewer, release func()) {
	l := e.full
	if codec == VP8 {
		l = e.vp8
	}
	v = newViewer(e, l, codec)
	return v, l.use()
}

// enter has v sent to, and exit no longer. Exiting twice is harmless.
func (e *Engine) enter(v *Viewer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.viewers[v] = struct{}{}
}

func (e *Engine) exit(v *Viewer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.viewers, v)
}

// viewersOf returns the viewers whose codec a layer encodes.
func (e *Engine) viewersOf(l *layer) []*Viewer {
	e.mu.Lock()
	defer e.mu.Unlock()
	var viewers []*Viewer
	for v := range e.viewers {
		if v.layer == l {
			viewers = append(viewers, v)
		}
	}
	return viewers
}

// publishSound gives s to every viewer; a viewer without room for it does without.
func (e *Engine) publishSound(s *Sound) {
	e.mu.Lock()
	defer e.mu.Unlock()
	claimed := make([]*Viewer, 0, len(e.viewers))
	for v := range e.viewers {
		select {
		case v.queue <- item{sound: s}:
			if v.claim() {
				claimed = append(claimed, v)
			}
		default:
		}
	}
	wake(claimed...)
}

// passedThrough reports whether the source's pictures are coded already.
func (e *Engine) passedThrough() bool {
	format := e.format.Load()
	return format != nil && format.Codec != source.Raw
}

// setFormat notes what an opened source gives.
func (e *Engine) setFormat(format source.Format) {
	before := e.format.Swap(&format)
	if before == nil || *before != format {
		e.changes.signal()
	}
	e.full.measured.Store(0)
	e.resetRates()
}

// resetRates has the layers begin at their limits, as nothing is known of any path yet.
func (e *Engine) resetRates() {
	limits := e.limits()
	for l, rate := range map[*layer]Rate{e.full: limits, e.low: lowLimits(limits), e.vp8: limits} {
		l.wanted.Store(&rate)
	}
}

// ViewerStats is what one viewer is sent, and what is known of its path.
type ViewerStats struct {
	Quality Quality
	Codec   Codec
	Rate    Rate // of its layer; the bitrate is the encoder's target
	Bytes   uint64
	Sent    time.Time // when the latest picture was
	// Available is the path's estimated capacity in bit/s; 0 if unknown. Loss is a share from 0 to 1.
	Available int
	Loss      float64
	RTT       time.Duration
}

// Stats returns the viewer's totals and its path.
func (v *Viewer) Stats() ViewerStats {
	s := ViewerStats{Quality: *v.quality.Load(), Codec: v.codec, Bytes: v.Video.bytes.Load(), Sent: time.Unix(0, v.Video.latest.Load())}
	l := v.layer
	if s.Quality == QualityLow {
		l = v.engine.low
	}
	if actual := l.actual.Load(); actual != nil {
		s.Rate = *actual
	} else if l == v.engine.full {
		s.Rate = v.engine.Stats().Rate
	}
	if estimate := v.path.Estimate(); estimate.Known {
		s.Available, s.Loss, s.RTT = estimate.Bitrate, estimate.Loss, estimate.RTT
	}
	return s
}

// ceiling is the bitrate that a new viewer's path is believed to carry: more than it will be sent.
func (e *Engine) ceiling() int {
	most := e.limits().Bitrate
	if e.passedThrough() {
		if most = int(e.full.measured.Load()); most == 0 {
			return maxEstimate
		}
	}
	return max(most*3/2, minEstimate)
}
