package bridge

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"seccam/pkg/credential"
	"seccam/pkg/signaling"
)

func TestViewerIDsAreBoundToAccountAndKey(t *testing.T) {
	m, other := newMinter(credential.NewSecret()), newMinter(credential.NewSecret())
	rapid.Check(t, func(t *rapid.T) {
		user := rapid.String().Draw(t, "user")
		id := m.mint(user)
		require.True(t, id.Valid())
		require.True(t, id.Session(1).Valid())
		require.True(t, m.owns(user, id))
		require.False(t, other.owns(user, id), "another portal's key")
		require.False(t, m.owns(user+"1", id))
		require.NotEqual(t, id, m.mint(user))
		at := rapid.IntRange(0, len(id)-1).Draw(t, "at")
		forged := []byte(id)
		forged[at] = rapid.SampledFrom([]byte("0123456789abcdefghjkmnpqrstvwxyzilou-A/+")).Draw(t, "letter")
		require.Equal(t, string(forged) == string(id), m.owns(user, signaling.ViewerID(forged)))
	})
}

func FuzzOwns(f *testing.F) {
	m := newMinter(credential.NewSecret())
	f.Add("1", "")
	f.Add("2", string(m.mint("1")))
	f.Fuzz(func(t *testing.T, user, id string) {
		require.False(t, m.owns(user, signaling.ViewerID(id)) && user != "1")
	})
}
