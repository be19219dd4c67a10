package store

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/portal/store/storetest"
)

func TestClaimAndItsRefusals(t *testing.T) {
	s, clock := open(t)
	owner, _ := member(t, s, clock, "owner")
	neighbour, _ := member(t, s, clock, "neighbour")
	l := provision(t, s)
	wrong := label{l.id, credential.NewCode()}
	unknown := label{credential.NewCode(), l.code}
	for name, claim := range map[string]label{"wrong code": wrong, "unknown camera": unknown} {
		require.ErrorIs(t, s.Claim(t.Context(), owner.ID, claim.id, claim.hash(), ""), ErrClaimRefused, name)
	}
	require.ErrorIs(t, s.Claim(t.Context(), owner.ID, l.id, nil, ""), ErrClaimRefused, "NULL equals nothing")
	require.NoError(t, s.Claim(t.Context(), owner.ID, l.id, l.hash(), "Door"))
	require.ErrorIs(t, s.Claim(t.Context(), neighbour.ID, l.id, l.hash(), ""), ErrClaimRefused)
	require.ErrorIs(t, s.Claim(t.Context(), neighbour.ID, l.id, nil, ""), ErrClaimRefused)

	c, err := s.CameraOf(t.Context(), owner.ID, l.id)
	require.NoError(t, err)
	require.Equal(t, "Door", c.Name)
	require.Nil(t, c.ClaimHash, "the code is used up")
	_, err = s.CameraOf(t.Context(), neighbour.ID, l.id)
	require.ErrorIs(t, err, ErrNotFound)
}

