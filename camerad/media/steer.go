package media

import (
	"context"
	"slices"
	"time"
)

// Bounds of what a path may be thought to carry, in bit/s.
const (
	minEstimate = 50_000
	maxEstimate = 50_000_000
)

// steerInterval is how often the layers are fitted to the viewers' paths.
const steerInterval = 200 * time.Millisecond

// Bitrates of the layers, in bit/s.
const (
	minBitrate = 80_000
	lowBitrate = 400_000 // at most, of the low layer
)

// headroom is the share of a path that video may take; sound, retransmissions and the encoder's
// overshoot need the rest.
const headroom = 0.9

// far is how far below the median a path may be and still decide the bitrate for all. Below it, the
// viewer gets the low layer, until its path carries the full one or comes near the median. These are so
// far apart since an estimate falls to 0.85 of what a path carries and rises above it, over and over.
const (
	far  = 0.6
	near = 0.9
)

// demand is what is known of one viewer's path.
type demand struct {
	quality   Quality
	available int // bit/s that its video may use; 0 if nothing is known yet
}

// share is how the bits are shared out.
type share struct {
	full, low int // bit/s of the layers
	qualities []Quality
}

// shareOut fits the full layer to the large majority: to the slowest of those whose path carries at
// least 60 % of the median, so that small differences cost nobody the full picture. Who is further
// off gets the low layer. limit is the most that is wanted, in bit/s.
func shareOut(demands []demand, limit int) share {
	s := share{full: limit, low: lowBitrate, qualities: make([]Quality, len(demands))}
	if len(demands) == 0 {
		return s
	}
	usable := make([]int, len(demands))
	for i, d := range demands {
		usable[i] = limit
		if d.available > 0 {
			usable[i] = min(limit, d.available)
		}
	}
	sorted := slices.Sorted(slices.Values(usable))
	median := float64(sorted[len(sorted)/2])
	stay, comeBack := int(far*median), int(near*median)
	if limit <= lowBitrate {
		stay, comeBack = 0, 0 // the low layer would be no smaller
	}
	for i, d := range demands {
		if d.quality != QualityLow && usable[i] >= stay {
			comeBack = min(comeBack, usable[i]) // it costs nobody anything
		}
	}
	for i, d := range demands {
		need := stay
		if d.quality == QualityLow {
			need = comeBack
		}
		if usable[i] < need {
			s.qualities[i] = QualityLow
			s.low = min(s.low, usable[i])
			continue
		}
		s.qualities[i] = QualityFull
		s.full = min(s.full, usable[i])
	}
	s.full, s.low = max(s.full, minBitrate), max(s.low, minBitrate)
	return s
}

// persist is the share of a stream's bitrate below which a path is given up that was believed to carry it:
// less than what one reduction of the estimate leaves, so a single hiccup costs nobody the picture.
const persist = 0.65

// shareStream does the same for a stream that is passed through with a given bitrate: who cannot keep
// up gets its key frames only.
func shareStream(demands []demand, bitrate int) []Quality {
	qualities := make([]Quality, len(demands))
	for i, d := range demands {
		enough := float64(bitrate)
		if d.quality == QualityFull {
			enough *= persist
		}
		qualities[i] = QualityFull
		if d.available > 0 && float64(d.available) < enough {
			qualities[i] = QualityKeyFrames
		}
	}
	return qualities
}

// steer fits the layers to the viewers until ctx ends.
func (e *Engine) steer(ctx context.Context) {
	ticker := time.NewTicker(steerInterval)
	defer ticker.Stop()
	meter := streamMeter{layer: e.full}
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			if e.passedThrough() {
				meter.measure(now)
				e.steerStream()
			} else {
				e.steerEncoders()
			}
		}
	}
}

func (e *Engine) steerEncoders() {
	limits := e.limits()
	viewers := e.viewersOf(e.full)
	s := shareOut(demandsOf(viewers), limits.Bitrate)
	for i, v := range viewers {
		v.steerTo(s.qualities[i])
	}
	e.full.steerTo(s.full, limits)
	e.low.steerTo(s.low, lowLimits(limits))

	others := e.viewersOf(e.vp8)
	s = shareOut(demandsOf(others), limits.Bitrate)
	least := s.full
	if slices.Contains(s.qualities, QualityLow) {
		least = min(least, s.low) // there is one layer of VP8 only
	}
	e.vp8.steerTo(least, limits)
}

func (e *Engine) steerStream() {
	if e.full.measured.Load() == 0 {
		return // nobody is sent less before it is known what all of it takes
	}
	viewers := e.viewersOf(e.full)
	for i, quality := range shareStream(demandsOf(viewers), e.full.cost()) {
		viewers[i].steerTo(quality)
	}
}

func demandsOf(viewers []*Viewer) []demand {
	demands := make([]demand, len(viewers))
	for i, v := range viewers {
		demands[i] = demand{quality: *v.quality.Load(), available: v.available()}
	}
	return demands
}

// available is the part of the path that video may use; 0 while nothing is known of it.
func (v *Viewer) available() int {
	estimate := v.path.Estimate()
	if !estimate.Known {
		return 0
	}
	return int(headroom * float64(estimate.Bitrate))
}

// steerTo has the viewer change to a quality.
func (v *Viewer) steerTo(quality Quality) {
	sent := v.layer
	if quality == QualityLow {
		sent = v.engine.low
	}
	v.path.SetTarget(sent.cost())
	if *v.quality.Load() == quality {
		return
	}
	v.setQuality(quality)
	poke(v.steer)
	v.ask()
}

func (v *Viewer) setQuality(quality Quality) { v.quality.Store(&quality) }

// A layer's bitrate rises by at most 1/riseSteps per step: a path that turns out narrower is noticed
// before it is flooded. Differences below 1/deadBand are not worth an encoder's unrest.
const (
	riseSteps = 25
	deadBand  = 20
)

// steerTo sets a layer's rate for a bitrate within limits.
func (l *layer) steerTo(bitrate int, limits Rate) {
	before := *l.wanted.Load()
	if bitrate > before.Bitrate {
		bitrate = min(bitrate, before.Bitrate+max(before.Bitrate/riseSteps, 1))
	}
	wanted := fit(min(bitrate, limits.Bitrate), limits, before)
	change := wanted.Bitrate - before.Bitrate
	sameSize := wanted.Height == before.Height && wanted.Width == before.Width && wanted.FPS == before.FPS
	if sameSize && change < 0 && -change < before.Bitrate/deadBand && before.Bitrate <= limits.Bitrate {
		return
	}
	l.wanted.Store(&wanted)
}

// cost is what the layer is sent with, in bit/s; 0 if that is unknown yet.
func (l *layer) cost() int {
	if measured := l.measured.Load(); measured > 0 {
		return int(measured)
	}
	return l.wanted.Load().Bitrate
}

// streamMeter measures what is passed through, over about two seconds at a time.
type streamMeter struct {
	layer *layer
	bytes uint64
	at    time.Time
}

func (m *streamMeter) measure(now time.Time) {
	const window = 2 * time.Second
	elapsed := now.Sub(m.at)
	if elapsed < window {
		return
	}
	bytes := m.layer.hub.counts.bytes.Load()
	if !m.at.IsZero() {
		m.layer.measured.Store(int64(float64(bytes-m.bytes) * 8 / elapsed.Seconds()))
	}
	m.bytes, m.at = bytes, now
}
