package congestion

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// lowLayer is a viewer who gets little, and may get more.
func lowLayer(rate float64) *simulation {
	return &simulation{
		link: link{rate: steady(rate)}, limit: 0.3e6, start: 300_000,
		probeTo: func(time.Duration) int { return 2e6 },
	}
}

func TestCapacityIsSeenWithLittleTraffic(t *testing.T) {
	for _, rate := range []float64{1e6, 2.5e6, 10e6} {
		try(t, 20*sec, func(time.Duration) *simulation {
			s := lowLayer(rate)
			s.probeTo = nil
			return s
		}, func(s *span) {
			s.during(10*sec, 20*sec).always("capacity", func(p point) bool {
				return float64(p.estimate.Capacity) > 0.85*rate && float64(p.estimate.Capacity) < 1.15*rate
			})
			s.during(0, 20*sec).atMost(600_000)
		})
	}
}

func TestProbePasses(t *testing.T) {
	for _, rate := range []float64{10e6, 2.6e6} {
		try(t, 20*sec, func(time.Duration) *simulation { return lowLayer(rate) }, func(s *span) {
			require.Len(t, s.s.probes, 1, "one is enough")
			assert.InDelta(t, 3, s.s.probes[0].Seconds(), 0.3)
			s.from = 4 * sec
			s.atLeast(2e6)
			assert.True(t, s.s.estimator.probe.passed >= 2e6)
			assert.False(t, s.s.estimator.probe.passed >= 2.1e6)
			s.always("hardly a queue", func(p point) bool { return p.wait < 100*ms })
		})
	}
}

func TestProbePassesWithJitter(t *testing.T) {
	try(t, 30*sec, func(time.Duration) *simulation {
		s := lowLayer(10e6)
		s.link.jitter = 10 * ms
		return s
	}, func(s *span) {
		s.from = 20 * sec
		s.atLeast(2e6)
	})
}

// The padding needs room beside the low layer.
func TestProbeFailsLessAndLessOften(t *testing.T) {
	try(t, 300*sec, func(time.Duration) *simulation { return lowLayer(1.5e6) }, func(s *span) {
		s.atMost(600_000)
		assert.False(t, s.s.estimator.probe.passed >= 2e6)
		probes := s.s.probes
		require.Greater(t, len(probes), 4)
		require.Less(t, len(probes), 10)
		for i := 2; i < len(probes); i++ {
			before, after := probes[i-1]-probes[i-2], probes[i]-probes[i-1]
			assert.Greater(t, after, min(before*19/10, 58*sec))
		}
	})
}

func TestHopelessProbeIsSpared(t *testing.T) {
	try(t, 200*sec, func(time.Duration) *simulation { return lowLayer(0.7e6) }, func(s *span) {
		assert.LessOrEqual(t, len(s.s.probes), 3, "the capacity says enough")
	})
}

func TestPathThatBecomesWideIsProbed(t *testing.T) {
	try(t, 120*sec, func(time.Duration) *simulation {
		s := lowLayer(0)
		s.link.rate = between(0, 40*sec, 0.5e6, 10e6)
		return s
	}, func(s *span) {
		s.during(5*sec, 40*sec).atMost(600_000)
		s.from = 110 * sec
		s.atLeast(2e6)
	})
}

// A token bucket passes the probe and not the stream: the next probe is made later each time.
func TestProbeThatPassesByMistake(t *testing.T) {
	try(t, 200*sec, func(time.Duration) *simulation {
		s := lowLayer(1e6)
		s.limit = 2e6
		s.link.bucket = 40_000
		return s
	}, func(s *span) { assert.Less(t, len(s.s.probes), 12) })
}

func TestPlanProbe(t *testing.T) {
	assert.Equal(t, Probe{Target: 2e6, Packets: 20, Size: 1000, Gap: 4 * ms}, planProbe(2e6, 1000))
	assert.Equal(t, Probe{Target: 2e6, Packets: 62, Size: 325, Gap: 1300 * time.Microsecond}, planProbe(2e6, 325))
	assert.Equal(t, 10, planProbe(100_000, 1000).Packets, "enough to measure")
	assert.Equal(t, 100, planProbe(50e6, 1000).Packets, "not too many")
}

// prepared is a prober whose probe of ten packets of 1000 bytes for 1 Mbit/s has been sent.
func prepared(t *testing.T) *prober {
	t.Helper()
	p := new(prober)
	p.heard(0)
	require.False(t, p.due(probeFirst-1))
	require.True(t, p.due(probeFirst))
	p.begin(probeFirst, 50*ms, 1e6, 1000)
	for range 10 {
		require.True(t, p.add())
	}
	require.False(t, p.add(), "no more than planned")
	return p
}

func TestProbeIsJudged(t *testing.T) {
	const now = probeFirst + 200*ms
	for _, c := range []struct {
		name   string
		gap    time.Duration
		lost   int
		passes bool
	}{
		{"as sent", 8 * ms, 0, true}, {"a little late", 8800 * time.Microsecond, 0, true},
		{"too late", 9 * ms, 0, false}, {"with a loss", 8 * ms, 1, false}, {"all lost", 8 * ms, 10, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := prepared(t)
			for i := range 10 {
				target, passed := p.judge(now)
				require.False(t, passed || target > 0, "not before all is known")
				p.report(1000, time.Duration(i)*c.gap, i >= c.lost, false)
			}
			target, passed := p.judge(now)
			assert.Equal(t, c.passes, passed)
			assert.Equal(t, c.passes, target == 1e6)
			assert.False(t, p.due(now+probeFirst-1))
			assert.Equal(t, c.passes, p.due(now+probeFirst))
			assert.True(t, p.due(now+2*probeFirst))
		})
	}
}

func TestProbeWithoutReportsFails(t *testing.T) {
	p := prepared(t)
	p.judge(probeFirst + 80*ms + 50*ms + probeWait - 1)
	assert.True(t, p.underWay())
	_, passed := p.judge(probeFirst + 80*ms + 50*ms + probeWait)
	assert.False(t, passed || p.underWay())
}

func TestLossOfAProbeIsTakenBack(t *testing.T) {
	p := prepared(t)
	p.report(1000, 0, false, false)
	for i := range 9 {
		p.report(1000, time.Duration(i)*8*ms, true, i == 4)
	}
	assert.Equal(t, []int{9, 0}, []int{p.came, p.lost})
}

func TestSuccessThatIsContradicted(t *testing.T) {
	p := prepared(t)
	for i := range 10 {
		p.report(1000, time.Duration(i)*8*ms, true, false)
	}
	now := probeFirst + 200*ms
	_, passed := p.judge(now)
	require.True(t, passed)
	now += 5 * sec
	p.contradicted(now)
	assert.Zero(t, p.passed)
	assert.False(t, p.due(now+2*probeFirst-1), "as after a failure")
	assert.True(t, p.due(now+2*probeFirst))
	now += 30 * sec
	p.contradicted(now)
	assert.False(t, p.due(now+2*probeFirst-1), "a path that is full is left alone")
	assert.True(t, p.due(now+2*probeFirst))
}
