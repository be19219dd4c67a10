package congestion

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWindow(t *testing.T) {
	var w window
	assert.Zero(t, w.rate(longSpan))
	w.add(time.Hour, 1000)
	assert.InDelta(t, 8000/leastSpan.Seconds(), w.rate(longSpan), 1, "one burst is no bitrate")
	for at := time.Hour + ms; at < time.Hour+3*sec; at += ms {
		w.add(at, 100)
	}
	assert.InEpsilon(t, 800_000, w.rate(longSpan), 0.001)
	assert.InEpsilon(t, 800_000, w.rate(shortSpan), 0.01)
	for at := time.Hour + 3*sec; at < time.Hour+3500*ms; at += ms {
		w.add(at, 200)
	}
	assert.InEpsilon(t, 1_600_000, w.rate(shortSpan), 0.01)
	assert.InEpsilon(t, 1_200_000, w.rate(longSpan), 0.05)
	before := w.rate(longSpan)
	w.add(time.Hour, 1_000_000)
	assert.Equal(t, before, w.rate(longSpan), "too old")
	w.add(time.Hour+3400*ms, 10_000)
	assert.Greater(t, w.rate(longSpan), before, "late")
	w.add(2*time.Hour, 1000)
	assert.InDelta(t, 8000/leastSpan.Seconds(), w.rate(longSpan), 1, "all else is forgotten")
}

func TestWindowTakesAnyTime(t *testing.T) {
	var w window
	for _, at := range []time.Duration{0, math.MinInt64, math.MaxInt64, -1, 0, math.MinInt64 + 1} {
		w.add(at, 1)
		assert.GreaterOrEqual(t, w.rate(longSpan), 0.0)
	}
}

func TestHistory(t *testing.T) {
	var h history
	assert.Nil(t, h.get(0))
	now := 1<<32*time.Microsecond - time.Second
	for n := range 70_000 {
		h.add(uint16(n), n%1500, now+time.Duration(n)*ms, pending)
	}
	now += 70 * sec
	newest := uint16(69_999 % 65536)
	for back := range uint16(historySize) {
		p := h.get(newest - back)
		require.NotNil(t, p)
		assert.Equal(t, now-time.Duration(back+1)*ms, p.sentAt(now), "the clock has wrapped on the way")
		assert.EqualValues(t, (69_999-int(back))%1500, p.size)
	}
	assert.Nil(t, h.get(newest-historySize), "too long ago")
	assert.Nil(t, h.get(newest+1), "not sent")
}

func TestFateOfAProbe(t *testing.T) {
	p := packet{flags: pending | probing}
	for _, f := range []fate{assumed, lost, arrived} {
		p.become(f)
		assert.Equal(t, f, p.fate())
		assert.True(t, p.probing())
	}
}

func TestArrivalClock(t *testing.T) {
	var c arrivalClock
	const last = 1<<24 - 1
	start := c.unwrap(last - 1)
	for _, c2 := range []struct {
		reference uint32
		want      int64
	}{{last, 1}, {last - 1, 0}, {0, 2}, {last, 1}, {5, 7}, {0, 2}, {1 << 22, 1<<22 + 2}, {1 << 23, 1<<23 + 2}, {last, 1<<24 + 1}, {0, 1<<24 + 2}} {
		assert.Equal(t, time.Duration(c2.want)*referenceUnit, c.unwrap(c2.reference)-start, "%#x", c2.reference)
	}
}

func TestSilenceIsMeasured(t *testing.T) {
	var s silence
	halved := []time.Duration{}
	for now := sec; now <= 4500*ms; now += 10 * ms {
		if s.sent(now) {
			halved = append(halved, now)
		}
	}
	assert.Equal(t, []time.Duration{2 * sec, 3 * sec, 4 * sec}, halved)
	assert.Equal(t, 3500*ms, s.length())
	s.heard()
	assert.Zero(t, s.length())
	assert.False(t, s.sent(100*sec))
	assert.False(t, s.sent(200*sec), "nothing was sent in between")
	assert.Equal(t, pauseLimit, s.length())
}
