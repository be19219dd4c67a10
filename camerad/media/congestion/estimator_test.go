package congestion

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// feed sends packets one millisecond apart and has them reported in groups, for tests of what a single
// report does.
type feed struct {
	*Estimator
	t    testing.TB
	next uint16
	now  time.Duration
}

func newFeed(t testing.TB) *feed {
	return &feed{Estimator: New(1_000_000, 50_000, 10_000_000), t: t, next: 65_500}
}

// take gives a report to an estimator.
func take(t testing.TB, e *Estimator, fb *rtcp.TransportLayerCC, at time.Time) {
	t.Helper()
	_, err := e.Feedback(marshal(t, fb), at)
	require.NoError(t, err)
}

// send returns the first number.
func (f *feed) send(n int) uint16 {
	first := f.next
	for range n {
		f.Sent(f.next, 1000, origin.Add(f.now))
		f.next++
		f.now += ms
	}
	return first
}

// report says that n packets from a number on have arrived 30 ms after they would have left if all
// packets had been 1 ms apart; those whose index is in missing have not.
func (f *feed) report(first uint16, n int, missing ...int) {
	times := make([]time.Duration, n)
	for i := range times {
		times[i] = 10*time.Hour + time.Duration(first-65_500+uint16(i))*ms
	}
	for _, i := range missing {
		times[i] = 0
	}
	take(f.t, f.Estimator, encode(first, 0, times), origin.Add(f.now+30*ms))
}

func TestNothingIsKnownBeforeFeedback(t *testing.T) {
	f := newFeed(t)
	assert.Equal(t, Estimate{Bitrate: 1_000_000}, f.Estimate())
	f.report(f.send(100)-200, 100)
	assert.False(t, f.Estimate().Known, "feedback about packets that were never sent")
	assert.Equal(t, 99*ms, f.Estimate().Silent)
}

func TestStartIsWithinBounds(t *testing.T) {
	assert.Equal(t, 200, New(100, 200, 300).Estimate().Bitrate)
	assert.Equal(t, 300, New(400, 200, 300).Estimate().Bitrate)
}

func TestReportsThatComeTwice(t *testing.T) {
	f := newFeed(t)
	first := f.send(100)
	f.report(first, 100, 3, 4)
	before, arrived := f.Estimate(), f.arrived
	assert.InDelta(t, 0.02, before.Loss, 1e-9)
	f.report(first, 100, 3, 4)
	assert.Equal(t, before.Loss, f.Estimate().Loss)
	assert.Equal(t, arrived, f.arrived)
	assert.Equal(t, 98_000, arrived)
}

func TestLossThatIsTakenBack(t *testing.T) {
	f := newFeed(t)
	first := f.send(100)
	f.report(first, 100, 10, 11, 12)
	assert.InDelta(t, 0.03, f.Estimate().Loss, 1e-9)
	f.report(first, 20)
	assert.Zero(t, f.Estimate().Loss)
	assert.Equal(t, 100_000, f.arrived)
	f.report(first, 100, 10)
	assert.Zero(t, f.Estimate().Loss, "what has arrived is not lost any more")
}

func TestReportsInAnotherOrder(t *testing.T) {
	f := newFeed(t)
	first := f.send(200)
	f.report(first+100, 100)
	assert.Equal(t, 200_000, f.arrived, "the others have probably arrived, too")
	f.report(first, 100, 50)
	assert.Equal(t, 200_000, f.arrived)
	assert.Equal(t, []fate{arrived, lost}, []fate{f.sent.get(first + 49).fate(), f.sent.get(first + 50).fate()})
	assert.InDelta(t, 1.0/200, f.Estimate().Loss, 1e-9)
}

// A burst of which only some packets are reported says nothing of the capacity.
func TestBurstWithAGapIsNotMeasured(t *testing.T) {
	e := New(1e6, 1e5, 1e7)
	for burst := range 10 {
		first, at := uint16(burst*20), time.Duration(burst)*33*ms
		times := make([]time.Duration, 20)
		for i := range times {
			times[i] = time.Hour + at + time.Duration(i)*ms
			e.Sent(first+uint16(i), 1250, origin.Add(at))
		}
		take(t, e, encode(first, 0, times[:3]), origin.Add(at+30*ms))
		if burst > 5 {
			times = times[15:]
			first += 12
		} else {
			times = times[3:]
		}
		take(t, e, encode(first+3, 0, times), origin.Add(at+31*ms))
	}
	assert.InEpsilon(t, 10e6, e.Estimate().Capacity, 0.01)
}

// The packets of a report that is lost have mostly arrived.
func TestLostReport(t *testing.T) {
	f := newFeed(t)
	f.report(f.send(100), 100)
	skipped := f.send(100)
	f.report(f.send(100), 100)
	assert.Equal(t, 300_000, f.arrived)
	assert.Equal(t, assumed, f.sent.get(skipped).fate())
	assert.Zero(t, f.Estimate().Loss)
	assert.Zero(t, f.flying)
	f.report(skipped, 100, 7)
	assert.Equal(t, 300_000, f.arrived, "they are not counted twice")
	assert.InDelta(t, 1.0/300, f.Estimate().Loss, 1e-3)
}

func TestWhenAllIsLost(t *testing.T) {
	f := newFeed(t)
	everything := make([]int, 100)
	for i := range everything {
		everything[i] = i
	}
	for range 100 {
		f.report(f.send(100), 100, everything...)
	}
	e := f.Estimate()
	assert.Equal(t, 50_000, e.Bitrate)
	assert.InDelta(t, 1, e.Loss, 1e-9)
	assert.Zero(t, e.Acked)
	assert.Zero(t, e.RTT)
	assert.True(t, e.Known)
}

func TestReportAboutForgottenPackets(t *testing.T) {
	f := newFeed(t)
	first := f.send(historySize + 100)
	assert.Equal(t, historySize*1000, f.flying)
	f.report(first, 100)
	assert.False(t, f.Estimate().Known)
	f.report(first+100, 1)
	assert.True(t, f.Estimate().Known)
	assert.Equal(t, (historySize-1)*1000, f.flying)
}

func TestNumbersThatGoOnElsewhere(t *testing.T) {
	f := newFeed(t)
	f.report(f.send(100), 100)
	for _, jump := range []uint16{20_000, 40_000} {
		f.next += jump
		first := f.send(50)
		assert.Equal(t, 50_000, f.flying)
		f.report(first, 50)
		assert.Equal(t, arrived, f.sent.get(first+49).fate())
		assert.Zero(t, f.flying)
	}
}

func TestTargetLimitsGrowth(t *testing.T) {
	s := wide()
	s.limit, s.untold = 1e6, true
	s.run(t, 1, 10*sec)
	s.estimator.SetTarget(100_000)
	was := s.estimator.Estimate().Bitrate
	assert.Greater(t, was, 1_400_000)
	assert.LessOrEqual(t, was, 1_900_000, "1.5 times of what arrives")
	s.estimator.control.rate = 100_000
	s.estimator.control.grow(100, &signals{acked: 1e6})
	assert.Equal(t, 160_000, s.estimator.Estimate().Bitrate, "1.5 times of the target, and a little")
}
