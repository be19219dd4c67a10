package media

import "time"

// probeInterval is how often it is asked whether to probe.
const probeInterval = 100 * time.Millisecond

// prober finds out whether the path of a viewer who gets less than the full picture carries it by now.
type prober struct{ asked time.Time }

// step is called after each picture that was sent.
func (p *prober) step(v *Viewer) {
	now := time.Now()
	if now.Sub(p.asked) < probeInterval || *v.quality.Load() == QualityFull {
		return
	}
	p.asked = now
	const size = maxPadding + packetOverhead
	plan, due := v.path.Probe(int(float64(v.engine.full.cost())/headroom), size, now)
	if !due {
		return
	}
	for range plan.Packets {
		if !v.Video.sendPadding() {
			return
		}
	}
}
