package congestion

import "time"

// Pauses between probes: the shortest is used at the start and after success.
const (
	probeFirst = 3 * time.Second
	probeMost  = 60 * time.Second
)

// The shape and the judgement of a probe.
const (
	probeSpan  = 80 * time.Millisecond
	probeLeast = 10  // packets
	probeMax   = 100 // packets
	probeRate  = 0.9 // share of the target that must arrive
	probeLoss  = 0.05
	probeWait  = time.Second      // beyond the round trip, for the last report
	probeTrial = 10 * time.Second // a success that is contradicted within it was none
	probeHint  = 0.7              // of the target: below it, the capacity makes a probe hopeless
)

// Probe is a train of padding packets which shows whether Target would pass. It is short: a path that
// lets bursts pass at a higher rate than what it sustains passes it, too. When that comes out, the
// next probe is made late.
type Probe struct {
	Target  int           // bit/s
	Packets int           // to be sent
	Size    int           // bytes of each
	Gap     time.Duration // between them; bursts are as good, within the same time
}

// planProbe shapes a probe of packets of size bytes.
func planProbe(target, size int) Probe {
	packets := int(float64(target)/8*probeSpan.Seconds()/float64(size) + 0.5)
	return Probe{
		Target: target, Packets: min(max(packets, probeLeast), probeMax), Size: size,
		Gap: time.Duration(float64(size) * 8 / float64(target) * float64(time.Second)),
	}
}

// prober decides when to probe, and judges the probe under way. The zero value is ready.
type prober struct {
	plan        Probe // under way if it has packets
	sent        int
	lost, came  int
	bytes       int           // that came after the first
	first, last time.Duration // arrivals
	deadline    time.Duration

	pause, next time.Duration // between probes, and when the next one is due
	before      time.Duration // the pause before the latest success
	passed      int           // bit/s of it; 0 if there is none or it was contradicted
	passedAt    time.Duration
}

func (p *prober) underWay() bool { return p.plan.Packets > 0 }

// heard starts the clock with the first feedback.
func (p *prober) heard(now time.Duration) {
	if p.pause == 0 {
		p.pause, p.next = probeFirst, now+probeFirst
	}
}

func (p *prober) due(now time.Duration) bool {
	return p.pause > 0 && !p.underWay() && now >= p.next
}

// hopeless reports whether the capacity says that the probe would fail. It is believed but for every
// last of the probes, since it may be wrong.
func (p *prober) hopeless(target int, capacity float64) bool {
	return capacity > 0 && capacity < probeHint*float64(target) && p.pause < probeMost
}

// begin plans a probe.
func (p *prober) begin(now, rtt time.Duration, target, size int) Probe {
	p.plan = planProbe(target, size)
	p.sent, p.lost, p.came, p.bytes, p.passed = 0, 0, 0, 0, 0
	p.deadline = now + time.Duration(p.plan.Packets)*p.plan.Gap + rtt + probeWait
	return p.plan
}

// add counts a packet that leaves; it reports false for one that no probe needs.
func (p *prober) add() bool {
	if p.sent >= p.plan.Packets {
		return false
	}
	p.sent++
	return true
}

// report takes the fate of one packet of the probe.
func (p *prober) report(size int, arrival time.Duration, came, wasLost bool) {
	if !came {
		p.lost++
		return
	}
	if wasLost {
		p.lost--
	}
	if p.came++; p.came == 1 {
		p.first, p.last = arrival, arrival
		return
	}
	p.bytes += size
	p.first, p.last = min(p.first, arrival), max(p.last, arrival)
}

// judge ends the probe if all is known of it or no more can be expected. It returns the bit/s that
// passed, if so.
func (p *prober) judge(now time.Duration) (target int, passed bool) {
	plan := p.plan
	if !p.underWay() || now < p.deadline && p.came+p.lost < plan.Packets {
		return 0, false
	}
	p.plan = Probe{}
	missing := float64(plan.Packets-p.came) / float64(plan.Packets)
	rate := float64(p.bytes) * 8 / max(p.last-p.first, deltaUnit).Seconds()
	if missing >= probeLoss || rate < probeRate*float64(plan.Target) {
		p.fail(now)
		return 0, false
	}
	p.before, p.pause, p.passed, p.passedAt = p.pause, probeFirst, plan.Target, now
	p.next = now + p.pause
	return plan.Target, true
}

// fail makes the pauses longer.
func (p *prober) fail(now time.Duration) {
	p.pause = min(2*p.pause, probeMost)
	p.next = now + p.pause
}

// contradicted says that the path was found to be full.
func (p *prober) contradicted(now time.Duration) {
	if p.passed > 0 && now-p.passedAt < probeTrial {
		p.pause = p.before
		p.fail(now)
	}
	p.passed = 0
	p.next = max(p.next, now+p.pause)
}
