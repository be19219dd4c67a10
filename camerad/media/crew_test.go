package media

import (
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// prompt makes viewers of one engine whose express takes everything, by a function.
func prompt(t *testing.T, n int, takes func(e *Engine)) *Engine {
	first := viewerOf(newHub())
	e := first.engine
	e.full.hub.publish(testUnit(0, true))
	for i := range n {
		v := first
		if i > 0 {
			v = newViewer(e, e.full, H264)
		}
		v.UseExpress(&fakeExpress{takes: func(*rtp.Header) bool {
			takes(e)
			return true
		}})
		r := receive(t, v, fakeContext{codec: H264.Capability()}, 10)
		r.SetLive(true)
	}
	synctest.Wait()
	return e
}

// TestFewSendToMany: sending to viewers takes no goroutine for each.
func TestFewSendToMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent, at, most atomic.Int64
		e := prompt(t, 100, func(*Engine) {
			now := at.Add(1)
			for before := most.Load(); now > before && !most.CompareAndSwap(before, now); before = most.Load() {
			}
			runtime.Gosched()
			at.Add(-1)
			sent.Add(1)
		})
		for n := range 10 {
			e.full.hub.publish(testUnit(n+1, false))
		}
		synctest.Wait()
		assert.EqualValues(t, 100*11*2, sent.Load())
		assert.LessOrEqual(t, most.Load(), int64(runtime.GOMAXPROCS(0)))
	})
}

// TestPauseDelaysNobody: while the network takes no more for some, others are sent to.
func TestPauseDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var full atomic.Bool
		var sent atomic.Int64
		e := prompt(t, 40, func(e *Engine) {
			if full.Load() {
				e.Pause(time.Second)
			}
			sent.Add(1)
		})
		began := sent.Swap(0)
		require.EqualValues(t, 80, began)
		full.Store(true)
		e.full.hub.publish(testUnit(1, false)) // of two packets
		time.Sleep(2*time.Second + time.Millisecond)
		synctest.Wait()
		assert.EqualValues(t, 80, sent.Load(), "all wait at the same time")

		full.Store(false)
		e.full.hub.publish(testUnit(2, false))
		synctest.Wait()
		assert.EqualValues(t, 160, sent.Load())
	})
}

// TestPauseOfOthers: who is not of the crew may pause, too.
func TestPauseOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent atomic.Int64
		e := prompt(t, 2, func(*Engine) { sent.Add(1) })
		e.Pause(time.Millisecond)
		assert.Zero(t, e.crew.busy)
		e.full.hub.publish(testUnit(1, false))
		synctest.Wait()
		assert.EqualValues(t, 8, sent.Load())
	})
}
