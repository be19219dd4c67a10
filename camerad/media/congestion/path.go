package congestion

import "time"

// groupSpan is the time within which packets are sent that are judged as one (section 5.2 of the
// draft).
const groupSpan = 5 * time.Millisecond

// clockJump is a change of delay that no queue makes: the receiver's clock was set.
const clockJump = 10 * time.Second

// levelShare is by what part of the way the usual level of the excess moves with each group.
const levelShare = 8

// path follows the delay of what is sent. The zero value is ready.
type path struct {
	backlog backlog
	burst   dispersion
	base    baseline
	queue   recent        // delay over the base
	excess  recent        // the part of the queue that the stream does not explain
	latest  time.Duration // queue
	level   time.Duration // of the excess, usually
	trend   trendline
	choked  bool // the current burst takes too long

	started bool
	group   time.Duration // when the current group's first packet was sent
	delay   time.Duration // its; the zero is arbitrary
	settle  time.Duration // packets sent before it do not show the effect of the latest decrease
}

// jumped reports whether the clocks of the ends have moved against each other.
func (p *path) jumped(sent, arrival time.Duration) bool {
	change := arrival - sent - p.delay
	return p.started && (change > clockJump || change < -clockJump)
}

// arrived takes a packet's times, in the order of sending, and the time for which the stream itself
// may have made it wait.
func (p *path) arrived(sent, arrival, allowance time.Duration, size int) {
	if p.started && sent-p.group <= groupSpan {
		p.burst.add(arrival, size)
		p.choked = p.choked || p.burst.choked(p.backlog.rate)
		return
	}
	p.burst.finish()
	p.burst.begin(arrival)
	p.started, p.group, p.delay, p.choked = true, sent, arrival-sent, false
	queue := p.base.over(sent, p.delay)
	p.queue.add(queue)
	excess := p.unexplained(queue, allowance)
	p.excess.add(excess)
	p.latest = queue
	p.trend.add(sent, excess)
}

// unexplained is the part of a queue that the allowance does not cover. It covers only what is over the
// usual level: else jitter, or a longer route, would vanish with a key frame, come back as the
// allowance ends, and look like a queue that grows.
func (p *path) unexplained(queue, allowance time.Duration) time.Duration {
	level := max(p.level, p.queue.least(queueGroups))
	excess := max(queue-allowance, min(queue, level))
	p.level += (excess - p.level) / levelShare
	return excess
}

// settling reports whether what has arrived was all sent before the latest decrease.
func (p *path) settling() bool { return p.group < p.settle }

// decreased says that less is sent from now on.
func (p *path) decreased(now time.Duration) {
	p.settle, p.choked = now, false
	p.level = p.latest // of which no key frame is an excuse any more
	p.trend.restart()
}

// overused reports whether more is sent than passes.
func (p *path) overused() bool { return p.choked || p.trend.overused() }

// standing is the queue that does not go away: what the stream does not explain, or what has been
// there for about a second, whatever explains it.
func (p *path) standing() time.Duration {
	return max(p.excess.least(excessGroups), p.queue.least(queueGroups))
}

// doubt raises the base if a queue does not shrink although less arrives than the path carries at its
// peak: it is no queue then but a longer route, or a queue that others keep full, which would not end
// by our giving way. arrived is the bytes of all time.
func (p *path) doubt(now time.Duration, arrived int, peak float64) {
	if standing := p.standing(); p.base.refuted(now, standing, arrived, peak) {
		p.base.shift(standing)
	}
}

// Over how many groups a queue must last to be a standing one: 0.4 and 1 s of pictures.
const (
	excessGroups = 12
	queueGroups  = 30
)

// recent keeps the values of the last groups. The zero value is empty.
type recent struct {
	values [queueGroups]time.Duration
	count  int
}

func (r *recent) add(value time.Duration) {
	r.values[r.count%queueGroups] = value
	r.count++
}

// least is what each of the last n groups had; 0 while there are too few.
func (r *recent) least(n int) time.Duration {
	if r.count < n {
		return 0
	}
	least := r.values[(r.count-1)%queueGroups]
	for i := r.count - n; i < r.count-1; i++ {
		least = min(least, r.values[i%queueGroups])
	}
	return least
}
