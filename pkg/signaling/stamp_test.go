package signaling

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestFresh(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	stamp := func(d time.Duration) uint64 { return uint64(now.Add(d).UnixMicro()) }
	for _, tc := range []struct {
		seq  uint64
		want bool
	}{
		{stamp(0), true}, {stamp(-MaxAge), true}, {stamp(MaxAge), true},
		{stamp(-MaxAge - time.Microsecond), false}, {stamp(MaxAge + time.Microsecond), false},
		{0, false}, {1 << 63, false}, {^uint64(0), false}, {uint64(now.UnixMilli()), false},
	} {
		assert.Equal(t, tc.want, Fresh(tc.seq, now), "%d", tc.seq)
	}
}

func TestStampsGrow(t *testing.T) {
	var s Stamper
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	first := s.Next(now)
	assert.Equal(t, uint64(now.UnixMicro()), first)
	assert.Equal(t, first+1, s.Next(now))
	assert.Equal(t, first+2, s.Next(now.Add(-maxAhead/2)), "the clock was set back a little")
	back := now.Add(-time.Hour)
	assert.Equal(t, uint64(back.UnixMicro()), s.Next(back), "set back by more: it has to be of now")
	var seen sync.Map
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 200 {
				if _, twice := seen.LoadOrStore(s.Next(now), true); twice {
					t.Error("a stamp came twice")
				}
			}
		})
	}
	group.Wait()
}
