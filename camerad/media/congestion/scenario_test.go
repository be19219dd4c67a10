package congestion

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	ms  = time.Millisecond
	sec = time.Second
)

// seeds is how many courses of chance each scenario is tried with.
const seeds = 3

// between is a value that holds from one time up to another, and one for the rest.
func between(from, to time.Duration, inside, outside float64) func(time.Duration) float64 {
	return func(now time.Duration) float64 {
		if now >= from && now < to {
			return inside
		}
		return outside
	}
}

// try simulates a scenario with several seeds. What happens in it is shifted by phase, against the key
// frames.
func try(t *testing.T, length time.Duration, build func(phase time.Duration) *simulation, check func(*span)) {
	t.Helper()
	for seed := range seeds {
		t.Run(fmt.Sprint("seed", seed), func(t *testing.T) {
			t.Parallel()
			phase := time.Duration(seed) * 170 * ms
			s := build(phase)
			s.run(t, uint64(seed), length)
			if seed == 0 {
				t.Log(s.table())
			}
			check(&span{T: t, s: s, phase: phase, from: 0, to: length})
		})
	}
}

// span is the part of a simulation that is judged.
type span struct {
	*testing.T
	s        *simulation
	phase    time.Duration
	from, to time.Duration
}

// during returns the span between two times, which are shifted by the phase.
func (s *span) during(from, to time.Duration) *span {
	return &span{T: s.T, s: s.s, phase: s.phase, from: from + s.phase, to: to + s.phase}
}

func (s *span) points() (points []point) {
	for _, p := range s.s.trace {
		if p.at >= s.from && p.at < s.to {
			points = append(points, p)
		}
	}
	return points
}

// sent is the average bitrate, of which headers are a part.
func (s *span) sent() float64 {
	points := s.points()
	last := points[len(points)-1]
	return (last.bits - points[0].bits) / (last.at - points[0].at).Seconds()
}

// estimates returns the least and the greatest.
func (s *span) estimates() (least, most int) {
	rates := make([]int, 0, len(s.s.trace))
	for _, p := range s.points() {
		rates = append(rates, p.estimate.Bitrate)
	}
	return slices.Min(rates), slices.Max(rates)
}

func (s *span) atLeast(bitrate int) {
	s.Helper()
	least, _ := s.estimates()
	assert.GreaterOrEqual(s, least, bitrate, "estimate from %v to %v", s.from, s.to)
}

func (s *span) atMost(bitrate int) {
	s.Helper()
	_, most := s.estimates()
	assert.LessOrEqual(s, most, bitrate, "estimate from %v to %v", s.from, s.to)
}

func (s *span) sendsAtLeast(bitrate float64) {
	s.Helper()
	assert.GreaterOrEqual(s, s.sent(), bitrate, "sent from %v to %v", s.from, s.to)
}

func (s *span) always(what string, holds func(point) bool) {
	s.Helper()
	for _, p := range s.points() {
		require.True(s, holds(p), "%s at %v: %+v", what, p.at, p.estimate)
	}
}

// drained says that the bottleneck's queue is short: half of the time, and at some time within each
// second, which is a group of pictures.
func (s *span) drained(limit time.Duration) {
	s.Helper()
	var waits []time.Duration
	points := s.points()
	for _, p := range points {
		waits = append(waits, p.wait)
	}
	for second := range slices.Chunk(waits, 10) {
		assert.Less(s, slices.Min(second), limit, "queue from %v to %v", s.from, s.to)
	}
	slices.Sort(waits)
	assert.Less(s, waits[len(waits)/2], limit, "median queue from %v to %v", s.from, s.to)
}

func wide() *simulation { return &simulation{link: link{rate: steady(10e6)}} }

// narrowed is a wide path that becomes narrow at 10 s, for 20 s.
func narrowed(phase time.Duration, rate float64) *simulation {
	return &simulation{link: link{rate: between(10*sec+phase, 30*sec+phase, rate, 10e6)}}
}

// checkNarrowed checks what holds for every path narrowed to 1 Mbit/s.
func checkNarrowed(s *span) {
	s.during(8*sec, 10*sec).atLeast(2e6)
	s.during(12*sec, 30*sec).atMost(1.05e6)
	s.during(14*sec, 30*sec).drained(150 * ms)
	s.during(14*sec, 30*sec).sendsAtLeast(0.65e6)
	s.during(45*sec, 55*sec).atLeast(2e6)
}

func TestWidePath(t *testing.T) {
	try(t, 60*sec, func(time.Duration) *simulation { return wide() }, func(s *span) {
		s.during(6*sec, 60*sec).atLeast(2e6)
		s.during(6*sec, 60*sec).atMost(3.1e6)
		s.during(6*sec, 60*sec).sendsAtLeast(1.95e6)
		s.during(6*sec, 60*sec).always("as it is", func(p point) bool {
			e := p.estimate
			return e.Known && !e.Overused && math.Abs(float64(e.Capacity)-10e6) < 1e6 && e.Loss == 0 &&
				math.Abs(float64(e.Acked)-2e6) < 0.5e6 && e.Queue < 5*ms && e.RTT > 20*ms && e.RTT < 100*ms && e.Silent < 300*ms
		})
	})
}

func TestNarrowed(t *testing.T) {
	try(t, 60*sec, func(phase time.Duration) *simulation { return narrowed(phase, 1e6) }, func(s *span) {
		checkNarrowed(s)
		assert.InEpsilon(t, 1e6, s.during(20*sec, 30*sec).points()[0].estimate.Capacity, 0.15)
	})
}

