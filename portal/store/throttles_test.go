package store

import (
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/portal/store/storetest"
)

var guesses = Throttle{Name: "guess", Burst: 3, Every: 10 * time.Second}

func spend(t *testing.T, s *Store, key string) time.Duration {
	t.Helper()
	wait, err := s.Spend(t.Context(), guesses, key)
	require.NoError(t, err)
	return wait
}

func TestThrottleIsABurstThenARate(t *testing.T) {
	s, clock := open(t)
	for range 3 {
		require.Zero(t, spend(t, s, "a"))
	}
	require.Equal(t, 10*time.Second, spend(t, s, "a"))
	clock.advance(4 * time.Second)
	require.Equal(t, 6*time.Second, spend(t, s, "a"), "to be refused costs nothing")
	require.Zero(t, spend(t, s, "b"), "another key has a burst of its own")
	clock.advance(6 * time.Second)
	require.Zero(t, spend(t, s, "a"))
	require.NotZero(t, spend(t, s, "a"))
	clock.advance(time.Hour)
	for range 3 {
		require.Zero(t, spend(t, s, "a"))
	}
	require.Equal(t, 10*time.Second, spend(t, s, "a"), "a burst does not grow")
	require.NoError(t, s.Restore(t.Context(), guesses, "a"))
	require.Zero(t, spend(t, s, "a"))
	other := guesses
	other.Name = "other"
	wait, err := s.Spend(t.Context(), other, "b")
	require.NoError(t, err)
	require.Zero(t, wait, "throttles do not share keys")
}

// However many portals there are and however quick somebody is: no more than the burst.
func TestThrottleIsOneForAllPortals(t *testing.T) {
	database, clock := storetest.Database(t), newClock()
	stores := []*Store{openAt(t, database, clock), openAt(t, database, clock)}
	var passed atomic.Int32
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for range 5 {
				wait, err := stores[i%2].Spend(t.Context(), guesses, "victim")
				if err != nil {
					t.Error(err)
				}
				if wait == 0 {
					passed.Add(1)
				}
			}
		})
	}
	group.Wait()
	require.Equal(t, int32(guesses.Burst), passed.Load())
}

func TestThrottlesAreForgottenInTime(t *testing.T) {
	database, clock := storetest.Database(t), newClock()
	s := openAt(t, database, clock)
	for i := range 5 {
		for range 1 + i%3 {
			require.Zero(t, spend(t, s, "zebulon"+strconv.Itoa(i)))
		}
	}
	require.False(t, strings.Contains(string(storetest.Contents(t, database)), "zebulon"), "keys are hashed")
	count := func() (n int64) {
		require.NoError(t, s.db.Table("throttles").Count(&n).Error)
		return n
	}
	clock.advance(10 * time.Second)
	require.NoError(t, s.Prune(t.Context()))
	require.Equal(t, int64(3), count(), "who has the whole burst is not remembered")
	require.NoError(t, s.pruneThrottles(t.Context(), 1))
	require.Equal(t, int64(1), count(), "the most impatient")
	require.NotZero(t, spend(t, s, "zebulon2")+spend(t, s, "zebulon2"))
	clock.advance(time.Hour)
	require.NoError(t, s.Prune(t.Context()))
	require.Zero(t, count())
}

// BenchmarkThrottle is what each attempt to log in costs twice.
func BenchmarkThrottle(b *testing.B) {
	s, err := Open(b.Context(), storetest.Database(b), nil)
	require.NoError(b, err)
	defer func() { require.NoError(b, s.Close()) }()
	for i := 0; b.Loop(); i++ {
		if _, err := s.Spend(b.Context(), guesses, strconv.Itoa(i%1000)); err != nil {
			b.Fatal(err)
		}
	}
}
