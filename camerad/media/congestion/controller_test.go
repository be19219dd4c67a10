package congestion

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func newController(rate float64) *controller {
	return &controller{rate: rate, least: 50_000, most: 10e6}
}

// drive gives a controller the same signals every 100 ms.
func drive(c *controller, from, to time.Duration, s signals) {
	s.rtt, s.packet = 50*ms, 8000
	for now := from + 100*ms; now <= to; now += 100 * ms {
		c.update(now, &s)
	}
}

func TestGrowth(t *testing.T) {
	for _, c := range []struct {
		name    string
		peak    float64
		signals signals
		want    float64 // after 2 s from 1 Mbit/s
	}{
		{"nothing known", 0, signals{acked: 2e6}, 1.166e6},
		{"far below the capacity", 0, signals{acked: 2e6, capacity: 10e6}, 2.2e6},
		{"near the capacity", 0, signals{acked: 2e6, capacity: 1.5e6}, 1.166e6},
		{"near the limit", 1.1e6, signals{acked: 2e6}, 1.107e6},
		{"near the limit, but faster bursts", 1.1e6, signals{acked: 2e6, capacity: 10e6}, 1.166e6},
		{"little sent", 0, signals{acked: 0.7e6, capacity: 10e6}, 1.06e6},
		{"less sent", 0, signals{acked: 0.3e6, capacity: 10e6}, 1e6},
		{"some loss", 0, signals{acked: 2e6, loss: 0.04}, 1.166e6},
		{"more loss", 0, signals{acked: 2e6, loss: 0.08}, 1e6},
		{"a draining queue", 0, signals{acked: 2e6, falling: true}, 1e6},
		{"a decrease that does not show yet", 0, signals{acked: 2e6, settling: true, short: 0.1e6}, 1e6},
	} {
		t.Run(c.name, func(t *testing.T) {
			control := newController(1e6)
			control.peak = c.peak
			drive(control, 0, 2*sec, c.signals)
			assert.InEpsilon(t, c.want, control.rate, 0.02)
		})
	}
}

func TestOveruse(t *testing.T) {
	c := newController(3e6)
	overuse, loss := c.update(sec, &signals{overused: true, short: 2e6})
	assert.True(t, overuse && !loss)
	assert.InEpsilon(t, 1.7e6, c.bitrate(), 1e-9)
	c.update(1100*ms, &signals{settling: true, short: 1e6})
	assert.InEpsilon(t, 0.85e6, c.bitrate(), 1e-9, "the path is better known")
	c.update(1200*ms, &signals{settling: true, short: 1.5e6})
	assert.InEpsilon(t, 0.85e6, c.bitrate(), 1e-9)
	c.update(1300*ms, &signals{overused: true})
	assert.InEpsilon(t, 0.85e6, c.bitrate(), 1e-9, "nothing is known of what arrives")
	c.update(1400*ms, &signals{overused: true, short: 1})
	assert.Equal(t, 50_000.0, c.bitrate())
}

func TestQueueIsDrained(t *testing.T) {
	c := newController(1e6)
	c.update(0, &signals{standing: 30 * ms, acked: 1e6})
	assert.Equal(t, 1e6, c.bitrate())
	c.update(ms, &signals{standing: 230 * ms, acked: 1e6})
	assert.InEpsilon(t, 0.8e6, c.bitrate(), 0.01)
	c.update(2*ms, &signals{standing: 5 * sec, acked: 1e6})
	assert.InEpsilon(t, 0.4e6, c.bitrate(), 0.01)
	drive(c, 2*ms, 60*sec, signals{standing: 30 * ms, acked: 1e6})
	assert.InEpsilon(t, 0.8e6, c.bitrate(), 0.01, "it does not go down for ever")
	drive(c, 60*sec, 62*sec, signals{acked: 1e6})
	assert.Greater(t, c.bitrate(), 0.8e6)
}

func TestLossWithAQueue(t *testing.T) {
	c := newController(1e6)
	drive(c, 10*sec, 11*sec, signals{loss: 0.3, standing: calm, acked: 1e6, short: 1e6})
	assert.InEpsilon(t, 0.85e6, c.rate, 0.05)
	drive(c, 11*sec, 20*sec, signals{loss: 0.3, standing: calm, acked: 1e6, short: 1e6})
	assert.InEpsilon(t, 0.5e6, c.rate, 0.01, "half of what arrives is not too much")
}

func TestRandomLossIsAnsweredGently(t *testing.T) {
	c := newController(1e6)
	drive(c, 10*sec, 13*sec, signals{loss: 0.15, acked: 0.85e6, short: 1e6})
	assert.InEpsilon(t, 0.925e6, c.rate, 0.02)
}

func TestRandomLossEnds(t *testing.T) {
	for loss, want := range map[float64]float64{0.10: 1e6, 0.15: 0.6e6, 0.20: 0.6e6} {
		c := newController(1e6)
		drive(c, 10*sec, 300*sec, signals{loss: loss, acked: 1e6 * (1 - loss), short: 1e6})
		assert.InEpsilon(t, want, c.rate, 0.01, "%v", loss)
	}
}

// follow has a sender use the controller's rate on a path that loses some of it.
func follow(c *controller, loss func(rate float64) float64) {
	for now := 10 * sec; now < 60*sec; now += 100 * ms {
		share := loss(c.rate)
		arrives := c.rate * (1 - share)
		c.update(now, &signals{loss: share, acked: arrives, short: arrives, rtt: 50 * ms})
	}
}

func TestHeavyRandomLossEnds(t *testing.T) {
	c := newController(1e6)
	follow(c, func(float64) float64 { return 0.3 })
	assert.InDelta(t, 0.6e6, c.rate, 0.15e6)
}

func TestPolicerIsObeyed(t *testing.T) {
	for _, passes := range []float64{0.1e6, 0.4e6, 0.8e6} {
		c := newController(2e6)
		follow(c, func(rate float64) float64 { return max(0, 1-passes/rate) })
		assert.InDelta(t, 1.15*passes, c.rate, 0.15*passes)
	}
}

func TestHalvingIsMadeUpForSoon(t *testing.T) {
	c := newController(2e6)
	for range 3 {
		c.halve()
	}
	assert.Equal(t, 0.25e6, c.bitrate())
	for range 10 {
		c.halve()
	}
	assert.Equal(t, 50_000.0, c.bitrate())
	c.rate = 0.25e6
	drive(c, 0, 4*sec, signals{acked: 2e6})
	assert.Greater(t, c.rate, 0.9e6)
}

func TestRaise(t *testing.T) {
	c := newController(1e6)
	c.raise(0.5e6)
	assert.Equal(t, 1e6, c.rate)
	c.raise(100e6)
	assert.Equal(t, 10e6, c.rate)
}
