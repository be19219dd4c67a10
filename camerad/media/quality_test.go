package media

import (
	"testing"
	"testing/synctest"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// twoLayers is a running viewer of an engine that does not run: tests publish to its hubs.
func twoLayers(t *testing.T) (r *receiver, full, low *hub) {
	v := viewerOf(newHub())
	return receive(t, v, fakeContext{codec: H264.Capability()}, 1000), v.engine.full.hub, v.engine.low.hub
}

func users(l *layer) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.users
}

func members(hubs ...*hub) (n int) {
	for _, h := range hubs {
		h.mu.Lock()
		n += len(h.members)
		h.mu.Unlock()
	}
	return n
}

// TestSwitchToTheLowLayerAndBack: the units of the low layer have numbers from 100 on. Their times are
// ahead, as if the full layer were slower to encode.
func TestSwitchToTheLowLayerAndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, full, low := twoLayers(t)
		var all []rtp.Packet
		take := func() (numbers []byte) {
			for i, p := range r.received() {
				all = append(all, p)
				if i%2 == 0 {
					numbers = append(numbers, p.Payload[0])
				}
			}
			return numbers
		}
		full.publish(testUnit(0, true))
		r.SetLive(true)
		synctest.Wait()
		full.publish(testUnit(1, false))
		require.Equal(t, []byte{0, 1}, take())
		assert.Zero(t, users(r.engine.low))

		r.steerTo(QualityLow)
		synctest.Wait()
		assert.Equal(t, 1, users(r.engine.low), "it is encoded from now on")
		assert.True(t, low.wanted.Load(), "a key frame is wanted at once")
		low.publish(testUnit(100, false))
		full.publish(testUnit(2, false))
		assert.Equal(t, []byte{2}, take(), "until its key frame the other goes on")
		low.publish(testUnit(101, true))
		require.Equal(t, []byte{101}, take())
		full.publish(testUnit(3, true))
		low.publish(testUnit(102, false))
		assert.Equal(t, []byte{102}, take())
		assert.Equal(t, 1, members(full, low))

		r.steerTo(QualityFull)
		synctest.Wait()
		assert.False(t, full.wanted.Load(), "a large key frame that nobody else needs is waited for")
		full.publish(testUnit(4, false))
		low.publish(testUnit(103, false))
		assert.Equal(t, []byte{103}, take())
		assert.Equal(t, 1, users(r.engine.low))
		full.publish(testUnit(5, true))
		require.Equal(t, []byte{5}, take())
		low.publish(testUnit(104, true))
		full.publish(testUnit(6, false))
		assert.Equal(t, []byte{6}, take())
		assert.Zero(t, users(r.engine.low), "used only meanwhile")
		assert.Equal(t, 1, members(full, low))

		for i, p := range all[1:] {
			assert.Equal(t, all[i].SequenceNumber+1, p.SequenceNumber, "no gap")
			if forward := int32(p.Timestamp - all[i].Timestamp); p.Payload[0] == all[i].Payload[0] {
				assert.Zero(t, forward, "a picture has one time")
			} else {
				assert.Positive(t, forward, "pictures never go backwards")
			}
		}
	})
}

func TestChangeOfMindWhileSwitching(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, full, low := twoLayers(t)
		full.publish(testUnit(0, true))
		r.SetLive(true)
		r.numbers(t)
		for range 3 {
			r.steerTo(QualityLow)
			synctest.Wait()
			r.steerTo(QualityFull)
			synctest.Wait()
			assert.Zero(t, users(r.engine.low))
			assert.Equal(t, 1, members(full, low))
		}
		low.publish(testUnit(100, true))
		full.publish(testUnit(1, false))
		assert.Equal(t, []byte{1}, r.numbers(t), "it never left")

		r.steerTo(QualityLow)
		synctest.Wait()
		low.publish(testUnit(101, true))
		assert.Equal(t, []byte{101}, r.numbers(t))
		r.steerTo(QualityFull)
		synctest.Wait()
		r.steerTo(QualityLow)
		synctest.Wait()
		full.publish(testUnit(2, true))
		low.publish(testUnit(102, false))
		assert.Equal(t, []byte{102}, r.numbers(t))
		assert.Equal(t, 1, users(r.engine.low))
	})
}

func TestLeavingWhileSwitchingReleasesAll(t *testing.T) {
	for name, leave := range map[string]func(*receiver){
		"the path is lost": func(r *receiver) { r.SetLive(false) }, "the session ends": func(r *receiver) { r.stop() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, full, low := twoLayers(t)
				full.publish(testUnit(0, true))
				r.SetLive(true)
				synctest.Wait()
				r.steerTo(QualityLow)
				synctest.Wait()
				require.Equal(t, 2, members(full, low))
				leave(r)
				synctest.Wait()
				assert.Zero(t, members(full, low))
				assert.Zero(t, users(r.engine.low))
				assert.Empty(t, r.engine.viewersOf(r.engine.full))
				full.publish(testUnit(1, true))
				low.publish(testUnit(100, true))
				assert.Empty(t, r.queue)
			})
		})
	}
}

func TestKeyFramesOfAPassedThroughStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, full, _ := twoLayers(t)
		full.publish(testUnit(0, true))
		r.SetLive(true)
		r.numbers(t)
		r.steerTo(QualityKeyFrames)
		synctest.Wait()
		for n := 1; n < 7; n++ {
			full.publish(testUnit(n, n%3 == 0))
		}
		assert.Equal(t, []byte{3, 6}, r.numbers(t))
		r.steerTo(QualityFull)
		synctest.Wait()
		for n := 7; n < 12; n++ {
			full.publish(testUnit(n, n%3 == 0))
		}
		assert.Equal(t, []byte{9, 10, 11}, r.numbers(t))
		assert.Zero(t, users(r.engine.low))
	})
}
