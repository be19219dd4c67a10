package configure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"seccam/pkg/credential"
	"seccam/pkg/mqttclient"
	"seccam/pkg/signaling"
	"seccam/portal/store"
)

func TestMain(m *testing.M) {
	// database/sql ends its opener asynchronously to Close.
	goleak.VerifyTestMain(m)
}

// rig is a service over a real store, with a camera of the owner's; published is what goes to the broker.
type rig struct {
	*Service
	t         *testing.T
	store     *store.Store
	camera    string
	owner     int64
	down      error
	published []signaling.ConfigDesired
}

// Publish implements Publisher.
func (r *rig) Publish(_ context.Context, m mqttclient.Message) error {
	if r.down != nil {
		return r.down
	}
	require.Equal(r.t, signaling.ConfigDesiredTopic(r.camera), m.Topic)
	require.True(r.t, m.Retain)
	document, err := signaling.DecodeConfigDesired(m.Payload)
	require.NoError(r.t, err)
	r.published = append(r.published, document)
	return nil
}

func newRig(t *testing.T) *rig {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "portal.db"), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	r := &rig{t: t, store: s, camera: credential.NewCode()}
	hash := credential.HashClaimCode(r.camera, credential.NewCode())
	require.NoError(t, s.Provision(t.Context(), r.camera, hash))
	user, err := s.CreatePending(t.Context(), "owner", "hash", time.Now().Add(time.Hour), r.camera, hash)
	require.NoError(t, err)
	require.NoError(t, s.Seen(t.Context(), map[string]time.Time{r.camera: time.Now()}))
	require.NoError(t, s.Confirm(t.Context(), user.ID))
	r.owner = user.ID
	r.Service = New(s, r, time.Now, slog.New(slog.NewTextHandler(io.Discard, nil)))
	return r
}

func (r *rig) set(values string) State {
	r.t.Helper()
	var parsed map[string]any
	require.NoError(r.t, json.Unmarshal([]byte(values), &parsed))
	state, err := r.Set(r.t.Context(), r.owner, r.camera, nil, parsed)
	require.NoError(r.t, err)
	return state
}

// report has the camera say how it is set.
func (r *rig) report(revision uint64, more string) State {
	r.t.Helper()
	payload := fmt.Sprintf(`{"v":1,"at":%d,"revision":%d,"set":{},"values":{"video.fps":15}%s}`, time.Now().UnixMilli(), revision, more)
	require.NoError(r.t, r.keep(r.t.Context(), r.camera, []byte(payload)))
	state, err := r.State(r.t.Context(), r.camera)
	require.NoError(r.t, err)
	return state
}

func TestWhatIsDesiredIsKeptAndPublished(t *testing.T) {
	r := newRig(t)
	state, err := r.State(t.Context(), r.camera)
	require.NoError(t, err)
	require.Equal(t, Unset, state.Outcome())
	state = r.set(`{"video.fps":15}`)
	require.Equal(t, Pending, state.Outcome())
	require.Equal(t, state.Revision, r.published[0].Revision)
	require.Equal(t, map[string]any{"video.fps": 15.0}, r.published[0].Values)
	require.Equal(t, Applied, r.report(state.Revision, "").Outcome())
	next := r.set(`{"video.fps":20}`)
	require.Greater(t, next.Revision, state.Revision)
	require.Equal(t, Pending, next.Outcome())
	refused := r.report(state.Revision, fmt.Sprintf(`,"refused":{"revision":%d,"reasons":{"video":"no picture"}}`, next.Revision))
	require.Equal(t, Refused, refused.Outcome())
	require.Equal(t, "no picture", refused.Reported.Refused.Reasons["video"])
	require.Equal(t, Changed, r.report(next.Revision+5, "").Outcome(), "by a tool")
}

func TestWhatIsWrongIsNotKept(t *testing.T) {
	r := newRig(t)
	var problems Problems
	_, err := r.Set(t.Context(), r.owner, r.camera, nil, map[string]any{"video.fps": 99.0, "source": "exec:sh"})
	require.ErrorAs(t, err, &problems)
	require.Len(t, problems, 2)
	_, err = r.Set(t.Context(), r.owner+1, r.camera, nil, map[string]any{})
	require.ErrorIs(t, err, ErrOutdated, "the camera is another's")
	require.Empty(t, r.published)
}

// Who sets it by what was seen does not undo what somebody else did meanwhile, in whatever way; that the camera
// has obeyed since is no change.
func TestWhoHasLookedBefore(t *testing.T) {
	r := newRig(t)
	seen := r.set(`{"video.fps":15}`).Latest()
	require.Equal(t, seen, r.report(seen, "").Latest())
	next, err := r.Set(t.Context(), r.owner, r.camera, &seen, map[string]any{"video.fps": 20.0})
	require.NoError(t, err)
	_, err = r.Set(t.Context(), r.owner, r.camera, &seen, map[string]any{"video.fps": 30.0})
	require.ErrorIs(t, err, ErrChanged)
	require.Equal(t, map[string]any{"video.fps": 20.0}, next.Wanted())

	tool := next.Latest() + 5
	changed := r.report(tool, "")
	require.Equal(t, tool, changed.Latest())
	require.Empty(t, changed.Wanted(), "the tool set nothing, which is what counts")
	seen = next.Latest()
	_, err = r.Set(t.Context(), r.owner, r.camera, &seen, map[string]any{"video.fps": 30.0})
	require.ErrorIs(t, err, ErrChanged)
	require.Len(t, r.published, 2)
}

// What the broker has lost, or never got, is published when the camera reports.
func TestCameraThatHasNotHeard(t *testing.T) {
	r := newRig(t)
	r.down = errors.New("no broker")
	state := r.set(`{"video.fps":15}`)
	require.Empty(t, r.published)
	r.down = nil
	r.report(0, `,"trying":7`)
	require.Empty(t, r.published, "it is busy")
	r.report(0, "")
	require.Equal(t, state.Revision, r.published[0].Revision)
	r.report(0, "")
	require.Len(t, r.published, 2, "and again, whoever asks")
	r.report(state.Revision, "")
	require.Len(t, r.published, 2)
	require.Error(t, r.keep(t.Context(), r.camera, []byte("x")))
	require.NoError(t, r.keep(t.Context(), credential.NewCode(), []byte(`{"v":1,"revision":1}`)), "a camera that is not known")
}

// A camera that is released goes back to its own file, also if it is offline then.
func TestReleasedCameraGoesBack(t *testing.T) {
	r := newRig(t)
	before := r.set(`{"video.fps":15}`)
	r.report(before.Revision, "")
	require.NoError(t, r.store.Release(t.Context(), r.owner, r.camera, []byte("hash")))
	require.NoError(t, r.keep(t.Context(), r.camera, nil))
	last := r.published[len(r.published)-1]
	require.Greater(t, last.Revision, before.Revision)
	require.Empty(t, last.Values)
	state, err := r.State(t.Context(), r.camera)
	require.NoError(t, err)
	require.Nil(t, state.Reported, "nothing is left of the former owner's")
	r.report(before.Revision, "")
	require.Equal(t, last.Revision, r.published[len(r.published)-1].Revision)
}

func TestReportsAreKeptInTheBackground(t *testing.T) {
	r := newRig(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	r.Handle(r.camera, []byte(`{"v":1,"revision":3,"set":{},"values":{}}`))
	require.Eventually(t, func() bool {
		state, err := r.State(t.Context(), r.camera)
		return err == nil && state.Reported != nil && state.Reported.Revision == 3
	}, 10*time.Second, time.Millisecond)
	stop()
	require.NoError(t, <-ended)
}
