package media

import "time"

// probeMargin is by how much what is probed for exceeds what is needed, which changes a little all the
// time.
const probeMargin = 1.05

// probeInterval is how often it is asked whether to probe.
const probeInterval = 100 * time.Millisecond

// prober finds out whether the path of a viewer who gets less than the full picture carries it by now.
type prober struct{ asked time.Time }

// step is called after each picture that was sent.
func (p *prober) step(v *Viewer) {
	if *v.quality.Load() == QualityFull {
		return
	}
	now := time.Now()
	if now.Sub(p.asked) < probeInterval {
		return
	}
	p.asked = now
	const size = maxPadding + packetOverhead
	plan, due := v.path.Probe(int(probeMargin/headroom*float64(v.engine.full.cost())), size, now)
	if !due {
		return
	}
	for range plan.Packets {
		if !v.Video.sendPadding() {
			return
		}
	}
}