func TestNarrowedWithoutTarget(t *testing.T) {
	try(t, 60*sec, func(phase time.Duration) *simulation {
		s := narrowed(phase, 1e6)
		s.untold = true
		return s
	}, checkNarrowed)
}

func TestNarrowedWithShortQueue(t *testing.T) {
	try(t, 60*sec, func(phase time.Duration) *simulation {
		s := narrowed(phase, 1e6)
		s.link.limit = 40_000
		return s
	}, checkNarrowed)
}

func TestNarrowedByFiveSixths(t *testing.T) {
	try(t, 60*sec, func(phase time.Duration) *simulation { return narrowed(phase, 0.3e6) }, func(s *span) {
		s.during(11*sec, 30*sec).atMost(0.33e6)
		s.during(18*sec, 30*sec).drained(150 * ms)
		s.during(18*sec, 30*sec).sendsAtLeast(0.65 * 0.3e6)
		s.during(45*sec, 55*sec).atLeast(2e6)
	})
}

func TestNarrowedFarAway(t *testing.T) {
	try(t, 65*sec, func(phase time.Duration) *simulation {
		s := narrowed(phase, 1e6)
		s.link.delay, s.back = 100*ms, 100*ms
		return s
	}, func(s *span) {
		s.during(8*sec, 10*sec).atLeast(2e6)
		s.during(12*sec, 30*sec).atMost(1.1e6)
		s.during(14*sec, 30*sec).drained(150 * ms)
		s.during(14*sec, 30*sec).sendsAtLeast(0.65e6)
		s.during(50*sec, 60*sec).atLeast(2e6)
	})
}

// A token bucket lets a key frame through at once.
func TestNarrowedByTokenBucket(t *testing.T) {
	try(t, 60*sec, func(phase time.Duration) *simulation {
		s := narrowed(phase, 1e6)
		s.link.bucket = 32_000
		return s
	}, func(s *span) {
		s.during(13*sec, 30*sec).atMost(1.3e6)
		s.during(14*sec, 30*sec).drained(200 * ms)
		s.during(14*sec, 30*sec).sendsAtLeast(0.65e6)
		s.during(45*sec, 55*sec).atLeast(2e6)
	})
}

func TestNarrowedByPolicer(t *testing.T) {
	try(t, 60*sec, func(phase time.Duration) *simulation {
		s := narrowed(phase, 1e6)
		s.link.bucket, s.link.policer = 64_000, true
		return s
	}, func(s *span) {
		s.during(18*sec, 30*sec).atMost(1.5e6)
		s.during(18*sec, 30*sec).atLeast(0.8e6)
		s.during(45*sec, 55*sec).atLeast(2e6)
	})
}

// A stream that just fits queues after each key frame, for more than half a second.
func TestJustWideEnough(t *testing.T) {
	try(t, 60*sec, func(time.Duration) *simulation { return &simulation{link: link{rate: steady(2.3e6)}} }, func(s *span) {
		s.during(12*sec, 60*sec).atLeast(1.75e6)
		s.during(12*sec, 60*sec).sendsAtLeast(1.9e6)
	})
}

func TestStartTooHigh(t *testing.T) {
	try(t, 30*sec, func(time.Duration) *simulation {
		return &simulation{link: link{rate: steady(1e6)}, start: 4_000_000, limit: 4e6}
	}, func(s *span) {
		s.during(2*sec, 30*sec).atMost(1.05e6)
		s.during(5*sec, 30*sec).drained(150 * ms)
		s.during(5*sec, 30*sec).sendsAtLeast(0.65e6)
	})
}

// An encoder that serves others, too, may go on as before.
func TestSenderThatDoesNotFollow(t *testing.T) {
	try(t, 60*sec, func(phase time.Duration) *simulation {
		s := narrowed(phase, 1e6)
		s.fixed = true
		return s
	}, func(s *span) {
		s.during(12*sec, 30*sec).atMost(1.05e6)
		s.during(14*sec, 30*sec).always("overused by its own queue", func(p point) bool {
			return p.estimate.Overused && p.estimate.Queue > 300*ms
		})
		s.during(45*sec, 55*sec).atLeast(2e6)
	})
}

func TestConstantCompetitor(t *testing.T) {
	try(t, 60*sec, func(phase time.Duration) *simulation {
		return &simulation{link: link{rate: steady(3e6)}, constant: between(15*sec+phase, 35*sec+phase, 1.5e6, 0)}
	}, func(s *span) {
		s.during(18*sec, 35*sec).atMost(1.75e6)
		s.during(20*sec, 35*sec).drained(150 * ms)
		s.during(19*sec, 35*sec).sendsAtLeast(0.65 * 1.5e6)
		s.during(50*sec, 55*sec).atLeast(2e6)
	})
}

// A TCP transfer fills the queue whatever we do.
func TestGreedyCompetitor(t *testing.T) {
	for _, limit := range []int{64_000, 256_000} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			try(t, 70*sec, func(time.Duration) *simulation {
				return &simulation{link: link{rate: steady(5e6), limit: limit}, reno: &reno{from: 10 * sec, to: 50 * sec}}
			}, func(s *span) {
				s.during(20*sec, 50*sec).sendsAtLeast(0.3e6)
				s.during(65*sec, 70*sec).atLeast(1.5e6)
			})
		})
	}
}
