package congestion

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// simulation is a camera, a path and a viewer in virtual time. Its zero fields have the defaults of
// prepare.
type simulation struct {
	link link

	// The camera.
	limit     float64 // bit/s that the encoder makes at most
	fixed     bool    // it makes them whatever the estimate is
	fps       int
	keyFactor float64                  // size of a key frame over that of another
	keyEvery  int                      // pictures
	paused    func(time.Duration) bool // nothing is sent
	burst     func(time.Duration) int  // packets that are sent before a picture
	clock     time.Duration            // of the camera at the start
	number    int64                    // first transport-wide number
	start     int                      // bit/s
	untold    bool                     // the estimator is not told what the encoder makes
	probeTo   func(time.Duration) int  // bit/s that is probed for

	// The viewer and the way back.
	offset      func(time.Duration) time.Duration // of its clock, by the camera's
	back        time.Duration                     // delay
	lostReports func(time.Duration) float64       // share
	lateReports float64                           // share that comes 150 ms later than the others

	// Other traffic.
	constant func(time.Duration) float64 // bit/s
	reno     *reno

	estimator *Estimator
	receiver  receiver
	random    *rand.Rand
	reports   []travelling
	bitrate   float64 // of the encoder
	debt      float64 // bytes of constant traffic
	picture   int
	sent      int64
	bits      float64 // sent
	probe     Probe
	probes    []time.Duration // when they began
	trace     []point
}

type travelling struct {
	at  time.Duration
	raw []byte
}

// point is what was seen at a time.
type point struct {
	at       time.Duration
	estimate Estimate
	link     float64
	wait     time.Duration
	encoder  float64
	bits     float64 // sent since the start
}

const packetSize = 1200

// Intervals of the simulation.
const (
	tick        = time.Millisecond
	pointEvery  = 100 * time.Millisecond
	reportEvery = 50 * time.Millisecond // to twice that
)

