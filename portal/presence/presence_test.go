package presence

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"seccam/pkg/signaling"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type seenFunc func(at map[string]time.Time) error

func (f seenFunc) Seen(_ context.Context, at map[string]time.Time) error { return f(at) }

// bench is a tracker with a clock that only the test moves.
type bench struct {
	*Tracker
	at      time.Time
	changes []string
	log     bytes.Buffer

	mu    sync.Mutex
	saved map[string]time.Time
	fail  error
}

func newBench() *bench {
	b := &bench{at: time.Unix(1_700_000_000, 0), saved: map[string]time.Time{}}
	store := seenFunc(func(at map[string]time.Time) error {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.fail != nil {
			return b.fail
		}
		for camera, when := range at {
			b.saved[camera] = when
		}
		return nil
	})
	b.Tracker = New(store, func(c string) { b.changes = append(b.changes, c) }, func() time.Time { return b.at },
		slog.New(slog.NewTextHandler(&b.log, nil)))
	return b
}

func (b *bench) handle(s signaling.Status) { b.Handle("c", signaling.EncodeStatus(s)) }

// graceOver lets the grace of a loss pass.
func (b *bench) graceOver() {
	b.at = b.at.Add(Grace)
	b.sweep()
}

// changed returns for how many changes people were told since the last call.
func (b *bench) changed() int {
	n := len(b.changes)
	b.changes = nil
	return n
}

func online(connection uint64) signaling.Status {
	return signaling.Status{Online: true, Boot: "b", Connection: connection}
}

func will(connection uint64) signaling.Status {
	return signaling.Status{Boot: "b", Connection: connection, Reason: signaling.OfflineConnectionLost}
}

func TestTexts(t *testing.T) {
	for _, tc := range []struct {
		status      signaling.Status
		state, text string
	}{
		{online(1), "online", "Online"},
		{signaling.Status{Online: true, Picture: signaling.PictureLive, Detail: "no matter"}, "online", "Online"},
		{signaling.Status{Online: true, Picture: signaling.PictureResting}, "online", "Online"},
		{signaling.Status{Online: true, Picture: signaling.PictureLost}, "no_picture", "Online, but no picture"},
		{signaling.Status{Online: true, Picture: signaling.PictureLost, Detail: "unplugged"}, "no_picture", "Online, but no picture: unplugged"},
		{will(1), "offline", "Offline: the connection to the camera was lost; check its power and network"},
		{signaling.Status{Reason: signaling.OfflineShutdown}, "offline", "Offline: the camera was shut down"},
		{signaling.Status{Reason: signaling.OfflineRestart}, "offline", "Offline: the camera restarts, and is back within seconds"},
		{signaling.Status{Reason: "odd"}, "offline", "Offline"},
	} {
		b := newBench()
		b.Remember("c", b.at)
		b.handle(tc.status)
		got := b.Of("c")
		require.Equal(t, tc.state, got.State)
		require.Equal(t, tc.text, got.Text)
		require.Equal(t, tc.status.Online, got.Online)
		require.Equal(t, tc.status.Online, b.Online("c"))
		require.Equal(t, b.at.UnixMilli(), got.LastSeen)
		require.Empty(t, got.Fingerprint)
	}
}

func TestNeverSeen(t *testing.T) {
	b := newBench()
	require.Equal(t, signaling.Presence{State: "never", Text: "Not connected yet"}, b.Of("c"))
	b.handle(will(1)) // left in the broker from before
	require.Equal(t, signaling.StateNever, b.Of("c").State)
}

func TestOnlyChangesAreTold(t *testing.T) {
	b := newBench()
	for _, step := range []struct {
		status signaling.Status
		told   int
	}{
		{online(1), 1}, {online(1), 0},
		{signaling.Status{Online: true, Boot: "b", Connection: 1, Viewers: 3, Picture: signaling.PictureLive}, 0},
		{signaling.Status{Online: true, Boot: "b", Connection: 1, Picture: signaling.PictureLost}, 1},
		{signaling.Status{Online: true, Boot: "b", Connection: 1, Picture: signaling.PictureLost, Detail: "x"}, 1},
		{will(1), 0}, {will(1), 0}, {online(2), 1}, // back within its grace, on a new connection
	} {
		b.at = b.at.Add(time.Second)
		b.handle(step.status)
		require.Equal(t, step.told, b.changed())
	}
	require.Equal(t, b.at.UnixMilli(), b.Of("c").LastSeen)
}

func TestAbuse39_WillOfAnOlderConnection(t *testing.T) {
	b := newBench()
	b.handle(online(1))
	b.handle(online(2))
	b.changed()
	b.handle(will(1))
	require.True(t, b.Online("c"))
	require.Zero(t, b.changed())
	b.handle(will(2))
	b.graceOver()
	require.False(t, b.Online("c"))

	b.handle(signaling.Status{Online: true, Boot: "b2", Connection: 1})
	require.True(t, b.Online("c"), "it was restarted")
	b.handle(signaling.Status{Boot: "b2", Connection: 1})
	require.False(t, b.Online("c"))
}

