package media

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSlowViewerHurtsNobody(t *testing.T) {
	h := newHub()
	h.publish(testUnit(0, true))
	slow, fast := newReceiver(t, h, 1), newReceiver(t, h, 4096)
	for _, r := range []*receiver{slow, fast} {
		r.SetLive(true)
		next(t, "packet", r.packets) // it has joined
	}
	next(t, "packet of the fast viewer", fast.packets)
	const many = 3 * queueSize
	for n := 1; n <= many; n++ {
		h.publish(testUnit(n, false))
		next(t, "packet of the fast viewer", fast.packets)
		next(t, "packet of the fast viewer", fast.packets)
	}
	assert.True(t, h.wanted.Load(), "a key frame is wanted")
	assert.NotZero(t, h.counts.dropped.Load())
	h.publish(testUnit(many+1, true))
	h.publish(testUnit(many+2, false))
	var numbers []byte
	last := next(t, "packet of the slow viewer", slow.packets)
	for last.Payload[0] != byte((many+2)&0xff) || !last.Marker {
		p := next(t, "packet of the slow viewer", slow.packets)
		assert.Equal(t, last.SequenceNumber+1, p.SequenceNumber, "what is dropped leaves no gap")
		numbers, last = append(numbers, p.Payload[0]), p
	}
	n := len(numbers)
	assert.Equal(t, []byte{byte((many + 1) & 0xff), byte((many + 2) & 0xff)}, []byte{numbers[n-3], numbers[n-1]},
		"it goes on with the key frame")
	assert.Less(t, n, 2*many)
}

// TestDeafViewerBlocksNobody has a viewer whose Run never reads.
func TestDeafViewerBlocksNobody(t *testing.T) {
	synctest.Test(t, func(*testing.T) {
		h := newHub()
		h.publish(testUnit(0, true))
		deaf := viewerOf(h)
		deaf.current = h
		h.join(deaf)
		for n := range 2*queueSize + 2 {
			h.publish(testUnit(n, false))
		}
		assert.Empty(t, deaf.queue, "what waits is too old")
		assert.EqualValues(t, 2*queueSize+2, h.counts.dropped.Load())
		assert.True(t, h.wanted.Load())
		h.publish(testUnit(1, true))
		assert.False(t, h.wanted.Load())
		assert.Len(t, deaf.queue, 1, "the key frame")
	})
}

func TestGroupThatGrowsTooLongIsNotKept(t *testing.T) {
	h := newHub()
	h.publish(testUnit(0, true))
	for n := range maxGroupUnits - 1 {
		h.publish(testUnit(n, false))
	}
	assert.Len(t, h.cached(), maxGroupUnits)
	h.publish(testUnit(1, false))
	assert.Empty(t, h.cached())
	v := viewerOf(h)
	assert.Empty(t, h.join(v))
	assert.True(t, h.members[v].skipping && h.wanted.Load())
	big := testUnit(0, true)
	big.Size = maxGroupBytes
	h.publish(big)
	assert.Len(t, h.cached(), 1)
	h.publish(testUnit(1, false))
	assert.Empty(t, h.cached(), "too many bytes")
}

// TestGroupsAreNotWrittenTo holds a joiner's group while the hub goes on.
func TestGroupsAreNotWrittenTo(t *testing.T) {
	h := newHub()
	h.publish(testUnit(0, true))
	h.publish(testUnit(1, false))
	v := viewerOf(h)
	joined, cached := h.join(v), h.cached()
	require.Len(t, joined, 2)
	h.publish(testUnit(2, false))
	h.publish(testUnit(3, true))
	_ = append(joined, nil) // what a careless reader does
	assert.Equal(t, cached, joined)
	assert.EqualValues(t, 0, joined[0].Packets[0].Payload[0])
	assert.NotContains(t, h.cached(), (*Unit)(nil))
	h.forget()
	assert.Empty(t, h.cached())
	h.publish(testUnit(4, false))
	assert.Empty(t, h.cached(), "a group begins with a key frame")
}

func TestKeyFramesOnly(t *testing.T) {
	h := newHub()
	h.publish(testUnit(0, true))
	v := viewerOf(h)
	h.setKeysOnly(v, true) // who has not joined is not minded
	h.join(v)
	numbers := func() (numbers []byte) {
		for len(v.queue) > 0 {
			numbers = append(numbers, (<-v.queue).unit.Packets[0].Payload[0])
		}
		return numbers
	}
	feed := func(from int) []byte {
		for n := from; n < from+6; n++ {
			h.publish(testUnit(n, n%3 == 0))
		}
		return numbers()
	}
	assert.Equal(t, []byte{1, 2, 3, 4, 5, 6}, feed(1))
	h.setKeysOnly(v, true)
	assert.Equal(t, []byte{9, 12}, feed(7))
	h.setKeysOnly(v, true) // again
	assert.Equal(t, []byte{15, 18}, feed(13))
	h.setKeysOnly(v, false)
	assert.Equal(t, []byte{21, 22, 23, 24}, feed(19), "everything, from a key frame on")
	h.leave(v)
	h.leave(v)
	assert.Empty(t, feed(25))
}

func TestHubCounts(t *testing.T) {
	h := newHub()
	for n := range 10 {
		h.publish(testUnit(n, n%5 == 0))
	}
	assert.EqualValues(t, 10, h.counts.frames.Load())
	assert.EqualValues(t, 2, h.counts.keyFrames.Load())
	assert.EqualValues(t, 30, h.counts.bytes.Load())
	assert.Zero(t, h.counts.dropped.Load())
}
