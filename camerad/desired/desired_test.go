package desired

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"seccam/pkg/signaling"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a keeper over a camera of one map; while broken it takes nothing.
type rig struct {
	*Keeper
	t       *testing.T
	folder  string
	effect  map[string]any
	broken  error
	during  func() // Apply
	reports []signaling.ConfigReported
}

func newRig(t *testing.T, folder string) *rig {
	r := &rig{t: t, folder: folder, during: func() {}}
	r.Keeper = Open(Config{
		Folder: folder, Now: time.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Apply: func(_ context.Context, values map[string]any) error {
			r.during()
			if r.broken != nil {
				return r.broken
			}
			r.effect = maps.Clone(values)
			return nil
		},
		Effective: func() map[string]any { return maps.Clone(r.effect) },
		Report:    func(c signaling.ConfigReported) { r.reports = append(r.reports, c) },
	})
	r.effect = r.Set()
	return r
}

// desire delivers a document and handles it.
func (r *rig) desire(revision uint64, values string) {
	r.t.Helper()
	r.Deliver(fmt.Appendf(nil, `{"v":1,"revision":%d,"values":%s}`, revision, values))
	require.Len(r.t, r.queue, 1)
	r.handle(r.t.Context(), (<-r.queue).ConfigDesired)
}

func (r *rig) refusedFor(revision uint64, key, words string) {
	r.t.Helper()
	last := r.Reported()
	require.NotNil(r.t, last.Refused)
	require.Equal(r.t, revision, last.Refused.Revision)
	require.Regexp(r.t, words, last.Refused.Reasons[key], "%v", last.Refused.Reasons)
	require.Zero(r.t, last.Trying)
}

var now = uint64(time.Now().UnixMicro())

func TestConfigurationIsAppliedAndKept(t *testing.T) {
	r := newRig(t, t.TempDir())
	require.Equal(t, map[string]any{}, r.Reported().Set)
	r.desire(now, `{"video.fps":15,"log_level":"debug"}`)
	want := map[string]any{"video.fps": 15.0, "log_level": "debug"}
	require.Equal(t, want, r.effect)
	require.Equal(t, now, r.reports[0].Trying, "it says so meanwhile")
	last := r.Reported()
	require.Equal(t, now, last.Revision)
	require.Equal(t, want, last.Set)
	require.Nil(t, last.Refused)

	again := newRig(t, r.folder)
	require.Equal(t, want, again.Set(), "after a restart")
	again.effect = nil
	again.desire(now, `{"video.fps":20}`)
	require.Nil(t, again.effect, "each revision once")
	again.desire(now-1, `{"video.fps":20}`)
	require.Nil(t, again.effect, "an old one, repeated")
	again.desire(now+1, `{}`)
	require.Equal(t, map[string]any{}, again.Reported().Set, "all is as the file says")
}

func TestWhatIsWrongIsRefusedAsAWhole(t *testing.T) {
	r := newRig(t, t.TempDir())
	r.desire(now, `{"video.fps":15}`)
	for i, tc := range []struct{ values, key, words string }{
		{`{"video.fps":10,"portal_url":"https://evil.example"}`, "portal_url", "cannot be set from afar"},
		{`{"video.fps":10,"source":"exec:rm -rf /"}`, "source", "cannot be set from afar"},
		{`{"video.fps":10,"device_key_file":"/etc/shadow"}`, "device_key_file", "cannot"},
		{`{"video.fps":10,"video.width":641}`, "video.width", "even"},
		{`{"video.fps":10,"video.width":"640"}`, "video.width", "whole number from 160 to 3840"},
		{`{"video.fps":10.5}`, "video.fps", "whole number"},
		{`{"video.fps":10,"log_level":"loud"}`, "log_level", "one of"},
		{`{"video.fps":10,"telemetry_interval":"1ms"}`, "telemetry_interval", "duration from 5s"},
	} {
		revision := now + uint64(i) + 1
		r.desire(revision, tc.values)
		r.refusedFor(revision, tc.key, tc.words)
		require.Equal(t, map[string]any{"video.fps": 15.0}, r.effect, "never half")
		require.Equal(t, now, r.Reported().Revision)
	}
	r.desire(now+100, `{"video.fps":10}`)
	require.Nil(t, r.Reported().Refused, "a later one was applied")
}

func TestWhatTheCameraCannotDoIsRefused(t *testing.T) {
	r := newRig(t, t.TempDir())
	r.broken = Reasons{"video.width": "the source did not come up"}
	r.desire(now, `{"video.width":3840}`)
	r.refusedFor(now, "video.width", "did not come up")
	r.broken = errors.New("odd")
	r.desire(now+1, `{"video.width":3840}`)
	r.refusedFor(now+1, "", "odd")
	again := newRig(t, r.folder)
	again.refusedFor(now+1, "", "odd")
	require.Empty(t, again.Set())
}

