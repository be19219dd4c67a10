package sound

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

const piece = Rate / 100 // what a loudspeaker asks for at a time

// pullOne returns the first sample of the next piece, which is all one value.
func pullOne(b *jitterBuffer) int16 {
	out := make([]int16, piece)
	for i := range out {
		out[i] = -1
	}
	b.pull(out)
	return out[piece-1]
}

func constant(value int16, samples int) []int16 {
	all := make([]int16, samples)
	for i := range all {
		all[i] = value
	}
	return all
}

func TestSoundWaitsForTheTarget(t *testing.T) {
	b := newJitterBuffer()
	for range 30 {
		assert.Zero(t, pullOne(&b), "silence")
	}
	b.push(constant(1, frameSamples)) // alone, and it is played all the same
	for range 6 {
		assert.Zero(t, pullOne(&b), "60 ms of waiting")
	}
	assert.EqualValues(t, []int16{1, 1, 0, 0}, []int16{pullOne(&b), pullOne(&b), pullOne(&b), pullOne(&b)})
	b.push(constant(2, frameSamples))
	for range 6 {
		assert.Zero(t, pullOne(&b), "after silence, it waits again")
	}
	assert.EqualValues(t, 2, pullOne(&b))
}

func TestUnevenSoundIsPlayedEvenly(t *testing.T) {
	b := newJitterBuffer()
	var played []int16
	// 20 ms of sound each 20 ms, but by turns 50 ms late, and then what is missing at once.
	arrivals := []int{1, 0, 0, 3, 1, 0, 2, 1, 1, 0, 0, 3, 1, 1, 0, 2, 0, 0, 3, 1}
	value := int16(0)
	for _, n := range arrivals {
		for range n {
			value++
			b.push(constant(value, frameSamples))
		}
		played = append(played, pullOne(&b), pullOne(&b))
	}
	assert.Equal(t, constant(0, 6), played[:6])
	for i, got := range played[6:] {
		assert.EqualValues(t, 1+i/2, got, "piece %d", i)
	}
}

func TestTooMuchSoundDropsTheOldest(t *testing.T) {
	b := newJitterBuffer()
	for value := range int16(10) { // 200 ms
		b.push(constant(value+1, frameSamples))
	}
	assert.Equal(t, jitterMax, b.queue.count, "none is dropped yet")
	b.push(constant(11, frameSamples))
	assert.Equal(t, jitterTarget, b.queue.count, "the delay is as intended again")
	for range 6 {
		assert.Zero(t, pullOne(&b))
	}
	assert.EqualValues(t, []int16{9, 9, 10, 10, 11, 11, 0},
		[]int16{pullOne(&b), pullOne(&b), pullOne(&b), pullOne(&b), pullOne(&b), pullOne(&b), pullOne(&b)})
	b.push(make([]int16, 10*jitterMax))
	assert.Equal(t, jitterMax, b.queue.count, "what is longer than the buffer is cut")
}
