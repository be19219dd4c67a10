package vitals

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"seccam/pkg/credential"
	"seccam/pkg/signaling"
	"seccam/portal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is some recorders on one database, as several portals are, and a clock that only the test moves.
type bench struct {
	t      *testing.T
	store  *store.Store
	at     time.Time
	camera string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, at: time.Unix(1_800_000_000, 0).UTC().Truncate(Step), camera: credential.NewCode()}
	var err error
	b.store, err = store.Open(t.Context(), filepath.Join(t.TempDir(), "portal.db"), b.now)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.store.Close()) })
	require.NoError(t, b.store.Provision(t.Context(), b.camera, []byte("hash")))
	return b
}

func (b *bench) now() time.Time { return b.at }

func (b *bench) recorder() *Recorder { return New(b.store, b.now, slog.New(slog.DiscardHandler)) }

func (b *bench) samples() []store.Sample {
	b.t.Helper()
	list, err := b.store.Samples(b.t.Context(), b.camera, b.at.Add(-SamplesKept))
	require.NoError(b.t, err)
	return list
}

func (b *bench) events() []store.CameraEvent {
	b.t.Helper()
	list, err := b.store.CameraEvents(b.t.Context(), b.camera, 0, 1000)
	require.NoError(b.t, err)
	return list
}

func telemetry(fps float64) []byte {
	data, _ := json.Marshal(signaling.Telemetry{V: signaling.Version, Version: "1.2.3", FPS: fps, Viewers: 2})
	return data
}

func event(at time.Time, text string) []byte {
	data, _ := json.Marshal(signaling.Event{V: signaling.Version, At: at.UnixMilli(), Kind: signaling.EventSourceLost, Text: text})
	return data
}

// Two portals hear the same; of each step one measurement is kept, for a day.
func TestSamplesAreKeptOnceForADay(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	portals := []*Recorder{b.recorder(), b.recorder()}
	for i := range int(2*SamplesKept/Step) * 2 { // two in each step
		for _, r := range portals {
			r.Telemetry(b.camera, telemetry(float64(i)))
		}
		if i%20 == 0 {
			for _, r := range portals {
				require.NoError(t, r.flush(t.Context()))
			}
			require.NoError(t, b.store.PruneVitals(t.Context(), b.at.Add(-SamplesKept), b.at.Add(-EventsKept)))
		}
		b.at = b.at.Add(Step / 2)
	}
	list := b.samples()
	assert.InDelta(t, int(SamplesKept/Step), len(list), 10)
	for i := 1; i < len(list); i++ {
		assert.Equal(t, Step, list[i].At.Sub(list[i-1].At))
		assert.InDelta(t, 2, list[i].FPS-list[i-1].FPS, 0, "the first of each step")
	}
	c, err := b.store.CameraByID(t.Context(), b.camera)
	require.NoError(t, err)
	assert.Equal(t, "1.2.3", c.Version)
}

func TestEventsAreKeptOnceAndBounded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	portals := []*Recorder{b.recorder(), b.recorder()}
	for i := range 3 * eventsBurst {
		for _, r := range portals {
			r.Event(b.camera, event(b.at.Add(time.Duration(i)*time.Millisecond), strings.Repeat("ä", maxText)))
		}
	}
	for _, r := range portals {
		require.NoError(t, r.flush(t.Context()))
	}
	list := b.events()
	require.Len(t, list, eventsBurst, "a camera that talks too much is not heard")
	assert.LessOrEqual(t, len(list[0].Text), maxText)
	assert.Equal(t, signaling.EventSourceLost, list[0].Kind)

	other := b.recorder()
	for _, wrong := range []time.Time{b.at.Add(time.Hour), b.at.Add(-2 * EventsKept)} {
		b.at = b.at.Add(time.Second)
		other.Event(b.camera, event(wrong, "x"))
		require.NoError(t, other.flush(t.Context()))
		assert.Equal(t, b.at, b.events()[0].At.UTC(), "a wrong clock's moment is not kept")
	}
	other.Event(b.camera, []byte("nonsense"))
	other.Telemetry(b.camera, []byte("nonsense"))
	require.NoError(t, other.flush(t.Context()))
	assert.Len(t, b.events(), eventsBurst+2)
}

// A camera is online by what was heard last, in the lists, too.
func TestOnlineInLists(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.recorder()
	yes, no := true, false
	count := func(online *bool) int64 {
		n, err := b.store.FleetCount(t.Context(), store.FleetFilter{Online: online, OnlineSince: b.at.Add(-time.Minute)})
		require.NoError(t, err)
		return n
	}
	seen := func() { require.NoError(t, b.store.Seen(t.Context(), map[string]time.Time{b.camera: b.at})) }
	is := func(want int64, when string) {
		t.Helper()
		assert.Equal(t, want, count(&yes), when)
		assert.Equal(t, 1-want, count(&no), when)
	}
	is(0, "never seen")
	seen()
	is(1, "seen now")
	b.at = b.at.Add(time.Second)
	r.Offline(b.camera)
	require.NoError(t, r.flush(t.Context()))
	is(0, "known to be offline since")
	b.at = b.at.Add(time.Second)
	seen()
	is(1, "back")
	b.at = b.at.Add(2 * time.Minute)
	is(0, "not heard from for long")
}

// failing is a database that is away for a while.
type failing struct {
	Store
	fails bool
}

func (f *failing) SaveVitals(ctx context.Context, v store.Vitals) error {
	if f.fails {
		return errors.New("away")
	}
	return f.Store.SaveVitals(ctx, v)
}

func TestNothingIsLostWhileTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	away := &failing{b.store, true}
	r := New(away, b.now, slog.New(slog.DiscardHandler))
	r.Event(b.camera, event(b.at, "first"))
	r.Telemetry(b.camera, telemetry(1))
	require.Error(t, r.flush(t.Context()))
	r.Event(b.camera, event(b.at.Add(time.Second), "second"))
	away.fails = false
	require.NoError(t, r.flush(t.Context()))
	assert.Len(t, b.events(), 2)
	assert.Len(t, b.samples(), 1)
}

func TestRunSavesWhatIsLeft(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.recorder()
	r.Event(b.camera, event(b.at, "last"))
	ctx, stop := context.WithCancel(t.Context())
	stop()
	require.NoError(t, r.Run(ctx))
	assert.Len(t, b.events(), 1)
}
