package privacy

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

// Without a clock a schedule is private; when the clock is there it counts.
func TestUnknownClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t.TempDir(), true) // the bubble's time is midnight UTC, a Saturday
		require.NoError(t, r.Set(Settings{Zone: "UTC", Schedule: []Span{{Days: signaling.Days, From: "12:00", To: "13:00"}}}, r.seq()))
		require.False(t, r.State().Active)
		again := r.again(false)
		require.Equal(t, WhyClock, again.State().Why)
		require.Equal(t, "Privacy mode is on until the camera knows the time", again.State().Text())
		stop := again.run(t)
		time.Sleep(time.Hour)
		require.True(t, again.State().Active)
		again.known.Store(true)
		time.Sleep(clockPoll + time.Millisecond)
		require.False(t, again.State().Active)
		require.Equal(t, "Privacy mode is off until 12:00", again.State().Text())
		stop()
	})
}

// run runs the switch until stop.
func (r *rig) run(t *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	return func() {
		cancel()
		require.NoError(t, <-ended)
	}
}

func drain(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestRunFollowsTheSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t.TempDir(), true)
		began := r.clock()
		require.Equal(t, "Saturday 00:00", began.UTC().Format("Monday 15:04"))
		require.NoError(t, r.Set(Settings{Zone: "UTC", Schedule: []Span{{Days: []string{"sat"}, From: "22:00", To: "07:00"}}}, r.seq()))
		require.True(t, drain(r.Changed()))
		stop := r.run(t)
		at := func(d time.Duration) { time.Sleep(began.Add(d).Sub(r.clock())); synctest.Wait() }

		at(22*time.Hour - time.Millisecond)
		require.Equal(t, "Privacy mode is off until 22:00", r.State().Text())
		require.False(t, drain(r.Changed()))
		at(22 * time.Hour)
		require.True(t, drain(r.Changed()))
		require.Equal(t, "Privacy mode is on until Sunday 07:00", r.State().Text())
		require.Equal(t, WhySchedule, r.State().Why)
		at(24*time.Hour + time.Minute)
		require.True(t, drain(r.Changed()), "the words are others on another day")
		require.Equal(t, "until 07:00", r.State().Detail)
		require.True(t, began.Add(31*time.Hour).Equal(r.State().Until))
		at(31*time.Hour - time.Millisecond)
		require.True(t, r.State().Active)
		at(31 * time.Hour)
		require.True(t, drain(r.Changed()))
		require.Equal(t, "Privacy mode is off until Saturday 22:00", r.State().Text())
		stop()
	})
}

// A change wakes Run, and a clock that jumps is noticed within a minute.
func TestRunNoticesChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t.TempDir(), true)
		stop := r.run(t)
		soon := Settings{Zone: "UTC", Schedule: []Span{{Days: signaling.Days, From: "00:01", To: "00:02"}}}
		require.NoError(t, r.Set(soon, r.seq()))
		require.True(t, drain(r.Changed()))
		time.Sleep(time.Minute)
		synctest.Wait()
		require.True(t, drain(r.Changed()))
		require.True(t, r.State().Active)
		time.Sleep(time.Minute)
		synctest.Wait()
		require.False(t, r.State().Active)

		r.now.Store(int64(24*time.Hour - 90*time.Second)) // 00:02 becomes 00:00:30 of the next day
		time.Sleep(longestSleep)
		synctest.Wait()
		require.True(t, r.State().Active)
		require.NoError(t, r.Set(always, r.seq()))
		require.Equal(t, State{Active: true, Why: WhySchedule}, r.State(), "for ever has no end")
		stop()
	})
}
