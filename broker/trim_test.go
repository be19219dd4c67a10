package broker

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTrimOnceAfterAWave(t *testing.T) {
	var m trimmer
	for _, step := range []struct {
		churn uint64
		want  bool
	}{
		{10, false},    // a few cameras
		{10, false},    //
		{5000, false},  // a wave is under way
		{10000, false}, //
		{10020, true},  // it is over
		{10020, false}, // once is enough
		{10900, false}, // too few to bother
		{10900, false},
		{11100, false}, // enough by now, but not quiet
		{11100, true},
	} {
		require.Equal(t, step.want, m.due(step.churn), "%d", step.churn)
	}
}
