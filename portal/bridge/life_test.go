package bridge

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
	"seccam/portal/store"
)

// byes returns the sessions that cameras were told the end of, by reason.
func (b *bench) byes() map[signaling.SessionID]string {
	b.t.Helper()
	byes := map[signaling.SessionID]string{}
	for _, s := range b.published() {
		require.Equal(b.t, signaling.TypeBye, s.body.Type)
		require.Empty(b.t, byes[s.body.Session])
		byes[s.body.Session] = s.body.Reason
	}
	return byes
}

func TestPageLeaves(t *testing.T) {
	for _, code := range []websocket.StatusCode{websocket.StatusNormalClosure, websocket.StatusGoingAway} {
		inBubble(t, func(t *testing.T, b *bench) {
			p, stays := b.open(login(owner), ""), b.open(login(owner), "")
			p.offer(1, ownersDoor)
			p.offer(2, ownersYard)
			stays.offer(1, ownersDoor)
			require.Len(t, b.published(), 3)
			_ = p.socket.Close(code, "")
			require.Equal(t, map[signaling.SessionID]string{
				p.viewer.Session(1): signaling.ReasonLeft, p.viewer.Session(2): signaling.ReasonLeft,
			}, b.byes())
			stays.requireOpen()
		})
	}
}

// The picture does not pass through the portal, so it goes on when only the socket is lost.
func TestLostSocketEndsNoSession(t *testing.T) {
	for name, lose := range map[string]func(*page){
		"cut":              func(p *page) { _ = p.socket.CloseNow() },
		"a protocol error": func(p *page) { _ = p.socket.Close(websocket.StatusProtocolError, "") },
		"too large": func(p *page) {
			_ = p.socket.Write(context.Background(), websocket.MessageText, bytes.Repeat([]byte("x"), signaling.MaxMessage+1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *bench) {
				p := b.open(login(owner), "")
				p.offer(1, ownersDoor)
				b.published()
				lose(p)
				require.Empty(t, b.byes())
				require.Empty(t, b.viewers)

				back := b.open(login(owner), p.viewer)
				require.Equal(t, p.viewer, back.viewer)
				back.candidate(1, ownersDoor)
				require.Len(t, b.published(), 1, "its sessions are still its own")
				b.says(ownersDoor, answer(p.viewer.Session(1)))
				require.Equal(t, signaling.TypeAnswer, back.one().Type)
			})
		})
	}
}

func TestNewerConnectionTakesTheSessionsOver(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		p := b.open(login(owner), "")
		p.offer(1, ownersDoor)
		b.published()
		thief := b.open(login(neighbour), p.viewer)
		require.NotEqual(t, p.viewer, thief.viewer, "another account's id is not continued")
		p.requireOpen()

		next := b.open(login(owner), p.viewer)
		require.Equal(t, p.viewer, next.viewer)
		require.Equal(t, closeReplaced.code, p.closed())
		require.Empty(t, b.byes())
		b.says(ownersDoor, answer(p.viewer.Session(1)))
		require.Equal(t, signaling.TypeAnswer, next.one().Type)
		require.Empty(t, thief.received())
		_ = next.socket.Close(websocket.StatusNormalClosure, "")
		require.Equal(t, map[signaling.SessionID]string{p.viewer.Session(1): signaling.ReasonLeft}, b.byes())
	})
}

func TestAbuse12_EndedLoginIsCut(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		first, second := login(owner), login(owner)
		first.Subject, second.Subject = "login-1", "login-2"
		p, q := b.open(first, ""), b.open(second, "")
		p.offer(1, ownersDoor)
		q.offer(1, ownersDoor)
		b.published()
		b.EndLogin("login-1")
		require.Equal(t, websocket.StatusCode(4401), p.closed())
		require.Equal(t, map[signaling.SessionID]string{p.viewer.Session(1): signaling.ReasonLoggedOut}, b.byes())
		q.requireOpen()
	})
}

// A login that ended where this portal was not told is noticed at the next ping.
func TestAliveIsAskedAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		var over atomic.Bool
		l := login(owner)
		l.Alive = func(context.Context) bool { return !over.Load() }
		p := b.open(l, "")
		p.offer(1, ownersDoor)
		b.published()
		time.Sleep(3 * pingInterval)
		p.requireOpen()
		over.Store(true)
		time.Sleep(pingInterval)
		require.Equal(t, websocket.StatusCode(4401), p.closed())
		require.Equal(t, map[signaling.SessionID]string{p.viewer.Session(1): signaling.ReasonLoggedOut}, b.byes())
	})
}

func TestPageThatIsGoneIsForgotten(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.dial(login(owner), "") // it answers no ping
		time.Sleep(pingInterval + writeTimeout + time.Second)
		synctest.Wait()
		require.Empty(t, b.viewers)
	})
}

func TestFreshICEServersEachHour(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		p := b.open(login(owner), "")
		time.Sleep(iceRefresh)
		m := p.one()
		require.Equal(t, signaling.TypeWelcome, m.Type)
		require.Equal(t, p.viewer, m.Viewer)
		require.NotEmpty(t, m.ICEServers)
	})
}

