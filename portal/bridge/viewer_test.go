package bridge

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"seccam/pkg/credential"
	"seccam/pkg/signaling"
)

func TestViewerIDsAreBoundToAccountAndKey(t *testing.T) {
	m, other := newMinter(credential.NewSecret()), newMinter(credential.NewSecret())
	rapid.Check(t, func(t *rapid.T) {
		user := rapid.Int64().Draw(t, "user")
		id := m.mint(user)
		require.True(t, id.Valid())
		require.True(t, id.Session(1).Valid())
		require.True(t, m.owns(user, id))
		require.False(t, other.owns(user, id), "another portal's key")
		require.False(t, m.owns(user+1, id))
		require.NotEqual(t, id, m.mint(user))
		at := rapid.IntRange(0, len(id)-1).Draw(t, "at")
		forged := []byte(id)
		forged[at] = rapid.SampledFrom([]byte("0123456789abcdefghjkmnpqrstvwxyzilou-A/+")).Draw(t, "letter")
		require.Equal(t, string(forged) == string(id), m.owns(user, signaling.ViewerID(forged)))
	})
}

func FuzzOwns(f *testing.F) {
	m := newMinter(credential.NewSecret())
	f.Add(int64(1), "")
	f.Add(int64(2), string(m.mint(1)))
	f.Fuzz(func(t *testing.T, user int64, id string) {
		require.False(t, m.owns(user, signaling.ViewerID(id)) && user != 1)
	})
}

// offline is a connection without a socket, for what the page says.
func (b *bench) offlineConn(user int64) *conn {
	return &conn{
		hub: b.Hub, login: login(user), viewer: b.minter.mint(user), out: make(chan signaling.Message, queueLength),
		wake: make(chan struct{}, 1), cancel: func(error) {},
		sessions: map[signaling.SessionID]*session{}, changed: map[string]bool{}, shown: map[string]bool{},
	}
}

// Whatever a page sends: nothing reaches a camera that is not its user's or a session that is not
// the page's, and it is told at most one thing.
func FuzzHandle(f *testing.F) {
	b := newBench(&testing.T{})
	c := b.offlineConn(owner)
	for _, camera := range []string{ownersDoor, neighboursDoor} {
		f.Add(`{"v":1,"type":"offer","sdp":"x","camera":"` + camera + `","session":"` + string(c.viewer.Session(1)) + `"}`)
		f.Add(`{"v":1,"type":"bye","camera":"` + camera + `","session":"` + string(c.viewer.Session(1)) + `"}`)
	}
	f.Add(`{"v":1,"type":"candidate","candidate":{},"camera":"` + ownersDoor + `","session":"` + string(c.viewer.Session(2)) + `"}`)
	f.Fuzz(func(t *testing.T, data string) {
		b.t, b.sent = t, nil
		c := b.offlineConn(owner)
		c.viewer = signaling.ViewerID("00000000000000000000000000000000")
		c.handle(context.Background(), []byte(data))
		require.LessOrEqual(t, len(b.sent)+len(c.out), 1)
		for _, s := range b.sent {
			require.Contains(t, []string{ownersDoor, ownersYard}, s.topic.Camera)
			require.Equal(t, c.viewer, s.topic.Session.Viewer())
		}
	})
}

func FuzzDeliver(f *testing.F) {
	b := newBench(&testing.T{})
	c := b.offlineConn(owner)
	id := c.viewer.Session(1)
	b.conns[c.viewer] = c
	f.Add(ownersDoor, `{"v":1,"type":"answer","sdp":"x","session":"`+string(id)+`"}`)
	f.Add(neighboursDoor, `{"v":1,"type":"bye","session":"`+string(id)+`"}`)
	f.Fuzz(func(t *testing.T, camera, payload string) {
		b.log.Reset()
		c.remember(id, ownersDoor)
		b.Deliver(toViewer(camera, id), []byte(payload))
		if len(c.out) > 0 {
			m := <-c.out
			require.Equal(t, ownersDoor, camera)
			require.Equal(t, id, m.Session)
			_, err := signaling.Encode(m)
			require.NoError(t, err)
		}
		require.Empty(t, c.out)
	})
}
