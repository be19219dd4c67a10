package congestion

import (
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSize(t *testing.T) {
	size := unsafe.Sizeof(Estimator{})
	t.Logf("%d bytes", size)
	assert.LessOrEqual(t, size, uintptr(11<<10))
}

// stream makes reports about a stream of 240 packets a second, 10 of them every 41.7 ms, as a
// benchmark and an allocation count need them: nothing else in the loop.
type stream struct{ raw []byte }

const perReport = 100

func newStream(t testing.TB) *stream {
	times := make([]time.Duration, perReport)
	for i := range times {
		times[i] = time.Hour + time.Duration(i/10)*41700*time.Microsecond + time.Duration(i%10)*ms
	}
	times[17] = 0
	return &stream{raw: marshal(t, encode(0, 0, times))}
}

// roundTime is what 100 packets take.
const roundTime = 417 * ms

// step sends 100 packets and moves the report to them. It returns when the report comes.
func (s *stream) step(e *Estimator, round int) (at time.Time) {
	start := origin.Add(time.Duration(round) * roundTime)
	for i := range perReport {
		e.Sent(uint16(round*perReport+i), 1200, start.Add(time.Duration(i/10)*41700*time.Microsecond))
	}
	return s.move(round)
}

// move moves the report to the packets of another round.
func (s *stream) move(round int) (at time.Time) {
	base := uint16(round * perReport)
	reference := uint32((time.Hour + time.Duration(round)*roundTime) / referenceUnit)
	s.raw[12], s.raw[13] = byte(base>>8), byte(base)
	s.raw[16], s.raw[17], s.raw[18] = byte(reference>>16), byte(reference>>8), byte(reference)
	return origin.Add(time.Duration(round+1) * roundTime)
}

func TestNothingIsAllocated(t *testing.T) {
	e, s, round := New(1e6, 1e5, 1e7), newStream(t), 0
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		if _, err := e.Feedback(s.raw, s.step(e, round)); err != nil {
			t.Error("bad report")
		}
		round++
		e.SetTarget(1e6)
		e.SentProbe(uint16(round*perReport), 100, origin)
		e.Probe(2e6, 1000, origin)
		if e.Estimate().Acked == 0 {
			t.Error("nothing has arrived")
		}
	}))
	assert.True(t, e.Estimate().Known)
}

// TestConcurrentUse is for the race detector.
func TestConcurrentUse(t *testing.T) {
	e, sender, receiver := New(1e6, 1e5, 1e7), newStream(t), newStream(t)
	rounds := make(chan int)
	var running sync.WaitGroup
	running.Go(func() {
		for round := range rounds {
			at := receiver.move(round)
			if _, err := e.Feedback(receiver.raw, at); err != nil {
				t.Error(err)
			}
		}
	})
	running.Go(func() {
		for range 2000 {
			e.Estimate()
			e.SetTarget(1e6)
			e.Probe(1e6, 300, origin)
		}
	})
	for round := range 200 {
		sender.step(e, round)
		rounds <- round
	}
	close(rounds)
	running.Wait()
	assert.True(t, e.Estimate().Known)
	assert.Greater(t, e.arrived, 150*perReport*1200)
}

func BenchmarkSent(b *testing.B) {
	e := New(1e6, 1e5, 1e7)
	at := origin
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		e.Sent(uint16(n), 1200, at)
		at = at.Add(4 * ms)
	}
}

// benchmarkFeedback times reports about 100 packets each, without the sending of them.
func benchmarkFeedback(b *testing.B, feedback func(*Estimator, *stream, time.Time)) {
	e, s := New(1e6, 1e5, 1e7), newStream(b)
	b.ReportAllocs()
	for round := 0; b.Loop(); round++ {
		b.StopTimer()
		at := s.step(e, round)
		b.StartTimer()
		feedback(e, s, at)
	}
}

func BenchmarkFeedbackOf100(b *testing.B) {
	benchmarkFeedback(b, func(e *Estimator, s *stream, at time.Time) { _, _ = e.Feedback(s.raw, at) })
}

// BenchmarkWorstReport is about as many packets as a report may claim in 24 bytes.
func BenchmarkWorstReport(b *testing.B) {
	e := New(1e6, 1e5, 1e7)
	raw := []byte{0x8f, 205, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x08, 0x00, 0, 0, 0, 0, 0x08, 0x00, 0, 0}
	_, err := e.Feedback(raw, origin)
	require.NoError(b, err)
	for b.Loop() {
		_, _ = e.Feedback(raw, origin)
	}
}

func BenchmarkEstimate(b *testing.B) {
	e := New(1e6, 1e5, 1e7)
	for b.Loop() {
		e.Estimate()
	}
}
