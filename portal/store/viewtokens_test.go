package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
)

const mostTokens = 3

func token(user *User, camera, name string) *ViewToken {
	return &ViewToken{ID: name, CameraID: camera, UserID: user.ID, Name: name, Hash: []byte(name)}
}

func revoked(t *testing.T, s *Store) (subjects []string) {
	t.Helper()
	list, err := s.RevocationsAfter(t.Context(), 0)
	require.NoError(t, err)
	for _, r := range list {
		subjects = append(subjects, r.Subject)
	}
	return subjects
}

func TestViewTokenFromCreationToRevocation(t *testing.T) {
	s, clock := open(t)
	owner, l := member(t, s, clock, "owner")
	neighbour, _ := member(t, s, clock, "neighbour")
	require.ErrorIs(t, s.AddViewToken(t.Context(), token(neighbour, l.id, "a"), mostTokens), ErrNotFound, "not his camera")
	for _, name := range []string{"a", "b", "c"} {
		require.NoError(t, s.AddViewToken(t.Context(), token(owner, l.id, name), mostTokens))
		clock.advance(time.Second)
	}
	require.ErrorIs(t, s.AddViewToken(t.Context(), token(owner, l.id, "d"), mostTokens), ErrTooMany)
	require.Error(t, s.AddViewToken(t.Context(), token(owner, l.id, "a"), 10), "an id is given once")

	found, err := s.ViewTokenByHash(t.Context(), []byte("b"))
	require.NoError(t, err)
	require.Equal(t, "b", found.ID)
	require.Equal(t, l.id, found.CameraID)
	camera, ok := CameraOfGrant(found.Subject())
	require.True(t, ok)
	require.Equal(t, l.id, camera)
	_, ok = CameraOfGrant("login-x")
	require.False(t, ok)
	_, err = s.ViewTokenByHash(t.Context(), []byte("x"))
	require.ErrorIs(t, err, ErrNotFound)

	require.ErrorIs(t, s.RevokeViewToken(t.Context(), neighbour.ID, l.id, "b"), ErrNotFound)
	require.ErrorIs(t, s.RevokeViewToken(t.Context(), owner.ID, credential.NewCode(), "b"), ErrNotFound)
	require.Empty(t, revoked(t, s))
	require.NoError(t, s.RevokeViewToken(t.Context(), owner.ID, l.id, "b"))
	require.Equal(t, []string{found.Subject()}, revoked(t, s))
	subjects, err := s.EndedGrants(t.Context(), l.id)
	require.NoError(t, err)
	require.Equal(t, []string{found.Subject()}, subjects)
	subjects, err = s.EndedGrants(t.Context(), credential.NewCode())
	require.NoError(t, err)
	require.Empty(t, subjects)
	require.ErrorIs(t, s.RevokeViewToken(t.Context(), owner.ID, l.id, "b"), ErrNotFound)
	_, err = s.ViewTokenByID(t.Context(), "b")
	require.ErrorIs(t, err, ErrNotFound)
	list, err := s.ViewTokens(t.Context(), owner.ID, l.id)
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Equal(t, "a", list[0].ID)
	list, err = s.ViewTokens(t.Context(), neighbour.ID, l.id)
	require.NoError(t, err)
	require.Empty(t, list)
}

func TestViewTokenExpires(t *testing.T) {
	s, clock := open(t)
	owner, l := member(t, s, clock, "owner")
	expires := clock.now().Add(time.Hour).UTC()
	expiring := token(owner, l.id, "a")
	expiring.ExpiresAt = &expires
	require.NoError(t, s.AddViewToken(t.Context(), expiring, mostTokens))
	found, err := s.ViewTokenByID(t.Context(), "a")
	require.NoError(t, err)
	require.True(t, found.ExpiresAt.Equal(expires))
	clock.advance(time.Hour)
	_, err = s.ViewTokenByID(t.Context(), "a")
	require.ErrorIs(t, err, ErrNotFound)
	for _, want := range []int{1, 0} { // the owner still sees it for a while
		require.NoError(t, s.Prune(t.Context()))
		list, err := s.ViewTokens(t.Context(), owner.ID, l.id)
		require.NoError(t, err)
		require.Len(t, list, want)
		clock.advance(32 * 24 * time.Hour)
	}
}

func TestViewTokenRemembersItsLastUse(t *testing.T) {
	s, clock := open(t)
	owner, l := member(t, s, clock, "owner")
	require.NoError(t, s.AddViewToken(t.Context(), token(owner, l.id, "a"), mostTokens))
	lastUse := func() *time.Time {
		require.NoError(t, s.TouchViewToken(t.Context(), "a"))
		found, err := s.ViewTokenByID(t.Context(), "a")
		require.NoError(t, err)
		return found.LastUsedAt
	}
	first := clock.now()
	require.True(t, lastUse().Equal(first))
	clock.advance(viewTouch / 2)
	require.True(t, lastUse().Equal(first), "not every use is a write")
	clock.advance(viewTouch)
	require.True(t, lastUse().Equal(clock.now()))
}

// Abuse 06: what the old owner gave away does not watch the next owner.
func TestAbuse06_ReleaseEndsViewTokens(t *testing.T) {
	s, clock := open(t)
	owner, l := member(t, s, clock, "owner")
	neighbour, other := member(t, s, clock, "neighbour")
	given, kept := token(owner, l.id, "a"), token(neighbour, other.id, "b")
	require.NoError(t, s.AddViewToken(t.Context(), given, mostTokens))
	require.NoError(t, s.AddViewToken(t.Context(), kept, mostTokens))
	next := label{l.id, credential.NewCode()}
	ownership := camera(t, s, l.id).Ownership()
	require.NoError(t, s.Release(t.Context(), owner.ID, l.id, next.hash()))
	require.Equal(t, []string{given.Subject(), ownership, ReleasePrefix + l.id}, revoked(t, s))
	require.NoError(t, s.Claim(t.Context(), owner.ID, l.id, next.hash(), ""))
	_, err := s.ViewTokenByHash(t.Context(), []byte("a"))
	require.ErrorIs(t, err, ErrNotFound, "also when it is claimed back")
	_, err = s.ViewTokenByHash(t.Context(), []byte("b"))
	require.NoError(t, err)
}
