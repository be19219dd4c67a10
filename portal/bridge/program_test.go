package bridge

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/pkg/mqttclient"
	"seccam/pkg/signaling"
)

// guest is a program with what was delivered to it.
type guest struct {
	*Program
	in chan signaling.Message
}

func pass(user int64, subject string) Pass {
	return Pass{
		UserID: user, Role: signaling.RoleViewer, Subject: subject, Grant: subject,
		Alive: func(context.Context) bool { return true },
	}
}

func (b *bench) join(pass Pass, camera string) *guest {
	b.t.Helper()
	g := &guest{in: make(chan signaling.Message, 100)}
	var err error
	g.Program, err = b.Join(pass, camera, func(m signaling.Message) { g.in <- m })
	require.NoError(b.t, err)
	return g
}

func (g *guest) got(t *testing.T) signaling.Message {
	t.Helper()
	require.NotEmpty(t, g.in)
	return <-g.in
}

func TestProgramWatches(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		until := time.Now().Add(time.Hour)
		p := pass(owner, "view-1")
		p.Until = until
		g := b.join(p, ownersDoor)
		require.NoError(t, g.Offer(t.Context(), sdp))
		require.NoError(t, g.Candidate(t.Context(), signaling.Candidate{Candidate: "x"}))
		all := b.published()
		require.Len(t, all, 2)
		offer := all[0].body
		require.Equal(t, signaling.RoleViewer, offer.Role, "never the owner")
		require.Equal(t, "view-1", offer.Grant)
		require.Equal(t, until.UnixMilli(), offer.Until)
		require.Equal(t, string(g.Session()), offer.ICEServers[0].Username)
		require.Equal(t, "x", all[1].body.Candidate.Candidate)

		b.says(ownersDoor, answer(g.Session()))
		require.Equal(t, signaling.TypeAnswer, g.got(t).Type)
		b.says(ownersYard, answer(g.Session())) // a camera speaks only for itself
		require.Empty(t, g.in)
		b.says(ownersDoor, signaling.Message{Type: signaling.TypeBye, Session: g.Session(), Reason: signaling.ReasonFailed})
		require.Equal(t, signaling.ReasonFailed, g.got(t).Reason)
		require.Empty(t, b.viewers)
		b.says(ownersDoor, answer(g.Session()))
		require.Empty(t, g.in)
	})
}

func TestProgramLeaves(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		g := b.join(pass(owner, "view-1"), ownersDoor)
		require.NoError(t, g.Offer(t.Context(), sdp))
		b.published()
		g.Leave()
		require.Equal(t, map[signaling.SessionID]string{g.Session(): signaling.ReasonLeft}, b.byes())
		require.Equal(t, signaling.TypeBye, g.got(t).Type)
		require.Empty(t, b.viewers)
		g.Leave()
		require.Empty(t, b.byes())
	})
}

func TestProgramIsRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*bench)
		camera string
		code   signaling.Code
	}{
		"another's camera":   {func(*bench) {}, neighboursDoor, signaling.CodeNotFound},
		"offline":            {func(b *bench) { b.offline[ownersDoor] = true }, ownersDoor, signaling.CodeOffline},
		"the broker is down": {func(b *bench) { b.refuse = mqttclient.ErrDown }, ownersDoor, signaling.CodeInternal},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *bench) {
				g := b.join(pass(owner, "view-1"), tc.camera)
				b.set(func() { tc.change(b) })
				var refusal *signaling.Error
				require.ErrorAs(t, g.Offer(t.Context(), sdp), &refusal)
				require.Equal(t, tc.code, refusal.Code)
				require.Empty(t, b.published())
				g.Leave()
			})
		})
	}
}

// What ends a right ends its views, and tells the camera of those that this portal does not know.
func TestProgramsRightEnds(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		g, other, page := b.join(pass(owner, "view-1"), ownersDoor), b.join(pass(owner, "view-2"), ownersDoor), b.open(login(owner), "")
		require.NoError(t, g.Offer(t.Context(), sdp))
		require.NoError(t, other.Offer(t.Context(), sdp))
		page.offer(1, ownersDoor)
		b.published()
		b.EndGrant(t.Context(), ownersDoor, "view-1")
		all := b.published()
		require.Len(t, all, 2)
		require.Equal(t, g.Session(), all[0].body.Session)
		require.Empty(t, all[0].body.Grant)
		require.Equal(t, "view-1", all[1].body.Grant)
		for _, s := range all {
			require.Equal(t, signaling.TypeBye, s.body.Type)
			require.Equal(t, signaling.ReasonRevoked, s.body.Reason)
			require.Equal(t, ownersDoor, s.topic.Camera)
		}
		require.Equal(t, signaling.ReasonRevoked, g.got(t).Reason)
		require.Empty(t, other.in)
		page.requireOpen()

		b.CutCamera(ownersDoor)
		require.Equal(t, signaling.ReasonRevoked, other.got(t).Reason)
		require.Contains(t, b.byes(), other.Session())

		last := b.join(pass(owner, "login"), ownersDoor)
		require.NoError(t, last.Offer(t.Context(), sdp))
		b.published()
		b.EndLogin("login")
		require.Equal(t, signaling.ReasonLoggedOut, b.byes()[last.Session()])
	})
}

// A right that ends while its offer is on its way leaves no view behind.
func TestProgramsRightEndsDuringTheOffer(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		var over atomic.Bool
		p := pass(owner, "view-1")
		p.Alive = func(context.Context) bool { return !over.Load() }
		g := b.join(p, ownersDoor)
		over.Store(true)
		require.ErrorIs(t, g.Offer(t.Context(), sdp), errNotFound)
		all := b.published()
		require.Len(t, all, 2)
		require.Equal(t, signaling.TypeOffer, all[0].body.Type)
		require.Equal(t, signaling.TypeBye, all[1].body.Type)
		require.Empty(t, b.viewers)
	})
}

func TestCloseForgetsProgramsNotTheirViews(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		g := b.join(pass(owner, "view-1"), ownersDoor)
		require.NoError(t, g.Offer(t.Context(), sdp))
		b.published()
		b.Close()
		require.Empty(t, b.published())
		require.Equal(t, signaling.TypeBye, g.got(t).Type)
		_, err := b.Join(pass(owner, "view-1"), ownersDoor, nil)
		require.ErrorIs(t, err, ErrClosed)
		synctest.Wait()
	})
}

func TestServersOfAProgramAreItsOwn(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		a, c := b.Servers(pass(owner, "")), b.Servers(pass(owner, ""))
		require.NotEqual(t, a[0].Username, c[0].Username)
		require.True(t, b.minter.owns(name(owner), signaling.ViewerID(a[0].Username)))
	})
}