// A configuration that is the end of camerad is tried once.
func TestConfigurationThatKills(t *testing.T) {
	r := newRig(t, t.TempDir())
	r.desire(now, `{"video.fps":15}`)
	r.during = func() { panic("the encoder crashed") }
	require.Panics(t, func() { r.desire(now+1, `{"video.fps":60}`) })
	again := newRig(t, r.folder)
	require.Equal(t, map[string]any{"video.fps": 15.0}, again.Set())
	again.refusedFor(now+1, "", "ended while this was tried")
	again.during = func() { t.Error("it was tried again") }
	again.desire(now+1, `{"video.fps":60}`)
}

func TestStopWhileTrying(t *testing.T) {
	r := newRig(t, t.TempDir())
	ctx, stop := context.WithCancel(t.Context())
	r.during, r.broken = stop, context.Canceled
	r.handle(ctx, signaling.ConfigDesired{V: 1, Revision: now, Values: map[string]any{"video.fps": 15.0}})
	again := newRig(t, r.folder)
	require.Nil(t, again.Reported().Refused, "systemd stopped it: that says nothing")
	again.desire(now, `{"video.fps":15}`)
	require.Equal(t, now, again.Reported().Revision)
}

func TestConfigurationThatCannotBeKept(t *testing.T) {
	r := newRig(t, t.TempDir())
	r.desire(now, `{"video.fps":15}`)
	blocked := filepath.Join(r.folder, FileName+".new")
	require.NoError(t, os.Mkdir(blocked, 0o700))
	r.desire(now+1, `{"video.fps":20}`)
	r.refusedFor(now+1, "", "cannot keep it")
	r.during = func() { r.during = func() {}; require.NoError(t, os.Mkdir(blocked, 0o700)) } // the disk fills up meanwhile
	r.desire(now+2, `{"video.fps":20}`)
	r.refusedFor(now+2, "", "cannot keep it")
	require.Equal(t, map[string]any{"video.fps": 15.0}, r.effect, "put back")
}

func TestFileThatIsDamaged(t *testing.T) {
	for _, text := range []string{"{", `{"v":2}`, `{"v":1,"set":{"source":"exec:x"}}`} {
		folder := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(folder, FileName), []byte(text), 0o600))
		r := newRig(t, folder)
		require.Empty(t, r.Set(), text)
		r.desire(now, `{"video.fps":15}`)
		require.Equal(t, now, r.Reported().Revision, "it goes on")
	}
}

func TestDocumentsThatAreNone(t *testing.T) {
	r := newRig(t, t.TempDir())
	for _, text := range []string{"", "x", `{"v":2,"revision":1,"values":{}}`, `{"v":1,"values":{}}`, `{"v":1,"revision":1}`, `{"v":1,"revision":-1,"values":{}}`} {
		r.Deliver([]byte(text))
		require.Empty(t, r.queue, text)
	}
	r.desire(now+uint64(time.Hour.Microseconds()), `{"video.fps":15}`)
	require.Zero(t, r.Reported().Latest(), "one of the future would shut out those of now")
	for i := range uint64(2 * queueSize) {
		r.Deliver(fmt.Appendf(nil, `{"v":1,"revision":%d,"values":{}}`, now+i)) // does not block
	}
	require.Len(t, r.queue, queueSize)
}

func TestMethodConfig(t *testing.T) {
	r := newRig(t, t.TempDir())
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); r.Run(ctx) }()
	defer func() { stop(); <-ended }()
	reported, err := r.Call(t.Context(), signaling.ConfigRequest{V: 1})
	require.NoError(t, err)
	require.Zero(t, reported.Revision)
	seq := uint64(time.Now().UnixMicro())
	reported, err = r.Call(t.Context(), signaling.ConfigRequest{V: 1, Seq: seq, Values: map[string]any{"max_viewers": 2.0}})
	require.NoError(t, err)
	require.Equal(t, seq, reported.Revision)
	reported, err = r.Call(t.Context(), signaling.ConfigRequest{V: 1, Seq: seq + 1, Values: map[string]any{"max_viewers": 0.0}})
	require.NoError(t, err)
	require.Equal(t, seq+1, reported.Refused.Revision)
	for _, replayed := range []uint64{0, 1, seq, seq + 1} {
		_, err = r.Call(t.Context(), signaling.ConfigRequest{V: 1, Seq: replayed, Values: map[string]any{}})
		var refusal *signaling.Error
		require.ErrorAs(t, err, &refusal)
		require.Equal(t, signaling.CodeReplayed, refusal.Code)
	}
}

// Whatever is desired, what is reported fits into its size, and nothing that is not checked is applied.
func FuzzDeliver(f *testing.F) {
	f.Add([]byte(`{"v":1,"revision":1,"values":{"video.fps":15}}`))
	f.Add([]byte(`{"v":1,"revision":18446744073709551615,"values":{"source":"exec:x","x":null}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := newRig(t, t.TempDir())
		r.Deliver(data)
		if len(r.queue) == 0 {
			return
		}
		r.handle(t.Context(), (<-r.queue).ConfigDesired)
		require.Empty(t, signaling.CheckConfig(r.effect))
		report, err := json.Marshal(r.Reported())
		require.NoError(t, err)
		require.LessOrEqual(t, len(report), signaling.MaxConfig)
	})
}
