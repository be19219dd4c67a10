package congestion

import (
	"encoding/binary"
	"time"

	"github.com/pion/rtcp"
)

// assumeLimit is how long before a packet that arrived others may have been sent that count as arrived,
// too, although their report was lost.
const assumeLimit = 300 * time.Millisecond

// rttShare is by what part of the way to the latest round trip the average moves.
const rttShare = 8

// reading is what is gathered from the report that is being read.
type reading struct {
	reference    time.Duration // on the receiver's clock
	afterSilence bool
	news         bool          // it says something new of a packet that is known here
	newest       time.Duration // when the latest packet that arrived was sent
	timed        bool          // newest is valid
}

// Feedback takes RTCP as it came, one packet or several (RFC 3550 section 6.1), and reads the
// transport-wide feedback in it without allocating. Packets of other kinds are skipped; it reports whether
// there are any of which somebody may want to know: what receiver reports and descriptions of the source say
// (RFC 3550 sections 6.4.2 and 6.5) is in the feedback, or of no use. It fails with [ErrMalformed] at the first
// packet that cannot be read; those before it count.
func (e *Estimator) Feedback(raw []byte, at time.Time) (others bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for len(raw) > 0 {
		if len(raw) < 4 {
			return others, ErrMalformed
		}
		length := 4 * (int(binary.BigEndian.Uint16(raw[2:])) + 1)
		if length > len(raw) {
			return others, ErrMalformed
		}
		switch {
		case isFeedback(raw):
			report, err := ParseFeedback(raw[:length])
			if err != nil {
				return others, err
			}
			e.begin(report.Reference, at)
			report.Each(e.status)
			e.finish()
		case rtcp.PacketType(raw[1]) != rtcp.TypeReceiverReport && rtcp.PacketType(raw[1]) != rtcp.TypeSourceDescription:
			others = true
		}
		raw = raw[length:]
	}
	return others, nil
}

func (e *Estimator) begin(reference uint32, at time.Time) {
	e.advance(at)
	e.loss.age(e.now)
	e.fresh.age(e.now)
	e.reading = reading{reference: e.clock.unwrap(reference), afterSilence: e.silence.length() >= silenceLimit}
}

// status takes what the report says of one packet. Reports may come twice, late, in another order or
// not at all, and may name packets that were never sent.
func (e *Estimator) status(s Status) {
	p := e.sent.get(s.Sequence)
	if p == nil || p.fate() == arrived {
		return
	}
	e.reading.news = true
	sent, arrival := p.sentAt(e.now), e.reading.reference+s.At
	inOrder := int16(s.Sequence-e.next) >= 0
	var allowance time.Duration
	if inOrder {
		allowance = e.walk(s.Sequence, sent, int(p.size))
	}
	before := p.fate()
	if p.probing() && (s.Arrived || before != lost) {
		e.probe.report(int(p.size), arrival, s.Arrived, before == lost)
	}
	if !s.Arrived {
		p.become(lost)
		e.countLoss(before)
		return
	}
	p.become(arrived)
	e.countArrival(before, arrival, int(p.size))
	if !inOrder || !s.Timed {
		return
	}
	if e.path.jumped(sent, arrival) {
		e.path, e.acked = path{backlog: e.path.backlog, settle: e.path.settle}, window{}
	}
	e.path.arrived(sent, arrival, allowance, int(p.size))
	e.reading.newest, e.reading.timed = sent, true
}

// walk has the path's model see all packets up to this one, and returns for how long the stream itself
// may have made this one wait. Those in between were not reported.
func (e *Estimator) walk(sequence uint16, sent time.Duration, size int) time.Duration {
	for ; e.next != sequence; e.next++ {
		p := e.sent.get(e.next)
		if p == nil {
			continue
		}
		at := p.sentAt(e.now)
		e.flying -= int(p.size)
		e.path.backlog.add(at, int(p.size), e.control.target)
		if p.fate() != pending {
			continue
		}
		p.become(assumed)
		e.path.burst.broken = true
		if sent-at <= assumeLimit {
			e.assumed += int(p.size)
		}
	}
	e.next++
	e.flying -= size
	return e.path.backlog.add(sent, size, e.control.target)
}

// countLoss counts a packet as lost, given what was known of it before. What was lost during a silence
// was answered by halving.
func (e *Estimator) countLoss(before fate) {
	if before != lost && !e.reading.afterSilence {
		e.loss.count(true)
		e.fresh.count(true)
	}
}

// countArrival counts a packet as arrived, given what was known of it before. Assumed packets count
// before, as far as packets arrive at all: most reports are lost without the packets that they are
// about.
func (e *Estimator) countArrival(before fate, arrival time.Duration, size int) {
	if before == lost {
		e.loss.recovered()
		e.fresh.recovered()
	} else {
		e.loss.count(false)
		e.fresh.count(false)
	}
	if before != assumed {
		size += int(float64(e.assumed) * (1 - e.loss.share()))
		e.assumed = 0
		e.acked.add(arrival, size)
		e.arrived += size
	}
}

// finish draws the conclusions from a report.
func (e *Estimator) finish() {
	if !e.reading.news {
		return
	}
	e.known = true
	e.silence.heard()
	e.probe.heard(e.now)
	if e.reading.timed {
		e.measureRTT(e.now - e.reading.newest)
	}
	e.judge()
	s := e.signals()
	overuse, loss := e.control.update(e.now, &s)
	e.path.doubt(e.now, e.arrived, e.control.peak)
	if overuse {
		e.path.decreased(e.now)
	}
	if loss {
		e.fresh.answered()
	}
	if overuse || loss {
		e.probe.contradicted(e.now)
	}
}

func (e *Estimator) measureRTT(latest time.Duration) {
	if e.rtt == 0 {
		e.rtt = latest
	}
	e.rtt += (latest - e.rtt) / rttShare
	e.leastRTT.over(e.now, latest)
}

func (e *Estimator) signals() signals {
	s := signals{
		overused: e.path.overused(), falling: e.path.trend.falling(), settling: e.path.settling(),
		standing: e.path.standing(), loss: e.fresh.share(),
		acked: e.acked.rate(longSpan), short: e.acked.rate(shortSpan), capacity: e.path.burst.capacity,
		rtt: e.rtt, packet: e.packet,
	}
	if s.settling && s.short > 0 {
		s.standing = max(s.standing, e.flight(s.short))
	}
	return s
}

// flight is the queue that the packets on their way must form if the path carries no more than rate.
// It is known long before the last of them arrives.
func (e *Estimator) flight(rate float64) time.Duration {
	took := time.Duration(float64(e.flying) * 8 / rate * float64(time.Second))
	return took - e.leastRTT.least() - responseExtra
}