func TestCutCamera(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		p, q := b.open(login(owner), ""), b.open(login(neighbour), "")
		p.offer(1, ownersDoor)
		p.offer(2, ownersYard)
		q.offer(1, neighboursDoor)
		b.published()
		b.set(func() { b.owned[owner] = b.owned[owner][1:] })
		b.CutCamera(ownersDoor)
		require.Equal(t, map[signaling.SessionID]string{p.viewer.Session(1): signaling.ReasonRevoked}, b.byes())
		m := p.one()
		require.Equal(t, signaling.Message{V: 1, Type: signaling.TypeBye, Session: p.viewer.Session(1), Camera: ownersDoor, Reason: signaling.ReasonRevoked}, m)
		require.Empty(t, q.received())

		b.says(ownersDoor, answer(p.viewer.Session(1)))
		b.PresenceChanged(ownersDoor)
		require.Empty(t, p.received(), "it is no longer hers")
		p.candidate(1, ownersDoor)
		require.Equal(t, signaling.CodeNotFound, p.refused())
		p.candidate(2, ownersYard)
		require.Len(t, b.published(), 1)
	})
}

func TestPresenceGoesToOwnersOnly(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		p, q := b.open(login(owner), ""), b.open(login(neighbour), "")
		b.set(func() { b.offline[ownersDoor] = true })
		b.PresenceChanged(ownersDoor)
		b.PresenceChanged("unknown")
		m := p.one()
		require.Equal(t, signaling.StateOffline, m.Presence.State)
		require.Equal(t, "AA", m.Presence.Fingerprint)
		require.Empty(t, q.received())
		// Ownership is read again when it is sent, even if nobody told the hub that it ended.
		b.set(func() { b.owned[owner] = nil })
		b.PresenceChanged(ownersDoor)
		require.Empty(t, p.received())
	})
}

func TestSlowReaderIsCutAndOthersAreNot(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		p := b.open(login(owner), "")
		slow := b.dial(login(owner), "")
		_, data, err := slow.socket.Read(context.Background())
		require.NoError(t, err)
		m, err := signaling.Decode(data)
		require.NoError(t, err)
		slow.viewer = m.Viewer
		slow.offer(1, ownersDoor)
		p.offer(1, ownersDoor)
		require.Len(t, b.published(), 2)
		began := time.Now()
		for range 2 * queueLength { // more than the queue; its own end would block on an unread pipe
			b.says(ownersDoor, answer(slow.viewer.Session(1)))
			b.says(ownersDoor, answer(p.viewer.Session(1)))
			synctest.Wait()
		}
		require.Len(t, p.received(), 2*queueLength)
		require.Zero(t, time.Since(began), "nobody waited")
		time.Sleep(2*writeTimeout + time.Second)
		synctest.Wait()
		require.Len(t, b.viewers, 1)
		p.requireOpen()
		require.Empty(t, b.byes())
	})
}

func TestCloseEndsConnectionsNotSessions(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		pages := []*page{b.open(login(owner), ""), b.open(login(owner), ""), b.open(login(neighbour), "")}
		pages[0].offer(1, ownersDoor)
		b.published()
		b.Close()
		for _, p := range pages {
			require.Equal(t, websocket.StatusServiceRestart, p.closed())
		}
		require.Empty(t, b.byes())
		require.Empty(t, b.viewers)
		late := b.dial(login(owner), "")
		go late.read()
		require.Equal(t, websocket.StatusServiceRestart, late.closed())
	})
}

func TestDatabaseDownAtTheStart(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.cfg.Accounts = &fakeAccounts{cameras: func(int64) ([]store.Camera, error) { return nil, errors.New("database down") }}
		p := b.dial(login(owner), "")
		go p.read()
		synctest.Wait()
		require.Len(t, p.ended, 1, "the page reconnects")
		require.True(t, strings.Contains(b.log.String(), "database down"))
	})
}

// Everything at once, for the race detector; whatever happens, the hub closes.
func TestReconnectStorm(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		var group sync.WaitGroup
		first := b.open(login(owner), "")
		for range 10 {
			p := b.dial(login(owner), first.viewer)
			go p.read()
			p.viewer = first.viewer
			group.Go(func() {
				for n := 1; n < 5; n++ {
					data := `{"v":1,"type":"offer","sdp":"x","camera":"` + ownersDoor + `","session":"` + string(p.viewer.Session(n)) + `"}`
					_ = p.socket.Write(context.Background(), websocket.MessageText, []byte(data))
				}
			})
			group.Go(func() {
				b.PresenceChanged(ownersDoor)
				b.says(ownersDoor, answer(p.viewer.Session(1)))
				b.CutCamera(ownersYard)
			})
		}
		group.Wait()
		b.EndLogin("login")
		synctest.Wait()
		require.Empty(t, b.viewers)
	})
}
