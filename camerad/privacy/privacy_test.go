package privacy

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"seccam/pkg/signaling"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// logBuffer collects the log.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// rig is a switch with a clock that the test sets.
type rig struct {
	*Switch
	folder string
	now    atomic.Int64 // what the clock is ahead of the real one
	known  atomic.Bool
	log    *logBuffer
}

func (r *rig) clock() time.Time { return time.Now().Add(time.Duration(r.now.Load())) }

// seq is a stamp of now, greater than the last.
func (r *rig) seq() uint64 { return max(uint64(r.clock().UnixMicro()), r.saved.Seq+1) }

func newRig(folder string, known bool) *rig {
	r := &rig{folder: folder, log: new(logBuffer)}
	r.known.Store(known)
	r.Switch = Open(Config{Folder: folder, Now: r.clock, ClockKnown: r.known.Load, Log: slog.New(slog.NewTextHandler(r.log, nil))})
	return r
}

// again is the switch after a restart.
func (r *rig) again(known bool) *rig { return newRig(r.folder, known) }

var always = Settings{Zone: "UTC", Schedule: []Span{{Days: signaling.Days, From: "00:00", To: "00:00"}}}

func TestNeverSetIsOff(t *testing.T) {
	for _, known := range []bool{true, false} {
		r := newRig(filepath.Join(t.TempDir(), "not there yet"), known)
		require.Equal(t, State{}, r.State())
		require.Equal(t, "Privacy mode is off", r.State().Text())
		require.Empty(t, r.Changed())
	}
}

func TestSettingsAreKept(t *testing.T) {
	r := newRig(filepath.Join(t.TempDir(), "state"), true)
	want := Settings{On: true, Zone: "Europe/Berlin", Schedule: []Span{{Days: []string{"mon"}, From: "22:00", To: "07:00"}}}
	require.NoError(t, r.Set(want, r.seq()))
	require.Len(t, r.Changed(), 1)
	require.Equal(t, State{Active: true, Why: WhySwitch}, r.State())
	require.Equal(t, "Privacy mode is on", r.State().Text())
	info, err := os.Stat(filepath.Join(r.folder, FileName))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	for _, known := range []bool{true, false} {
		again := r.again(known)
		require.Equal(t, want, again.Settings())
		require.True(t, again.State().Active, "at once, before anything runs")
	}
	off := Settings{Schedule: []Span{}}
	require.NoError(t, r.Set(off, r.seq()))
	require.False(t, r.State().Active)
	require.Equal(t, off, r.again(true).Settings())
	files, err := os.ReadDir(r.folder)
	require.NoError(t, err)
	require.Len(t, files, 1, "no temporary file is left")
}