// A loss counts after its grace, and not at all if the camera is back by then.
func TestGrace(t *testing.T) {
	b := newBench()
	b.handle(online(1))
	since := b.Of("c").Since
	require.Equal(t, b.at.UnixMilli(), since)
	b.at = b.at.Add(time.Minute)
	b.handle(online(1))
	require.Equal(t, since, b.Of("c").Since, "a repeated status is of the same connection")
	b.changed()

	b.handle(will(1))
	b.at = b.at.Add(Grace - 1)
	b.handle(will(1)) // the same once more, which begins nothing anew
	b.sweep()
	require.True(t, b.Online("c"))
	require.Zero(t, b.changed())
	b.handle(online(2))
	require.Greater(t, b.Of("c").Since, since, "who waits for the camera is told")
	require.Equal(t, 1, b.changed())
	b.graceOver()
	require.True(t, b.Online("c"))

	b.handle(will(2))
	b.graceOver()
	require.Equal(t, 1, b.changed())
	p := b.Of("c")
	require.Equal(t, signaling.StateOffline, p.State)
	require.Contains(t, p.Text, "connection to the camera was lost")
	require.Zero(t, p.Since)
	b.graceOver()
	require.Zero(t, b.changed(), "told once")
}

// A broker may send the Will of a connection whose goodbye it did not hear.
func TestWillAfterTheLastWords(t *testing.T) {
	b := newBench()
	b.handle(online(1))
	b.handle(signaling.Status{Boot: "b", Connection: 1, Reason: signaling.OfflineShutdown})
	b.changed()
	b.handle(will(1))
	require.Equal(t, "Offline: the camera was shut down", b.Of("c").Text)
	require.Zero(t, b.changed())
}

// After any exchange of one boot, the camera is online exactly if its newest connection is.
func TestHistoriesOfConnections(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, newest := newBench(), uint64(0)
		lost := map[uint64]bool{}
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			if newest > 0 && rapid.Bool().Draw(t, "will") {
				n := rapid.Uint64Range(1, newest).Draw(t, "of")
				lost[n] = true
				b.handle(will(n))
			} else {
				newest++
				b.handle(online(newest))
			}
			b.graceOver()
			require.Equal(t, newest > 0 && !lost[newest], b.Online("c"))
		}
	})
}

func TestAbuse37_MalformedStatusIsIgnored(t *testing.T) {
	b := newBench()
	b.handle(online(1))
	b.changed()
	b.at = b.at.Add(time.Second)
	before := b.Of("c")
	for _, bad := range []string{
		"", " ", "null", "{", "[]", `"x"`, "{}", `{"v":2}`, `{"v":1,"online":"yes"}`, `{"v":1,"connection":-1}`,
		`{"v":1,"viewers":1e99}`, "\xff\xfe", strings.Repeat("[", 4000), `{"v":1,"detail":"` + strings.Repeat("x", signaling.MaxStatus) + `"}`,
	} {
		b.Handle("c", []byte(bad))
		b.Handle("never seen", []byte(bad))
	}
	require.Equal(t, before, b.Of("c"))
	require.Equal(t, signaling.StateNever, b.Of("never seen").State)
	require.Zero(t, b.changed())
	require.NotContains(t, b.log.String(), "xxxx", "payloads are not logged")
}

func TestSilenceIsOffline(t *testing.T) {
	b := newBench()
	b.handle(online(1))
	b.changed()
	b.at = b.at.Add(signaling.StatusStale)
	b.sweep()
	require.True(t, b.Online("c"))
	require.Zero(t, b.changed())
	b.at = b.at.Add(time.Millisecond)
	b.sweep()
	b.sweep()
	require.Equal(t, 1, b.changed(), "told once")
	require.Equal(t, "Offline: nothing heard from the camera for 90 seconds", b.Of("c").Text)
	b.handle(online(1))
	require.True(t, b.Online("c"), "it speaks again")
	require.Equal(t, 1, b.changed())
}

func TestRememberDoesNotOverwrite(t *testing.T) {
	b := newBench()
	old := b.at.Add(-time.Hour)
	b.Remember("c", old)
	require.Equal(t, signaling.Presence{State: "offline", Text: "Offline", LastSeen: old.UnixMilli()}, b.Of("c"))
	b.handle(online(1))
	b.Remember("c", old)
	require.Equal(t, b.at.UnixMilli(), b.Of("c").LastSeen)
}

