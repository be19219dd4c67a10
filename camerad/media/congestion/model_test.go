package congestion

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestBacklogExplainsAKeyFrame(t *testing.T) {
	var b backlog
	at, most := time.Duration(0), time.Duration(0)
	for second := range 5 {
		for picture := range 30 {
			packets := 5
			if picture == 0 {
				packets = 45
			}
			for range packets {
				allowance := b.add(at, 1250, 1.9e6) // 190 packets of 10,000 bits a second
				if second >= 2 {
					most = max(most, allowance)
				}
				at += 10 * time.Microsecond
			}
			at += sec/30 - time.Duration(packets)*10*time.Microsecond
		}
	}
	assert.InDelta(t, 44*10_000/(1.1*1.9e6), most.Seconds(), 0.03, "while the key frame itself drains")
	assert.Less(t, b.bytes, 10_000.0, "and at its end there is none left")
}

func TestBacklogIsLimited(t *testing.T) {
	var b backlog
	for n := range 10_000 {
		assert.LessOrEqual(t, b.add(time.Duration(n)*ms, 1250, 1e6), maxBacklog, "10 Mbit/s instead of 1")
	}
}

func TestStreamRate(t *testing.T) {
	b := backlog{}
	for n := range 2000 {
		b.sent.add(time.Duration(n)*ms, 125)
	}
	for _, c := range []struct{ target, want float64 }{
		{0, 1e6}, {1.2e6, 1.2e6}, {5e6, 1.3e6}, {0.9e6, 1e6}, {0.5e6, 0.65e6},
	} {
		assert.InEpsilon(t, c.want, b.streamRate(c.target), 0.01)
	}
	young := backlog{}
	young.sent.add(0, 100_000)
	assert.Equal(t, 2e6, young.streamRate(2e6))
}

func TestDispersion(t *testing.T) {
	var d dispersion
	burst := func(packets int, gap time.Duration) {
		d.begin(0)
		for i := 1; i < packets; i++ {
			d.add(time.Duration(i)*gap, 1250)
		}
		d.finish()
	}
	for range 10 {
		burst(4, ms)
	}
	assert.Zero(t, d.capacity, "too short to tell")
	burst(7, ms)
	burst(7, ms)
	assert.Zero(t, d.capacity, "too few to tell")
	burst(7, ms)
	assert.InEpsilon(t, 10e6, d.capacity, 0.01)
	burst(7, 50*ms)
	burst(7, 0)
	assert.InEpsilon(t, 10e6, d.capacity, 0.01, "the median")
	for range 10 {
		burst(7, 5*ms)
	}
	assert.InEpsilon(t, 2e6, d.capacity, 0.05)
	d.begin(0)
	d.broken = true
	for range 10 {
		d.add(sec, 1250)
	}
	before := d.capacity
	d.finish()
	assert.Equal(t, before, d.capacity, "a part is missing")
}

func TestChoked(t *testing.T) {
	burst := func(gaps ...time.Duration) *dispersion {
		d, at := &dispersion{}, time.Duration(0)
		d.begin(0)
		for _, gap := range gaps {
			at += gap
			d.add(at, 1250)
		}
		return d
	}
	slow := burst(40*ms, 40*ms, 40*ms, 40*ms, 40*ms)
	assert.True(t, slow.choked(2e6))
	assert.False(t, slow.choked(0.3e6), "as fast as the stream")
	assert.False(t, burst(5*ms, 5*ms, 5*ms, 5*ms, 5*ms).choked(2e6))
	assert.False(t, burst(ms, ms, 200*ms, ms, ms).choked(2e6), "a pause of the radio")
	assert.False(t, burst(100*ms, 100*ms, 100*ms).choked(2e6), "too few")
	slow.broken = true
	assert.False(t, slow.choked(2e6))
}

// watch gives a trendline a delay every 33 ms and returns after how many it is overused; -1 if never.
func watch(t *trendline, count int, delay func(int) time.Duration) int {
	for i := range count {
		if t.add(time.Duration(i)*33*ms, delay(i)); t.overused() {
			return i
		}
	}
	return -1
}