func TestDamagedFileIsPrivate(t *testing.T) {
	good, err := json.Marshal(saved{V: signaling.Version, Seq: 1, Settings: &Settings{}})
	require.NoError(t, err)
	for name, data := range map[string]string{
		"empty": "", "truncated": string(good[:len(good)-3]), "zeros": "\x00\x00\x00\x00", "another version": `{"v":2,"settings":{"on":false}}`,
		"no settings": `{"v":1}`, "null settings": `{"v":1,"settings":null}`, "no on": `{"v":1,"settings":{"schedule":[],"zone":""}}`, "null": "null",
		"nonsense in it": `{"v":1,"seq":1,"settings":{"on":false,"schedule":[{"days":["someday"],"from":"1","to":"2"}],"zone":"UTC"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			path := filepath.Join(folder, FileName)
			require.NoError(t, os.WriteFile(path, []byte(data), 0o600))
			r := newRig(folder, true)
			assert.True(t, r.State().Active)
			assert.Equal(t, WhyDamaged, r.State().Why)
			assert.Contains(t, r.State().Text(), "damaged; set them again")
			assert.Contains(t, r.log.String(), "set them again")
			assert.True(t, r.Settings().On)
			require.NoError(t, r.Set(Settings{}, r.seq()), "its owner can put it right")
			assert.False(t, r.State().Active)
			assert.False(t, r.again(true).State().Active)
		})
	}
	folder := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(folder, FileName), 0o700))
	require.Equal(t, WhyDamaged, newRig(folder, true).State().Why, "what cannot be read")
}

func TestFailedSaveChangesNothing(t *testing.T) {
	r := newRig(filepath.Join(t.TempDir(), "state"), true)
	require.NoError(t, r.Set(Settings{On: true}, r.seq()))
	before, err := os.ReadFile(filepath.Join(r.folder, FileName))
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(filepath.Join(r.folder, FileName+".new"), 0o700)) // in the way
	require.Error(t, r.Set(Settings{}, r.seq()))
	require.True(t, r.State().Active)
	after, err := os.ReadFile(filepath.Join(r.folder, FileName))
	require.NoError(t, err)
	require.Equal(t, before, after)
}

// An interrupted save leaves the old settings, and the next one is not disturbed by what is left of it.
func TestInterruptedSave(t *testing.T) {
	r := newRig(t.TempDir(), true)
	require.NoError(t, r.Set(Settings{On: true}, r.seq()))
	require.NoError(t, os.WriteFile(filepath.Join(r.folder, FileName+".new"), []byte(`{"v":1,"set`), 0o644))
	again := r.again(true)
	require.Equal(t, WhySwitch, again.State().Why)
	require.NoError(t, again.Set(Settings{}, again.seq()))
	info, err := os.Stat(filepath.Join(r.folder, FileName))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.False(t, r.again(true).State().Active)
}

// A recorded "off" does nothing a second time: not later, not after newer ones, not after a restart.
func TestAbuse25_ReplayedPrivacyChange(t *testing.T) {
	r := newRig(t.TempDir(), true)
	code := func(err error) signaling.Code {
		var refusal *signaling.Error
		require.ErrorAs(t, err, &refusal)
		require.Contains(t, refusal.Message, "Nothing was changed")
		return refusal.Code
	}
	off := r.seq()
	require.NoError(t, r.Set(Settings{}, off))
	on := r.seq()
	require.NoError(t, r.Set(Settings{On: true}, on))
	for _, seq := range []uint64{off, on, 0, on - 1, 1 << 63, ^uint64(0)} {
		require.Equal(t, signaling.CodeReplayed, code(r.Set(Settings{}, seq)), "%d", seq)
		require.Equal(t, signaling.CodeReplayed, code(r.again(true).Set(Settings{}, seq)), "%d after a restart", seq)
	}
	late := r.seq() + 1
	r.now.Add(int64(signaling.MaxAge + time.Second))
	require.Equal(t, signaling.CodeReplayed, code(r.Set(Settings{}, late)), "a minute late")
	require.True(t, r.State().Active)
	require.NoError(t, r.Set(Settings{}, r.seq()))
}

// A change that was made while the portal's clock was an hour ahead does not forbid changes for an hour.
func TestClockWasAheadWhenItWasChanged(t *testing.T) {
	r := newRig(t.TempDir(), true)
	r.now.Store(int64(time.Hour))
	require.NoError(t, r.Set(Settings{On: true}, r.seq()))
	r.now.Store(0)
	again := r.again(true)
	require.NoError(t, again.Set(Settings{}, uint64(again.clock().UnixMicro())))
	require.False(t, again.State().Active)
}

func TestBadSettingsChangeNothing(t *testing.T) {
	r := newRig(t.TempDir(), true)
	require.NoError(t, r.Set(Settings{On: true}, r.seq()))
	bad := always
	bad.Zone = "Nowhere"
	var refusal *signaling.Error
	require.ErrorAs(t, r.Set(bad, r.seq()), &refusal)
	require.Equal(t, signaling.CodeBadMessage, refusal.Code)
	require.Contains(t, refusal.Message, "zone: ")
	require.True(t, r.State().Active)
}

func TestCall(t *testing.T) {
	r := newRig(t.TempDir(), true)
	call := func(request any) (signaling.PrivacyReply, error) {
		payload, err := json.Marshal(request)
		require.NoError(t, err)
		kind, data, err := r.Call(t.Context(), payload)
		if err != nil {
			return signaling.PrivacyReply{}, err
		}
		require.Equal(t, signaling.ContentJSON, kind)
		var reply signaling.PrivacyReply
		require.NoError(t, json.Unmarshal(data, &reply))
		require.Equal(t, signaling.Version, reply.V)
		return reply, nil
	}
	reply, err := call(signaling.PrivacyRequest{V: 1})
	require.NoError(t, err)
	require.False(t, reply.Active)
	reply, err = call(signaling.PrivacyRequest{V: 1, Seq: r.seq(), Settings: &Settings{On: true}})
	require.NoError(t, err)
	require.True(t, reply.Active && reply.Settings.On)
	require.Equal(t, "Privacy mode is on", reply.Text)
	require.Zero(t, reply.Until)
	reply, err = call(signaling.PrivacyRequest{V: 1, Seq: r.seq(), Settings: &Settings{Zone: "UTC", Schedule: []Span{{Days: []string{"mon"}, From: "09:00", To: "10:00"}}}})
	require.NoError(t, err)
	require.Equal(t, r.State().Until.UnixMilli(), reply.Until)
	again, err := call(signaling.PrivacyRequest{V: 1})
	require.NoError(t, err)
	require.Equal(t, reply, again, "asking changes nothing")

	_, err = call(signaling.PrivacyRequest{V: 1, Settings: &Settings{On: true}})
	requireCode(t, signaling.CodeReplayed, err)
	for _, bad := range []string{`{"v":1,"settings":{}}`, `{"v":1,"settings":[]}`, `{"v":1,"seq":"1"}`, `{`} {
		_, _, err := r.Call(t.Context(), []byte(bad))
		requireCode(t, signaling.CodeBadMessage, err)
	}
	require.False(t, r.State().Active || r.Settings().On)
}

func requireCode(t *testing.T, code signaling.Code, err error) {
	t.Helper()
	var refusal *signaling.Error
	require.True(t, errors.As(err, &refusal), "%v", err)
	require.Equal(t, code, refusal.Code)
	require.NotEmpty(t, refusal.Message)
}

// The file may hold anything; a switch comes up, and is private unless the file makes sense.
func FuzzOpen(f *testing.F) {
	for _, s := range []saved{{V: 1}, {V: 1, Seq: 7, Settings: &always}} {
		data, err := json.Marshal(s)
		require.NoError(f, err)
		f.Add(data)
	}
	f.Add([]byte(`{"v":1,"settings":{"on":false,"schedule":[{"days":["mon"],"from":"23:59","to":"23:59"}],"zone":"Pacific/Apia"}}`))
	folder := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, FileName), data, 0o600))
		r := newRig(folder, true)
		if !r.State().Active {
			var s saved
			require.NoError(t, json.Unmarshal(data, &s))
			require.False(t, s.Settings.On)
		}
		require.NotEmpty(t, r.State().Text())
	})
}