func TestForget(t *testing.T) {
	for name, tc := range map[string]struct {
		before func(*bench)
		want   string
	}{
		"offline":    {func(b *bench) { b.handle(online(1)); b.handle(will(1)) }, signaling.StateNever},
		"remembered": {func(b *bench) { b.Remember("c", b.at) }, signaling.StateNever},
		"unknown":    {func(*bench) {}, signaling.StateNever},
		"online":     {func(b *bench) { b.handle(online(1)) }, signaling.StateOnline},
		"silent": {func(b *bench) {
			b.handle(online(1))
			b.at = b.at.Add(time.Hour)
			b.sweep()
		}, signaling.StateNever},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench()
			tc.before(b)
			b.Forget("c")
			require.Equal(t, tc.want, b.Of("c").State)
			require.Equal(t, tc.want == signaling.StateNever, b.Of("c").LastSeen == 0)
			require.NoError(t, b.Flush(t.Context()))
			require.Empty(t, b.saved, "the next owner sees nothing of the last")
		})
	}
}

func TestFlushKeepsWhatFailed(t *testing.T) {
	b := newBench()
	require.NoError(t, b.Flush(t.Context()))
	b.handle(online(1))
	first := b.at
	b.fail = errors.New("database down")
	require.ErrorIs(t, b.Flush(t.Context()), b.fail)
	b.Handle("d", signaling.EncodeStatus(online(1)))
	b.fail = nil
	require.NoError(t, b.Flush(t.Context()))
	require.Equal(t, map[string]time.Time{"c": first, "d": first}, b.saved)
	b.saved = map[string]time.Time{}
	require.NoError(t, b.Flush(t.Context()))
	require.Empty(t, b.saved, "saved once")
}

// A camera that stays online is written now and then, and when it leaves, with the time of its last word.
func TestLastSeenIsNotWrittenAtEachStatus(t *testing.T) {
	b := newBench()
	writes := func() (at time.Time, n int) {
		b.saved = map[string]time.Time{}
		require.NoError(t, b.Flush(t.Context()))
		return b.saved["c"], len(b.saved)
	}
	b.handle(online(1))
	_, n := writes()
	require.Equal(t, 1, n, "it is online")
	for range 5 {
		b.at = b.at.Add(signaling.StatusInterval)
		b.handle(online(1))
		_, n = writes()
		require.Zero(t, n)
	}
	last := b.at
	b.at = b.at.Add(signaling.StatusStale + time.Second)
	b.sweep()
	at, _ := writes()
	require.Equal(t, last, at, "it is silent")
	b.handle(online(2))
	_, _ = writes()
	b.at = b.at.Add(time.Minute)
	b.handle(online(2))
	last = b.at
	b.at = b.at.Add(time.Second)
	b.handle(will(2))
	b.graceOver()
	at, _ = writes()
	require.Equal(t, last, at, "its connection was lost")
	b.handle(online(3))
	_, _ = writes()
	b.at = b.at.Add(SaveInterval)
	b.handle(online(3))
	at, _ = writes()
	require.Equal(t, b.at, at, "now and then")
	b.at = b.at.Add(time.Minute)
	b.handle(online(3))
	b.Forget("c")
	b.handle(online(3))
	at, _ = writes()
	require.Equal(t, b.at, at, "its next owner has seen nothing of it before")
	b.at = b.at.Add(time.Minute)
	b.handle(online(3))
	b.keepAll()
	at, _ = writes()
	require.Equal(t, b.at, at, "the portal ends")
}

// What came in while a save failed is newer than what failed.
func TestFlushKeepsTheNewer(t *testing.T) {
	b := newBench()
	var tracker *Tracker
	fail, later := true, b.at.Add(SaveInterval)
	now := b.at
	saved := map[string]time.Time{}
	tracker = New(seenFunc(func(at map[string]time.Time) error {
		if fail {
			fail, now = false, later
			tracker.Handle("c", signaling.EncodeStatus(online(1)))
			return errors.New("database down")
		}
		saved = at
		return nil
	}), func(string) {}, func() time.Time { return now }, slog.New(slog.DiscardHandler))
	tracker.Handle("c", signaling.EncodeStatus(online(1)))
	require.Error(t, tracker.Flush(t.Context()))
	require.NoError(t, tracker.Flush(t.Context()))
	require.Equal(t, later, saved["c"])
}

func TestRunSweepsAndSaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.now = time.Now
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		b.handle(online(1))
		go func() { ended <- b.Run(ctx) }()
		saved := func() int {
			synctest.Wait()
			b.mu.Lock()
			defer b.mu.Unlock()
			return len(b.saved)
		}
		require.Zero(t, saved())
		time.Sleep(flushInterval)
		require.Equal(t, 1, saved())
		require.True(t, b.Online("c"))
		time.Sleep(signaling.StatusStale)
		synctest.Wait()
		require.False(t, b.Online("c"))

		b.Handle("last", signaling.EncodeStatus(online(1)))
		cancel()
		require.NoError(t, <-ended)
		require.Equal(t, 2, saved(), "the last ones are saved at the end")
	})
}