var origin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func orElse[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

func (s *simulation) prepare(seed uint64) {
	s.random = rand.New(rand.NewPCG(seed, 42))
	s.link.random = s.random
	s.link.delay = orElse(s.link.delay, 20*time.Millisecond)
	s.link.limit = orElse(s.link.limit, 256_000)
	s.back = orElse(s.back, 20*time.Millisecond)
	s.limit, s.start = orElse(s.limit, 2e6), orElse(s.start, 1_000_000)
	s.fps, s.keyFactor, s.keyEvery = orElse(s.fps, 30), orElse(s.keyFactor, 8), orElse(s.keyEvery, 30)
	s.sent = s.number
	s.receiver = receiver{next: s.number, highest: s.number - 1}
	if s.offset == nil {
		s.offset = func(time.Duration) time.Duration { return 5 * time.Hour }
	}
	s.estimator = New(s.start, 50_000, 50_000_000)
	s.estimator.started, s.estimator.epoch = true, origin.Add(-s.clock)
}

// run simulates for a time.
func (s *simulation) run(t testing.TB, seed uint64, length time.Duration) {
	t.Helper()
	s.prepare(seed)
	var nextReport, nextPicture, nextPoint time.Duration
	for now := time.Duration(0); now < length; now += tick {
		s.others(now)
		if now >= nextPicture {
			nextPicture += time.Second / time.Duration(s.fps)
			s.takePicture(now)
		}
		s.pad(now)
		if now >= nextReport {
			nextReport += reportEvery + time.Duration(s.random.Int64N(int64(reportEvery)))
			s.report(t, now)
		}
		s.deliverReports(t, now)
		if now >= nextPoint {
			nextPoint += pointEvery
			s.trace = append(s.trace, point{now, s.estimator.Estimate(), s.link.rate(now), s.link.wait(now), s.bitrate, s.bits})
		}
	}
}

// takePicture encodes for what is available and sends in one burst.
func (s *simulation) takePicture(now time.Duration) {
	if s.paused != nil && s.paused(now) {
		return
	}
	s.bitrate = s.limit
	if !s.fixed {
		s.bitrate = min(s.limit, float64(s.estimator.Estimate().Bitrate))
	}
	if !s.untold {
		s.estimator.SetTarget(int(s.bitrate))
	}
	usual := s.bitrate / 8 / float64(s.fps) * float64(s.keyEvery) / (float64(s.keyEvery-1) + s.keyFactor)
	size := usual * (0.85 + 0.3*s.random.Float64())
	if s.picture%s.keyEvery == 0 {
		size = usual * s.keyFactor
	}
	s.picture++
	if s.burst != nil {
		size += float64(s.burst(now) * packetSize)
	}
	at := now
	for left := int(size); left > 0; left -= packetSize {
		s.send(at, min(left, packetSize)+40, false)
		at += 20 * time.Microsecond
	}
}

func (s *simulation) send(at time.Duration, size int, probe bool) {
	note := s.estimator.Sent
	if probe {
		note = s.estimator.SentProbe
	}
	note(uint16(s.sent), size, origin.Add(at))
	if came, ok := s.link.send(at, size); ok {
		s.receiver.coming = append(s.receiver.coming, arrival{s.sent, came, came + s.offset(came)})
	}
	s.bits += float64(size * 8)
	s.sent++
}

// pad sends probes when they are due.
func (s *simulation) pad(now time.Duration) {
	if s.probeTo == nil {
		return
	}
	if s.probe.Packets == 0 {
		const overhead = 70
		plan, due := s.estimator.Probe(s.probeTo(now), 255+overhead, origin.Add(now))
		if due {
			s.probe, s.probes = plan, append(s.probes, now)
		}
	}
	for at := now; s.probe.Packets > 0 && at < now+tick; at += s.probe.Gap {
		s.send(at, s.probe.Size, true)
		s.probe.Packets--
	}
}

// others sends the other traffic.
func (s *simulation) others(now time.Duration) {
	if s.reno != nil {
		s.reno.step(&s.link, now)
	}
	if s.constant != nil {
		s.debt += s.constant(now) / 8 * tick.Seconds()
		for ; s.debt >= packetSize; s.debt -= packetSize {
			s.link.send(now, packetSize)
		}
	}
}

func (s *simulation) report(t testing.TB, now time.Duration) {
	report := s.receiver.report(now)
	if report == nil || s.lostReports != nil && s.random.Float64() < s.lostReports(now) {
		return
	}
	raw, err := report.Marshal()
	require.NoError(t, err)
	at := now + s.back
	if s.random.Float64() < s.lateReports {
		at += 150 * time.Millisecond
	}
	s.reports = append(s.reports, travelling{at, raw})
}

// deliverReports gives them to the estimator.
func (s *simulation) deliverReports(t testing.TB, now time.Duration) {
	kept := s.reports[:0]
	for _, r := range s.reports {
		if r.at > now {
			kept = append(kept, r)
			continue
		}
		_, err := s.estimator.Feedback(r.raw, origin.Add(now))
		require.NoError(t, err)
	}
	s.reports = kept
}

// table prints the course in some lines.
func (s *simulation) table() string {
	var out strings.Builder
	fmt.Fprintf(&out, "\n%7s %8s %8s %8s %8s %8s %6s %5s %6s %6s %5s\n",
		"s", "link", "encoder", "estimate", "acked", "capacity", "loss %", "rtt", "queue", "real", "over")
	for i := 0; i < len(s.trace); i += max(1, len(s.trace)/20) {
		p := s.trace[i]
		fmt.Fprintf(&out, "%7.1f %8.0f %8.0f %8d %8d %8d %6.1f %5d %6d %6d %5t\n", p.at.Seconds(), p.link/1e3, p.encoder/1e3,
			p.estimate.Bitrate/1e3, p.estimate.Acked/1e3, p.estimate.Capacity/1e3, p.estimate.Loss*100,
			p.estimate.RTT.Milliseconds(), p.estimate.Queue.Milliseconds(), p.wait.Milliseconds(), p.estimate.Overused)
	}
	return out.String()
}
