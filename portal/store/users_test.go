package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestUsernamesDifferInMoreThanCase(t *testing.T) {
	s, clock := open(t)
	owner, _ := member(t, s, clock, "Owner")
	l := provision(t, s)
	_, err := s.CreatePending(t.Context(), "oWNER", "hash", clock.now().Add(signUpTime), l.id, l.hash())
	require.ErrorIs(t, err, ErrUsernameTaken)
	require.Nil(t, camera(t, s, l.id).OwnerID, "the camera is not held")
	found, err := s.UserByName(t.Context(), "OWNER")
	require.NoError(t, err)
	require.Equal(t, owner.ID, found.ID)
	require.Equal(t, "Owner", found.Username, "as it was typed")
}

func TestRefusedSignUpHoldsNoName(t *testing.T) {
	s, clock := open(t)
	l := provision(t, s)
	_, err := s.CreatePending(t.Context(), "owner", "hash", clock.now().Add(signUpTime), l.id, label{l.id, "other"}.hash())
	require.ErrorIs(t, err, ErrClaimRefused)
	_, err = s.UserByName(t.Context(), "owner")
	require.ErrorIs(t, err, ErrNotFound)
	pending(t, s, clock, "owner", l)
}

func TestPendingSignUpExpires(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *Store, *testClock, *User){
		"forgotten": func(_ *testing.T, _ *Store, clock *testClock, _ *User) { clock.advance(time.Second) },
		"pruned": func(t *testing.T, s *Store, clock *testClock, _ *User) {
			clock.advance(time.Second)
			require.NoError(t, s.Prune(t.Context()))
		},
		"cancelled": func(t *testing.T, s *Store, _ *testClock, user *User) {
			require.NoError(t, s.DeletePending(t.Context(), user.ID))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, clock := open(t)
			l := provision(t, s)
			user := pending(t, s, clock, "owner", l)
			clock.advance(signUpTime - time.Second)
			require.NoError(t, s.Prune(t.Context()))
			_, err := s.UserByName(t.Context(), "owner")
			require.NoError(t, err, "until then it is there")
			end(t, s, clock, user)
			_, err = s.UserByName(t.Context(), "owner")
			require.ErrorIs(t, err, ErrNotFound)
			_, err = s.UserByID(t.Context(), user.ID)
			require.ErrorIs(t, err, ErrNotFound)
			again := pending(t, s, clock, "Owner", l) // name, camera and code are free
			require.NotEqual(t, user.ID, again.ID, "an id is never given twice")
			require.ErrorIs(t, s.Confirm(t.Context(), user.ID), ErrNotFound)
		})
	}
}

func TestConfirmNeedsACameraSeenSince(t *testing.T) {
	s, clock := open(t)
	l, other := provision(t, s), provision(t, s)
	seen := func(l label) {
		require.NoError(t, s.Seen(t.Context(), map[string]time.Time{l.id: clock.now()}))
	}
	seen(l) // in the shop
	clock.advance(time.Second)
	user := pending(t, s, clock, "owner", l)
	require.ErrorIs(t, s.Confirm(t.Context(), user.ID), ErrNotFound, "not seen since")
	clock.advance(time.Second)
	seen(other)
	require.ErrorIs(t, s.Confirm(t.Context(), user.ID), ErrNotFound, "another camera")
	require.NotNil(t, camera(t, s, l.id).ClaimHash, "the code is not used up yet")
	seen(l)
	require.NoError(t, s.Confirm(t.Context(), user.ID))
	require.Nil(t, camera(t, s, l.id).ClaimHash)
	require.ErrorIs(t, s.Confirm(t.Context(), user.ID), ErrNotFound, "once")

	clock.advance(365 * 24 * time.Hour)
	require.NoError(t, s.Prune(t.Context()))
	require.NoError(t, s.DeletePending(t.Context(), user.ID), "there is nothing pending")
	confirmed, err := s.UserByID(t.Context(), user.ID)
	require.NoError(t, err)
	require.False(t, confirmed.Pending())
	require.Equal(t, user.ID, *camera(t, s, l.id).OwnerID)
}

func TestConfirmAfterExpiry(t *testing.T) {
	s, clock := open(t)
	l := provision(t, s)
	user := pending(t, s, clock, "owner", l)
	clock.advance(signUpTime)
	require.NoError(t, s.Seen(t.Context(), map[string]time.Time{l.id: clock.now()}))
	require.ErrorIs(t, s.Confirm(t.Context(), user.ID), ErrNotFound)
}
