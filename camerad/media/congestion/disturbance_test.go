package congestion

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestRandomLoss(t *testing.T) {
	for _, c := range []struct {
		name  string
		share float64
		least int
	}{{"2 %", 0.02, 1.8e6}, {"10 %", 0.10, 1e6}, {"15 %", 0.15, 1e6}, {"30 %", 0.30, 0.4e6}} {
		t.Run(c.name, func(t *testing.T) {
			try(t, 110*sec, func(time.Duration) *simulation {
				s := wide()
				s.link.loss = between(10*sec, 80*sec, c.share, 0)
				return s
			}, func(s *span) {
				s.during(8*sec, 80*sec).atLeast(c.least)
				s.during(100*sec, 105*sec).atLeast(2e6)
				assert.InDelta(t, c.share, s.during(70*sec, 71*sec).points()[0].estimate.Loss, 0.1)
			})
		})
	}
}

func TestLossFromTheStart(t *testing.T) {
	try(t, 60*sec, func(time.Duration) *simulation {
		s := wide()
		s.link.loss = steady(0.02)
		return s
	}, func(s *span) { s.during(8*sec, 60*sec).atLeast(1.8e6) })
}

func TestJitter(t *testing.T) {
	for _, c := range []struct {
		name    string
		jitter  time.Duration
		reorder bool
		least   int
		sends   float64
	}{{"10 ms", 10 * ms, false, 1.6e6, 1.95e6}, {"10 ms, reordering", 10 * ms, true, 1.6e6, 1.95e6}, {"40 ms", 40 * ms, false, 0.4e6, 1.2e6}} {
		t.Run(c.name, func(t *testing.T) {
			try(t, 60*sec, func(time.Duration) *simulation {
				s := wide()
				s.link.jitter, s.link.reorder = c.jitter, c.reorder
				return s
			}, func(s *span) {
				s.during(8*sec, 60*sec).atLeast(c.least)
				s.during(8*sec, 60*sec).sendsAtLeast(c.sends)
			})
		})
	}
}

// A radio that pauses for 200 ms every 3 s delivers all at once thereafter.
func TestPausesOfTheRadio(t *testing.T) {
	const every, pause = 3 * sec, 200 * ms
	try(t, 60*sec, func(phase time.Duration) *simulation {
		s := wide()
		s.link.extra = func(now time.Duration) time.Duration { return max(0, pause-(now+phase)%every) }
		return s
	}, func(s *span) { s.during(8*sec, 60*sec).atLeast(1.6e6) })
}

func TestRouteBecomesLonger(t *testing.T) {
	try(t, 50*sec, func(phase time.Duration) *simulation {
		s := wide()
		s.link.extra = func(now time.Duration) time.Duration {
			return time.Duration(between(20*sec+phase, 35*sec+phase, float64(80*ms), 0)(now))
		}
		return s
	}, func(s *span) {
		s.during(8*sec, 45*sec).atLeast(0.7e6)
		s.during(32*sec, 45*sec).atLeast(2e6)
	})
}

func TestLostReports(t *testing.T) {
	try(t, 60*sec, func(phase time.Duration) *simulation {
		s := narrowed(phase, 1e6)
		s.lostReports = steady(0.3)
		return s
	}, func(s *span) {
		s.during(8*sec, 10*sec).atLeast(1.8e6)
		s.during(13*sec, 30*sec).atMost(1.1e6)
		s.during(15*sec, 30*sec).drained(200 * ms)
		s.during(14*sec, 30*sec).sendsAtLeast(0.65e6)
		s.during(47*sec, 55*sec).atLeast(1.8e6)
	})
}

func TestLateReports(t *testing.T) {
	try(t, 60*sec, func(phase time.Duration) *simulation {
		s := narrowed(phase, 1e6)
		s.lateReports = 0.3
		return s
	}, func(s *span) {
		s.during(8*sec, 10*sec).atLeast(1.8e6)
		s.during(13*sec, 30*sec).atMost(1.1e6)
		s.during(15*sec, 30*sec).drained(300 * ms)
		s.during(14*sec, 30*sec).sendsAtLeast(0.65e6)
		s.during(47*sec, 55*sec).atLeast(1.8e6)
	})
}