// Two portals on one database, many requests at once: one of them gets the camera.
func TestAbuse03_TwoSimultaneousClaims(t *testing.T) {
	database, clock := storetest.Database(t), newClock()
	stores := []*Store{openAt(t, database, clock), openAt(t, database, clock)}
	const people = 8
	users := make([]*User, people)
	for i := range users {
		users[i], _ = member(t, stores[0], clock, fmt.Sprintf("user%d", i))
	}
	for range 5 {
		l := provision(t, stores[0])
		var wins, refused atomic.Int32
		var winner atomic.Int64
		var group sync.WaitGroup
		start := make(chan struct{})
		for i, user := range users {
			group.Go(func() {
				<-start
				var err error
				id := user.ID
				if i%2 == 0 {
					err = stores[i/2%2].Claim(t.Context(), id, l.id, l.hash(), "")
				} else { // or by a sign-up
					var fresh *User
					fresh, err = stores[i/2%2].CreatePending(t.Context(), credential.NewCode(), "hash", clock.now().Add(time.Hour), l.id, l.hash())
					if err == nil {
						id = fresh.ID
					}
				}
				switch {
				case err == nil:
					wins.Add(1)
					winner.Store(id)
				case errors.Is(err, ErrClaimRefused):
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		close(start)
		group.Wait()
		require.Equal(t, int32(1), wins.Load())
		require.Equal(t, int32(people-1), refused.Load())
		require.Equal(t, winner.Load(), *camera(t, stores[1], l.id).OwnerID)
	}
}

func TestAbuse05_ReuseClaimCode(t *testing.T) {
	s, clock := open(t)
	owner, l := member(t, s, clock, "owner")
	neighbour, _ := member(t, s, clock, "neighbour")
	require.ErrorIs(t, s.Claim(t.Context(), neighbour.ID, l.id, l.hash(), ""), ErrClaimRefused, "owned")
	next := label{l.id, credential.NewCode()}
	require.NoError(t, s.Release(t.Context(), owner.ID, l.id, next.hash()))
	require.ErrorIs(t, s.Claim(t.Context(), neighbour.ID, l.id, l.hash(), ""), ErrClaimRefused, "the code of the label was used")
	require.ErrorIs(t, s.Claim(t.Context(), owner.ID, l.id, l.hash(), ""), ErrClaimRefused, "also by him who used it")
	require.NoError(t, s.Claim(t.Context(), neighbour.ID, l.id, next.hash(), ""))
	require.NoError(t, s.Release(t.Context(), neighbour.ID, l.id, label{l.id, "third"}.hash()))
	require.ErrorIs(t, s.Claim(t.Context(), owner.ID, l.id, next.hash(), ""), ErrClaimRefused)
}

func TestAbuse06_ReleaseLeavesNothingOfTheOldOwner(t *testing.T) {
	s, clock := open(t)
	owner, l := member(t, s, clock, "owner")
	neighbour, _ := member(t, s, clock, "neighbour")
	require.NoError(t, s.Rename(t.Context(), owner.ID, l.id, "Owner's bedroom"))
	require.NoError(t, s.ReportFingerprint(t.Context(), l.id, "AA"))
	require.NoError(t, s.NotifyOwner(t.Context(), l.id, NoticeClaimAttempt))
	next := label{l.id, credential.NewCode()}

	require.ErrorIs(t, s.Release(t.Context(), neighbour.ID, l.id, next.hash()), ErrNotFound, "not his")
	require.Len(t, notices(t, s, owner.ID), 1)
	require.NoError(t, s.Release(t.Context(), owner.ID, l.id, next.hash()))
	require.ErrorIs(t, s.Release(t.Context(), owner.ID, l.id, l.hash()), ErrNotFound, "a second time")
	require.Empty(t, notices(t, s, owner.ID))
	require.ErrorIs(t, s.Rename(t.Context(), owner.ID, l.id, "still mine"), ErrNotFound)

	require.NoError(t, s.ReportFingerprint(t.Context(), l.id, "BB"), "after a factory reset")
	require.NoError(t, s.Claim(t.Context(), neighbour.ID, l.id, next.hash(), ""))
	c, err := s.CameraOf(t.Context(), neighbour.ID, l.id)
	require.NoError(t, err)
	require.Empty(t, c.Name)
	require.Nil(t, c.LastSeenAt)
	require.Equal(t, "BB", c.PinnedFingerprint)
}

func TestFingerprintIsPinnedOnce(t *testing.T) {
	s, clock := open(t)
	require.ErrorIs(t, s.ReportFingerprint(t.Context(), credential.NewCode(), "AA"), ErrNotFound)

	t.Run("online before the sign-up", func(t *testing.T) {
		l := provision(t, s)
		require.NoError(t, s.ReportFingerprint(t.Context(), l.id, "AA"))
		require.Empty(t, camera(t, s, l.id).PinnedFingerprint, "nobody owns it")
		user := pending(t, s, clock, "owner", l)
		require.NoError(t, s.ReportFingerprint(t.Context(), l.id, "AB"))
		require.Empty(t, camera(t, s, l.id).PinnedFingerprint, "the sign-up is unfinished")
		require.NoError(t, s.Seen(t.Context(), map[string]time.Time{l.id: clock.now()}))
		require.NoError(t, s.Confirm(t.Context(), user.ID))
		require.Equal(t, "AB", camera(t, s, l.id).PinnedFingerprint)
		require.NoError(t, s.ReportFingerprint(t.Context(), l.id, "EE"))
		require.Equal(t, "AB", camera(t, s, l.id).PinnedFingerprint, "never overwritten")
		require.Equal(t, "EE", camera(t, s, l.id).Fingerprint)
	})
	t.Run("claimed before it was ever online", func(t *testing.T) {
		user, _ := member(t, s, clock, "neighbour")
		l := provision(t, s)
		require.NoError(t, s.Claim(t.Context(), user.ID, l.id, l.hash(), ""))
		require.Empty(t, camera(t, s, l.id).PinnedFingerprint)
		for _, reported := range []string{"AA", "BB"} {
			require.NoError(t, s.ReportFingerprint(t.Context(), l.id, reported))
			require.Equal(t, "AA", camera(t, s, l.id).PinnedFingerprint)
		}
	})
}

func TestSeen(t *testing.T) {
	s, clock := open(t)
	a, b := provision(t, s), provision(t, s)
	require.NoError(t, s.Seen(t.Context(), nil))
	require.NoError(t, s.Seen(t.Context(), map[string]time.Time{a.id: clock.now(), "unknown": clock.now()}))
	require.True(t, camera(t, s, a.id).LastSeenAt.Equal(clock.now()))
	require.Nil(t, camera(t, s, b.id).LastSeenAt)
	require.NoError(t, s.Seen(t.Context(), map[string]time.Time{a.id: clock.now().Add(-time.Second), b.id: clock.now()}))
	require.True(t, camera(t, s, a.id).LastSeenAt.Equal(clock.now()), "another portal has heard it later")
	require.True(t, camera(t, s, b.id).LastSeenAt.Equal(clock.now()))
}

// Portals that hear the same cameras all save when, at the same time.
func TestPortalsSaveTheSameCameras(t *testing.T) {
	database, clock := storetest.Database(t), newClock()
	seen, stores := map[string]time.Time{}, []*Store{openAt(t, database, clock), openAt(t, database, clock)}
	for range 30 {
		seen[provision(t, stores[0]).id] = clock.now()
	}
	var group sync.WaitGroup
	for _, s := range stores {
		group.Go(func() {
			for i := range 10 {
				later := map[string]time.Time{}
				for id, at := range seen {
					later[id] = at.Add(time.Duration(i) * time.Second)
				}
				if err := s.Seen(t.Context(), later); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}

func TestCamerasAreListedInTheOrderOfTheirClaims(t *testing.T) {
	s, clock := open(t)
	owner, first := member(t, s, clock, "owner")
	want := []string{first.id}
	for range 3 {
		clock.advance(time.Minute)
		l := provision(t, s)
		require.NoError(t, s.Claim(t.Context(), owner.ID, l.id, l.hash(), ""))
		want = append(want, l.id)
	}
	neighbour, other := member(t, s, clock, "neighbour")
	require.Equal(t, want, ids(s.CamerasOf(t.Context(), owner.ID)))
	require.Equal(t, []string{other.id}, ids(s.CamerasOf(t.Context(), neighbour.ID)))
	require.Error(t, s.Provision(t.Context(), first.id, first.hash()), "an id is provisioned once")
}

func ids(cameras []Camera, err error) []string {
	if err != nil {
		return []string{err.Error()}
	}
	var list []string
	for _, c := range cameras {
		list = append(list, c.ID)
	}
	return list
}
