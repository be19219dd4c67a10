package store

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestConfigOfACamera(t *testing.T) {
	s, clock := open(t)
	user, l := member(t, s, clock, "ann")
	other, _ := member(t, s, clock, "bob")
	kept, err := s.CameraConfig(t.Context(), l.id)
	require.NoError(t, err)
	require.Equal(t, CameraConfig{CameraID: l.id}, kept, "nothing is known")

	kept, err = s.ReportConfig(t.Context(), l.id, `{"revision":0}`)
	require.NoError(t, err)
	require.Equal(t, CameraConfig{CameraID: l.id, Desired: "{}", Reported: `{"revision":0}`}, kept)
	require.NoError(t, s.SetDesiredConfig(t.Context(), user.ID, l.id, 0, 7, `{"video.fps":15}`))
	for name, err := range map[string]error{
		"another was there": s.SetDesiredConfig(t.Context(), user.ID, l.id, 0, 8, `{}`),
		"the same revision": s.SetDesiredConfig(t.Context(), user.ID, l.id, 7, 7, `{}`),
		"an older one":      s.SetDesiredConfig(t.Context(), user.ID, l.id, 7, 6, `{}`),
		"another's camera":  s.SetDesiredConfig(t.Context(), other.ID, l.id, 7, 8, `{}`),
		"no camera":         s.SetDesiredConfig(t.Context(), user.ID, newLabel().id, 0, 8, `{}`),
	} {
		require.ErrorIs(t, err, ErrNotFound, name)
	}
	_, err = s.ReportConfig(t.Context(), newLabel().id, `{}`)
	require.ErrorIs(t, err, ErrNotFound)
	kept, err = s.ReportConfig(t.Context(), l.id, `{"revision":7}`)
	require.NoError(t, err)
	require.Equal(t, CameraConfig{CameraID: l.id, Revision: 7, Desired: `{"video.fps":15}`, Reported: `{"revision":7}`}, kept)

	require.NoError(t, s.Release(t.Context(), user.ID, l.id, newLabel().hash()))
	kept, err = s.CameraConfig(t.Context(), l.id)
	require.NoError(t, err)
	require.EqualValues(t, clock.now().UnixMicro(), kept.Revision)
	require.Equal(t, "{}", kept.Desired)
	require.Empty(t, kept.Reported)
}
