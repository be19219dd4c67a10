package store

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/portal/store/storetest"
)

func TestAbuse25_NonceIsUsedOnce(t *testing.T) {
	database, clock := storetest.Database(t), newClock()
	stores := []*Store{openAt(t, database, clock), openAt(t, database, clock)}
	var fresh atomic.Int32
	var group sync.WaitGroup
	for i := range 10 {
		group.Go(func() {
			ok, err := stores[i%2].UseNonce(t.Context(), "n", clock.now().Add(time.Minute))
			if err != nil {
				t.Error(err)
			}
			if ok {
				fresh.Add(1)
			}
		})
	}
	group.Wait()
	require.Equal(t, int32(1), fresh.Load())

	clock.advance(time.Minute)
	require.NoError(t, stores[0].Prune(t.Context()))
	again, err := stores[0].UseNonce(t.Context(), "n", clock.now())
	require.NoError(t, err)
	require.False(t, again, "kept until it is worthless by itself")
	clock.advance(time.Second)
	require.NoError(t, stores[0].Prune(t.Context()))
	again, err = stores[0].UseNonce(t.Context(), "n", clock.now())
	require.NoError(t, err)
	require.True(t, again, "then forgotten")
}

func notices(t *testing.T, s *Store, user int64) []Notice {
	t.Helper()
	list, err := s.Notices(t.Context(), user)
	require.NoError(t, err)
	return list
}

func TestNoticesAreCounted(t *testing.T) {
	s, clock := open(t)
	owner, first := member(t, s, clock, "owner")
	neighbour, _ := member(t, s, clock, "neighbour")
	second := provision(t, s)
	require.NoError(t, s.NotifyOwner(t.Context(), second.id, NoticeClaimAttempt), "nobody owns it")
	require.NoError(t, s.NotifyOwner(t.Context(), "unknown", NoticeClaimAttempt))
	require.Empty(t, notices(t, s, owner.ID))
	require.NoError(t, s.Claim(t.Context(), owner.ID, second.id, second.hash(), ""))
	for _, l := range []label{first, first, second, first} {
		clock.advance(time.Second)
		require.NoError(t, s.NotifyOwner(t.Context(), l.id, NoticeClaimAttempt))
	}
	list := notices(t, s, owner.ID)
	require.Len(t, list, 2)
	require.Equal(t, first.id, list[0].CameraID, "the newest first")
	require.Equal(t, 3, list[0].Count)
	require.True(t, list[0].UpdatedAt.Equal(clock.now()))
	require.Equal(t, 1, list[1].Count)
	require.Empty(t, notices(t, s, neighbour.ID))

	require.ErrorIs(t, s.DismissNotice(t.Context(), neighbour.ID, list[0].ID), ErrNotFound, "not his")
	require.NoError(t, s.DismissNotice(t.Context(), owner.ID, list[0].ID))
	require.ErrorIs(t, s.DismissNotice(t.Context(), owner.ID, list[0].ID), ErrNotFound)
	require.Len(t, notices(t, s, owner.ID), 1)
}

func TestTokensOfPeople(t *testing.T) {
	s, clock := open(t)
	revoked := func(id string) bool {
		yes, err := s.TokenRevoked(t.Context(), id)
		require.NoError(t, err)
		return yes
	}
	require.True(t, revoked("x"), "never recorded")
	for _, id := range []string{"x", "y"} {
		require.NoError(t, s.RecordToken(t.Context(), MQTTToken{ID: id, Subject: "tool-" + id, Camera: "+", ExpiresAt: clock.now().Add(time.Hour)}))
	}
	require.False(t, revoked("x"))
	_, err := s.RevokeToken(t.Context(), "z")
	require.ErrorIs(t, err, ErrNotFound)
	for range 2 { // revoked twice is revoked
		subject, err := s.RevokeToken(t.Context(), "x")
		require.NoError(t, err)
		require.Equal(t, "tool-x", subject)
	}
	require.True(t, revoked("x"))
	require.False(t, revoked("y"))
	require.Error(t, s.RecordToken(t.Context(), MQTTToken{ID: "x"}), "a jti is recorded once")
	require.True(t, revoked("x"))
}

func TestRevocationsInOrder(t *testing.T) {
	s, clock := open(t)
	last := func() int64 {
		id, err := s.LastRevocation(t.Context())
		require.NoError(t, err)
		return id
	}
	require.Zero(t, last())
	require.NoError(t, s.Revoke(t.Context(), "a"))
	after := last()
	for _, subject := range []string{"b", "c"} {
		require.NoError(t, s.Revoke(t.Context(), subject))
	}
	subjects := func(after int64) string {
		list, err := s.RevocationsAfter(t.Context(), after)
		require.NoError(t, err)
		var all []string
		for _, r := range list {
			all = append(all, r.Subject)
		}
		return strings.Join(all, " ")
	}
	require.Equal(t, "a b c", subjects(0))
	require.Equal(t, "b c", subjects(after))
	before := last()
	clock.advance(7*24*time.Hour + time.Second)
	require.NoError(t, s.Prune(t.Context()))
	require.Empty(t, subjects(0))
	require.NoError(t, s.Revoke(t.Context(), "d"))
	require.Equal(t, "d", subjects(before), "ids go on after the table was emptied")
}

func TestLogins(t *testing.T) {
	s, clock := open(t)
	l, ctx := s.Logins(), t.Context()
	find := func(token string) string {
		data, ok, err := l.FindCtx(ctx, token)
		require.NoError(t, err)
		require.Equal(t, ok, data != nil)
		return string(data)
	}
	require.Empty(t, find("a"))
	require.NoError(t, l.CommitCtx(ctx, "a", []byte("1"), clock.now().Add(time.Hour)))
	require.NoError(t, l.CommitCtx(ctx, "b", []byte("2"), clock.now().Add(time.Minute)))
	require.Equal(t, "1", find("a"))
	require.NoError(t, l.CommitCtx(ctx, "a", []byte("3"), clock.now().Add(2*time.Hour)))
	require.Equal(t, "3", find("a"), "written over")
	clock.advance(time.Minute)
	require.Empty(t, find("b"), "expired, though not pruned yet")
	clock.advance(time.Second)
	require.NoError(t, s.Prune(ctx))
	require.Equal(t, "3", find("a"))
	require.NoError(t, l.DeleteCtx(ctx, "a"))
	require.NoError(t, l.DeleteCtx(ctx, "a"), "deleted is deleted")
	require.Empty(t, find("a"))

	_, _, err := l.Find("a")
	require.Error(t, err)
	require.Error(t, l.Commit("a", nil, time.Time{}))
	require.Error(t, l.Delete("a"))
}

func TestGuestOfALinkThatHasEnded(t *testing.T) {
	s, clock := open(t)
	visit := &GuestVisit{LinkID: "gone", Hash: []byte("hash"), ExpiresAt: clock.now().Add(time.Hour)}
	require.ErrorIs(t, s.AddGuestVisit(t.Context(), visit, 3), ErrNotFound)
}
