package congestion

import (
	"sync"
	"time"
)

// heavyQueue is a standing queue that is overuse even if it does not grow.
const heavyQueue = 100 * time.Millisecond

// Estimator judges the path to one viewer from what was sent and what its transport-wide feedback
// says arrived. All its methods may be called from any goroutine; they hold a lock for microseconds.
type Estimator struct {
	mu      sync.Mutex
	started bool
	epoch   time.Time     // of the first call
	now     time.Duration // of the latest call

	sent    history
	sending bool    // next is valid
	next    uint16  // the first number that the path's model has not seen
	flying  int     // bytes sent from next on
	packet  float64 // bits, on average
	silence silence

	clock    arrivalClock
	reading  reading
	path     path
	acked    window
	arrived  int // bytes of all time
	assumed  int // bytes of assumed packets before the next one that arrived
	loss     lossMeter
	fresh    lossMeter // since loss was answered
	rtt      time.Duration
	leastRTT baseline
	known    bool

	control controller
	probe   prober
}

// Estimate is what is known of a path.
type Estimate struct {
	Bitrate  int           // bit/s available
	Acked    int           // bit/s that arrived during the last second
	Capacity int           // bit/s of the bottleneck, 0 if unknown; see [Estimator.Estimate]
	Loss     float64       // share of packets lost, averaged over about 2 s, 0 to 1
	RTT      time.Duration // round trip, with the viewer's pause before it reports; 0 if unknown
	Queue    time.Duration // delay beyond the path's least of which none of the last pictures was free
	Overused bool          // more is sent, or was until a moment ago, than the path carries
	Known    bool          // there was feedback
	Silent   time.Duration // for how long packets have been sent without feedback; usually below 0.3 s
}

// New returns an estimator that begins with start bit/s and stays within least and most.
func New(start, least, most int) *Estimator {
	return &Estimator{control: controller{
		rate: float64(min(max(start, least), most)), least: float64(least), most: float64(most),
	}}
}

// Sent notes a packet that is about to leave: its transport-wide sequence number and its size in
// bytes. Call it for every packet that has a number, retransmissions and padding too, in the order of
// the numbers.
func (e *Estimator) Sent(sequence uint16, size int, at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.send(sequence, size, at, pending)
}

// SentProbe is [Estimator.Sent] for a packet of the [Probe] under way.
func (e *Estimator) SentProbe(sequence uint16, size int, at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	flags := pending
	if e.probe.add() {
		flags |= probing
	}
	e.send(sequence, size, at, flags)
}

func (e *Estimator) send(sequence uint16, size int, at time.Time, flags fate) {
	e.advance(at)
	e.makeRoom(sequence)
	e.sent.add(sequence, size, e.now, flags)
	e.flying += size
	const share = 1.0 / 64
	e.packet += share * (float64(size)*8 - e.packet)
	if e.silence.sent(e.now) {
		e.control.halve()
	}
}

// makeRoom gives up the packets that the history is about to forget. Numbers that go on elsewhere are
// a new beginning.
func (e *Estimator) makeRoom(sequence uint16) {
	if ahead := int16(sequence - e.next); !e.sending || ahead < -historySize {
		e.sending, e.next, e.flying = true, sequence, 0
	}
	for int16(sequence-e.next) >= historySize {
		if p := e.sent.get(e.next); p != nil {
			e.flying -= int(p.size)
		}
		e.next++
	}
}

// SetTarget says what is sent at most from now on, in bit/s: the encoder's bitrate; 0 if it is not
// known. The estimate grows to 1.5 times of what arrives, and no further than 1.5 times of the target.
func (e *Estimator) SetTarget(bitrate int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.control.target = float64(bitrate)
}

// Estimate returns what is known now.
//
// Capacity is the rate at which bursts of five packets or more arrive, from the latest five of them.
// It is known even if little is sent, since a key frame is such a burst, and so tells whether more
// would pass. It is too high behind a token bucket, which lets bursts pass at once and sustains less,
// and on Wi-Fi, which delivers packets in aggregates; it is too low where the jitter is as long as a
// burst. So take twice of what is needed as a good sign, and watch Overused afterwards.
func (e *Estimator) Estimate() Estimate {
	e.mu.Lock()
	defer e.mu.Unlock()
	return Estimate{
		Bitrate: int(e.control.bitrate()), Acked: int(e.acked.rate(longSpan)), Capacity: int(e.path.burst.capacity),
		Loss: e.loss.share(), RTT: e.rtt, Queue: e.path.queue.least(excessGroups), Known: e.known,
		Overused: e.path.overused() || e.path.settling() || e.path.standing() >= heavyQueue,
		Silent:   e.silence.length(),
	}
}

// Probe returns what to send to see whether target bit/s would pass, if it is time to. size is of a
// packet, as for [Estimator.Sent]; mind that one of nothing but padding holds 255 bytes of it (RFC 3550
// section 5.1). Note the packets by [Estimator.SentProbe]; when they have come in time,
// [Estimate].Bitrate is at least target. It is never time if that much is available already, before
// there was feedback, and while the path has a queue or loses packets. It is first time after 3 s, and
// after failures less and less often, down to once a minute.
func (e *Estimator) Probe(target, size int, at time.Time) (plan Probe, due bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.advance(at)
	e.judge()
	if target <= 0 || size <= 0 || !e.probe.due(e.now) || e.control.bitrate() >= float64(target) || !e.calm() {
		return Probe{}, false
	}
	if e.probe.hopeless(target, e.path.burst.capacity) {
		e.probe.fail(e.now)
		return Probe{}, false
	}
	return e.probe.begin(e.now, e.rtt, target, size), true
}

// calm reports whether the path can bear a probe.
func (e *Estimator) calm() bool {
	return e.path.standing() < calm && e.loss.share() < lossCalm && e.silence.length() < silenceLimit
}

// judge ends the probe under way if it can be judged.
func (e *Estimator) judge() {
	if target, passed := e.probe.judge(e.now); passed {
		e.control.raise(float64(target))
	}
}

// advance sets the time. The calls of two goroutines may come in another order than their times.
func (e *Estimator) advance(at time.Time) {
	if !e.started {
		e.started, e.epoch = true, at
	}
	e.now = max(e.now, at.Sub(e.epoch))
}
