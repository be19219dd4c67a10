package bridge

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

// offlineConn is a connection without a socket, for what the page says.
func (b *bench) offlineConn(user int64) *conn {
	return newConn(b.Hub, b.minter.mint(name(user)), login(user), nil, func(error) {})
}

// Whatever a page sends: nothing reaches a camera that is not its user's or a session that is not
// the page's, and it is told at most one thing.
func FuzzHandle(f *testing.F) {
	b := newBench(&testing.T{})
	c := b.offlineConn(owner)
	for _, camera := range []string{ownersDoor, neighboursDoor} {
		f.Add(`{"v":1,"type":"offer","sdp":"x","camera":"` + camera + `","session":"` + string(c.id.Session(1)) + `"}`)
		f.Add(`{"v":1,"type":"bye","camera":"` + camera + `","session":"` + string(c.id.Session(1)) + `"}`)
	}
	f.Add(`{"v":1,"type":"candidate","candidate":{},"camera":"` + ownersDoor + `","session":"` + string(c.id.Session(2)) + `"}`)
	f.Fuzz(func(t *testing.T, data string) {
		b.t, b.sent = t, nil
		c := b.offlineConn(owner)
		c.id = signaling.ViewerID("00000000000000000000000000000000")
		c.handle(context.Background(), []byte(data))
		require.LessOrEqual(t, len(b.sent)+len(c.outbox), 1)
		for _, s := range b.sent {
			require.Contains(t, []string{ownersDoor, ownersYard}, s.topic.Camera)
			require.Equal(t, c.id, s.topic.Session.Viewer())
		}
	})
}

func FuzzDeliver(f *testing.F) {
	b := newBench(&testing.T{})
	c := b.offlineConn(owner)
	id := c.id.Session(1)
	b.viewers[c.id] = c.viewer
	f.Add(ownersDoor, `{"v":1,"type":"answer","sdp":"x","session":"`+string(id)+`"}`)
	f.Add(neighboursDoor, `{"v":1,"type":"bye","session":"`+string(id)+`"}`)
	f.Fuzz(func(t *testing.T, camera, payload string) {
		b.log.Reset()
		c.remember(id, seat{camera: ownersDoor})
		b.Deliver(toViewer(camera, id), []byte(payload))
		if len(c.outbox) > 0 {
			m := <-c.outbox
			require.Equal(t, ownersDoor, camera)
			require.Equal(t, id, m.Session)
			_, err := signaling.Encode(m)
			require.NoError(t, err)
		}
		require.Empty(t, c.outbox)
	})
}
