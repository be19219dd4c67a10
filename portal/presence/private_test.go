package presence

import (
	"testing"

	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

// A private camera is online; its text says until when, as far as the camera does.
func TestPrivateCamera(t *testing.T) {
	b := newBench()
	private := func(detail string) signaling.Status {
		s := online(1)
		s.Picture, s.Detail = signaling.PicturePrivate, detail
		return s
	}
	for _, tc := range []struct{ detail, text string }{
		{"", "Privacy mode is on"}, {"until 07:00", "Privacy mode is on until 07:00"}, {"until Monday 07:00", "Privacy mode is on until Monday 07:00"},
	} {
		b.handle(private(tc.detail))
		p := b.Of("c")
		require.True(t, p.Online)
		require.Equal(t, signaling.StatePrivate, p.State)
		require.Equal(t, tc.text, p.Text)
		require.Equal(t, 1, b.changed(), "pages are told")
	}
	b.handle(private("until Monday 07:00"))
	require.Zero(t, b.changed(), "a repetition is no change")
	b.handle(will(1))
	require.Equal(t, signaling.StatePrivate, b.Of("c").State, "within its grace")
	b.graceOver()
	require.Equal(t, signaling.StateOffline, b.Of("c").State)
	b.handle(online(2))
	require.Equal(t, signaling.StateOnline, b.Of("c").State)
}