func TestSilence(t *testing.T) {
	for _, whole := range []bool{false, true} {
		name := map[bool]string{false: "of the way back", true: "of the path"}[whole]
		t.Run(name, func(t *testing.T) {
			try(t, 40*sec, func(phase time.Duration) *simulation {
				s := wide()
				s.lostReports = between(20*sec+phase, 23*sec+phase, 1, 0)
				if whole {
					s.link.loss = s.lostReports
				}
				return s
			}, func(s *span) {
				s.during(15*sec, 20*sec).atLeast(2e6)
				s.during(21300*ms, 22*sec).atMost(1.51e6)
				s.during(22300*ms, 23*sec).atMost(0.76e6)
				s.during(22900*ms, 23*sec).atLeast(0.3e6)
				assert.Greater(t, s.during(22800*ms, 23*sec).points()[0].estimate.Silent, 2*sec)
				s.during(23*sec, 39*sec).always("no loss counted twice", func(p point) bool { return p.estimate.Loss < 0.1 })
				s.during(31*sec, 39*sec).atLeast(2e6)
			})
		})
	}
}

func TestPauseOfTheSender(t *testing.T) {
	try(t, 60*sec, func(phase time.Duration) *simulation {
		s := wide()
		s.paused = func(now time.Duration) bool { return now > 20*sec+phase && now < 35*sec+phase }
		return s
	}, func(s *span) { s.during(8*sec, 59*sec).atLeast(2e6) })
}

// Who joins gets the pictures since the key frame at once.
func TestBurstForAJoiner(t *testing.T) {
	try(t, 40*sec, func(time.Duration) *simulation {
		s := &simulation{link: link{rate: steady(4e6), limit: 512_000}}
		s.burst = func(now time.Duration) int {
			if now == 20*sec {
				return 200
			}
			return 0
		}
		return s
	}, func(s *span) {
		s.during(19*sec, 40*sec).atLeast(1.8e6)
		s.during(30*sec, 40*sec).atLeast(2e6)
	})
}

func TestOtherPictures(t *testing.T) {
	for _, c := range []struct {
		name           string
		fps, every     int
		factor, atMost float64
	}{{"4 s between key frames", 30, 120, 20, 1.05e6}, {"15 pictures a second", 15, 15, 5, 1.1e6}, {"5 pictures a second", 5, 5, 3, 1.3e6}} {
		t.Run(c.name, func(t *testing.T) {
			try(t, 60*sec, func(phase time.Duration) *simulation {
				s := narrowed(phase, 1e6)
				s.fps, s.keyEvery, s.keyFactor = c.fps, c.every, c.factor
				return s
			}, func(s *span) {
				s.during(8*sec, 10*sec).atLeast(2e6)
				s.during(14*sec, 30*sec).atMost(int(c.atMost))
				s.during(14*sec, 30*sec).sendsAtLeast(0.65e6)
				s.during(47*sec, 55*sec).atLeast(1.8e6)
			})
		})
	}
}

func TestClocks(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for _, c := range []struct {
		name   string
		offset func(time.Duration) time.Duration
	}{
		{"apart", func(time.Duration) time.Duration { return 40*year + 123456789 }},
		{"drifting", func(at time.Duration) time.Duration { return time.Hour + at/5000 }},
		{"set forward", func(at time.Duration) time.Duration { return time.Hour + 20*time.Minute*(at/(20*sec)) }},
		{"set back", func(at time.Duration) time.Duration { return 10*time.Hour - 20*time.Minute*(at/(20*sec)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			try(t, 60*sec, func(time.Duration) *simulation {
				s := wide()
				s.offset = c.offset
				return s
			}, func(s *span) { s.during(8*sec, 60*sec).atLeast(2e6) })
		})
	}
}

// All that wraps does so within an hour: transport-wide numbers (often), the 24 bits of the reference
// time (every 12 days) and the 32 bits of a packet's time of sending (every 71 min).
func TestAnHourWithAllWraps(t *testing.T) {
	t.Parallel()
	s := wide()
	s.number = 65_000
	s.clock = 1<<32*time.Microsecond - 30*time.Minute
	s.offset = func(time.Duration) time.Duration { return 1<<24*referenceUnit - 40*time.Minute }
	s.fps, s.keyEvery, s.limit = 10, 10, 1e6
	s.link.rate = between(50*time.Minute, 51*time.Minute, 0.5e6, 10e6)
	s.run(t, 1, time.Hour)
	all := &span{T: t, s: s}
	assert.Greater(t, s.sent, int64(5*65536))
	all.during(10*sec, 50*time.Minute).atLeast(1e6)
	all.during(50*time.Minute+5*sec, 51*time.Minute).atMost(0.6e6)
	all.during(52*time.Minute, time.Hour).atLeast(1e6)
}
