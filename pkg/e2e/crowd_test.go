package e2e

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Fifty watch, and one of them stands still as a laptop whose lid is closed: the other 49 lose nothing.
// The picture is small, since camera and viewers share this machine; make bench does it in full.
func TestFiftyViewers(t *testing.T) {
	const crowdVideo = "video:\n  width: 320\n  height: 180\n  fps: 15\n  bitrate: 200000\nmax_viewers: 50\n"
	const seconds = 10
	_, c, person := newHouseholdWith(t, "testpattern", crowdVideo)
	stalled := startHerd(t, person, herdPlan{Camera: c.id, Viewers: 1, Seconds: 1000})
	others := startHerd(t, person, herdPlan{Camera: c.id, Viewers: 49, Seconds: seconds})
	require.NoError(t, stalled.cmd.Process.Signal(syscall.SIGSTOP))
	for i, r := range others.reports() {
		require.Zero(t, r.Lost, "viewer %d: %+v", i, r)
		require.Greater(t, r.Frames, 12*seconds, "viewer %d: %+v", i, r)
	}

	s := person.dial("")
	s.awaitStatus(c.id, true)
	v := newView(t, s, c.id, 1)
	v.offer()
	refusal := <-v.ended
	require.Equal(t, "busy", string(refusal.Error.Code), "the 51st is told so")
}
