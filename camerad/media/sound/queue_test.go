package sound

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestQueueKeepsTheNewest compares the queue with a slice that is cut.
func TestQueueKeepsTheNewest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 9).Draw(t, "size")
		q := newQueue(size)
		var model []int16
		value := int16(0)
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				samples := make([]int16, rapid.IntRange(0, 12).Draw(t, "n"))
				for i := range samples {
					value++
					samples[i] = value
				}
				q.push(samples)
				model = append(model, samples...)
				model = model[max(0, len(model)-size):]
			},
			"pop": func(t *rapid.T) {
				out := make([]int16, rapid.IntRange(0, 12).Draw(t, "n"))
				n := q.pop(out)
				require.Equal(t, min(len(out), len(model)), n)
				require.Equal(t, append([]int16{}, model[:n]...), append([]int16{}, out[:n]...))
				model = model[n:]
			},
			"drop": func(t *rapid.T) {
				n := rapid.IntRange(-3, 12).Draw(t, "n")
				q.drop(n)
				model = model[max(0, min(n, len(model))):]
			},
			"": func(t *rapid.T) { require.Equal(t, len(model), q.count) },
		})
	})
}
