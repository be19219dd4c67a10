package presence

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

// at stamps an online status with the bench's time.
func (b *bench) stamped(s signaling.Status) signaling.Status {
	s.At = b.at.UnixMilli()
	return s
}

// The nodes of a cluster do not tell each other what they remember, and each may be asked: an old copy is old,
// whenever it comes.
func TestCopiesOfANodeDoNotCount(t *testing.T) {
	b := newBench()
	copied := b.stamped(online(1))
	b.handle(copied)
	require.True(t, b.Online("c"))
	b.at = b.at.Add(time.Second)
	b.handle(will(1)) // the camera is gone
	b.graceOver()
	require.False(t, b.Online("c"))
	b.changed()
	b.handle(copied)
	require.False(t, b.Online("c"), "the copy is from before the Will")
	require.Zero(t, b.changed())
	b.handle(b.stamped(online(1)))
	require.True(t, b.Online("c"), "the camera says that it is there after all")
}

// A portal that starts asks one node, which may remember what nobody has repeated since.
func TestOldCopyIsNoPresence(t *testing.T) {
	b := newBench()
	old := b.stamped(online(3))
	b.at = b.at.Add(signaling.StatusStale + time.Second)
	b.handle(old)
	p := b.Of("c")
	require.False(t, p.Online)
	require.Equal(t, old.At, p.LastSeen)
	require.Contains(t, p.Text, "nothing heard")
	require.Empty(t, b.saved)
	next := b.stamped(online(1))
	next.Boot = "after"
	b.handle(next)
	require.True(t, b.Online("c"))
}

// A node that loses a camera's process, or its own connections, says so late.
func TestWillOfAnEarlierProcessComesLate(t *testing.T) {
	b := newBench()
	b.handle(b.stamped(online(4)))
	b.at = b.at.Add(time.Second)
	restarted := b.stamped(online(1))
	restarted.Boot = "after"
	b.handle(restarted)
	b.handle(will(4))
	b.graceOver()
	require.True(t, b.Online("c"))
	last := will(1)
	last.Boot = "after"
	b.handle(last)
	b.graceOver()
	require.False(t, b.Online("c"))
}

// A clock that was ahead by hours and is right again does not make cameras invisible.
func TestMarkFromTheFutureDoesNotLast(t *testing.T) {
	b := newBench()
	ahead := online(1)
	ahead.At = b.at.Add(3 * time.Hour).UnixMilli()
	b.handle(ahead)
	b.handle(will(1))
	b.graceOver()
	b.handle(b.stamped(online(2)))
	require.True(t, b.Online("c"))
}