func TestTrend(t *testing.T) {
	never := func(what string, delay func(int) time.Duration) {
		assert.Equal(t, -1, watch(new(trendline), 1000, delay), what)
	}
	never("no queue", func(int) time.Duration { return 0 })
	never("standing queue", func(int) time.Duration { return 200 * ms })
	never("draining queue", func(i int) time.Duration { return sec - time.Duration(i)*ms })
	never("one late group", func(i int) time.Duration { return time.Duration(i%50/49) * 100 * ms })
	never("a pause of the radio", func(i int) time.Duration { return max(0, 200-time.Duration(i%100)*33) * ms })
	never("drifting clocks", func(i int) time.Duration { return time.Duration(i) * 3 * time.Microsecond })

	growing := func(share time.Duration) func(int) time.Duration {
		return func(i int) time.Duration { return time.Duration(i) * 33 * ms * share / 100 }
	}
	assert.InDelta(t, 7, watch(new(trendline), 100, growing(100)), 3, "twice as much as passes")
	assert.InDelta(t, 15, watch(new(trendline), 100, growing(20)), 10)
	assert.InDelta(t, 30, watch(new(trendline), 100, growing(7)), 20)
}

func TestTrendFalls(t *testing.T) {
	var line trendline
	for i := range 30 {
		line.add(time.Duration(i)*33*ms, 500*ms-time.Duration(i)*10*ms)
	}
	assert.True(t, line.falling())
	line.restart()
	assert.False(t, line.falling())
}

func TestThresholdAdapts(t *testing.T) {
	var line trendline
	for i := range 1000 {
		line.add(time.Duration(i)*33*ms, 0)
	}
	assert.InDelta(t, thresholdMin, line.limit(), 0.5, "a calm path")
	for i := range 1000 { // a noise of low frequency, as of a competitor
		line.add(33*sec+time.Duration(i)*33*ms, time.Duration((1+math.Sin(float64(i)/8))*30)*ms)
	}
	assert.Greater(t, line.limit(), 10.0)
}

func TestBaseline(t *testing.T) {
	var b baseline
	offset := -1000 * time.Hour
	assert.Zero(t, b.over(0, offset))
	assert.Equal(t, 50*ms, b.over(sec, offset+50*ms))
	assert.Zero(t, b.over(2*sec, offset-10*ms))
	assert.Equal(t, 60*ms, b.over(29*sec, offset+50*ms))
	assert.Equal(t, 60*ms, b.over(31*sec, offset+50*ms), "remembered for a while")
	assert.Equal(t, 10*ms, b.over(62*sec, offset+60*ms), "forgotten")
	assert.Zero(t, b.over(200*sec, offset+200*ms), "nothing is known after a pause")
}

// hold has a baseline see a queue of 100 ms for some seconds during which some bitrate arrives.
func hold(b *baseline, seconds int, bitrate float64, queue func(time.Duration) time.Duration) bool {
	arrived := 0
	for now := time.Duration(0); now < time.Duration(seconds)*sec; now += 100 * ms {
		if b.refuted(now, queue(now), arrived, 1e6) {
			return true
		}
		arrived += int(bitrate / 80)
	}
	return false
}

func TestBaselineIsRefuted(t *testing.T) {
	constant := func(time.Duration) time.Duration { return 100 * ms }
	assert.True(t, hold(new(baseline), 5, 0.8e6, constant), "less arrives than passes, and it does not drain")
	assert.False(t, hold(new(baseline), 20, 0.95e6, constant), "the path is full")
	assert.False(t, hold(new(baseline), 20, 0.8e6, func(now time.Duration) time.Duration { return max(0, 600*ms-now/10) }), "it drains")
	assert.False(t, hold(new(baseline), 20, 0.8e6, func(time.Duration) time.Duration { return calm / 2 }))
	assert.False(t, new(baseline).refuted(0, 100*ms, 0, 0), "it is not known what the path carries")
}

func TestRecent(t *testing.T) {
	var r recent
	for i := range queueGroups - 1 {
		r.add(time.Duration(100 - i))
	}
	assert.Zero(t, r.least(queueGroups), "too few")
	r.add(1000)
	assert.Equal(t, time.Duration(100-queueGroups+2), r.least(queueGroups))
	for range excessGroups - 1 {
		r.add(2000)
	}
	assert.Equal(t, time.Duration(1000), r.least(excessGroups))
	r.add(3000)
	assert.Equal(t, time.Duration(2000), r.least(excessGroups))
	assert.NotEqual(t, time.Duration(2000), r.least(queueGroups))
}

func TestLossMeter(t *testing.T) {
	var l lossMeter
	l.count(true)
	assert.Equal(t, 1.0/lossLeast, l.share(), "one of one is not all")
	for range 99 {
		l.count(false)
	}
	assert.InDelta(t, 0.01, l.share(), 1e-9)
	l.age(sec)
	assert.InDelta(t, 0.01, l.share(), 1e-9)
	for range 50 {
		l.count(true)
	}
	assert.InDelta(t, 0.505, l.share(), 1e-9, "what is new counts more")
	l.age(100 * sec)
	assert.Zero(t, l.share())
	l.recovered()
	assert.Zero(t, l.share())
}
