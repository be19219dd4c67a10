package store

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// operator is who does what these tests do.
var operator = Operator{Name: "tests", Address: "192.0.2.1"}

// batchOf provisions a batch and returns its labels.
func batchOf(t *testing.T, s *Store, name string, n int) []label {
	t.Helper()
	labels, cameras := make([]label, n), make([]NewCamera, n)
	for i := range labels {
		labels[i] = newLabel()
		cameras[i] = NewCamera{labels[i].id, labels[i].hash()}
	}
	require.NoError(t, s.ProvisionBatch(t.Context(), operator, name, cameras))
	return labels
}

func TestBatchCanBeProvisionedAgain(t *testing.T) {
	t.Parallel()
	s, clock := open(t)
	labels := batchOf(t, s, "first", 3)
	owner, _ := member(t, s, clock, "owner")
	require.NoError(t, s.Claim(t.Context(), owner.ID, labels[0].id, labels[0].hash(), "Door"))
	again := []NewCamera{{labels[0].id, labels[0].hash()}, {labels[1].id, labels[1].hash()}}
	more := newLabel()
	require.NoError(t, s.ProvisionBatch(t.Context(), operator, "first", append(again, NewCamera{more.id, more.hash()})))
	assert.Equal(t, owner.ID, *camera(t, s, labels[0].id).OwnerID, "what was claimed meanwhile stays claimed")
	n, err := s.FleetCount(t.Context(), FleetFilter{Batch: "first"})
	require.NoError(t, err)
	assert.EqualValues(t, 4, n)

	fresh := newLabel()
	for batch, there := range map[string]NewCamera{"second": {labels[1].id, labels[1].hash()}, "first": {labels[1].id, fresh.hash()}} {
		err = s.ProvisionBatch(t.Context(), operator, batch, []NewCamera{{fresh.id, fresh.hash()}, there})
		require.ErrorIs(t, err, ErrExists, "in another batch, or with another code")
	}
	_, err = s.CameraByID(t.Context(), fresh.id)
	require.ErrorIs(t, err, ErrNotFound, "all of a batch or none")
}

func TestFleetIsFilteredAndSorted(t *testing.T) {
	t.Parallel()
	s, clock := open(t)
	first := batchOf(t, s, "acme_1", 3)
	clock.advance(time.Hour)
	owner, own := member(t, s, clock, "Anna") // seen now
	clock.advance(time.Hour)
	second := batchOf(t, s, "acmeX1", 2)
	_, err := s.RevokeKey(t.Context(), operator, first[1].id)
	require.NoError(t, err)
	yes, no := true, false
	all := append(append([]label{}, first...), append(second, own)...)
	for name, c := range map[string]struct {
		filter FleetFilter
		want   []label
	}{
		"all":                        {FleetFilter{}, all},
		"batch":                      {FleetFilter{Batch: "acme_1"}, first},
		"search batch, no wildcard":  {FleetFilter{Query: "acme_"}, first},
		"search owner":               {FleetFilter{Query: "ANN"}, []label{own}},
		"search id as it is typed":   {FleetFilter{Query: strings.ToUpper(own.id[:5] + "-" + own.id[5:9])}, []label{own}},
		"nothing":                    {FleetFilter{Query: "%"}, nil},
		"claimed":                    {FleetFilter{Claimed: &yes}, []label{own}},
		"not claimed":                {FleetFilter{Claimed: &no}, append(append([]label{}, first...), second...)},
		"revoked":                    {FleetFilter{Revoked: &yes}, first[1:2]},
		"not revoked, of this batch": {FleetFilter{Revoked: &no, Batch: "acme_1"}, []label{first[0], first[2]}},
		"seen":                       {FleetFilter{SeenSince: clock.now().Add(-2 * time.Hour)}, []label{own}},
		"not seen lately":            {FleetFilter{NotSeenSince: clock.now().Add(-time.Minute)}, all},
		"limit after":                {FleetFilter{After: "0"}, all},
	} {
		list, err := s.Fleet(t.Context(), c.filter)
		require.NoError(t, err, name)
		want := make([]string, len(c.want))
		for i, l := range c.want {
			want[i] = l.id
		}
		assert.ElementsMatch(t, want, fleetIDs(list), name)
		n, err := s.FleetCount(t.Context(), c.filter)
		require.NoError(t, err, name)
		assert.EqualValues(t, len(c.want), n, name)
	}
	one, err := s.FleetCamera(t.Context(), own.id)
	require.NoError(t, err)
	assert.Equal(t, "Anna", one.Owner)
	assert.Equal(t, owner.ID, *one.OwnerID)
	_, err = s.FleetCamera(t.Context(), "unknown")
	require.ErrorIs(t, err, ErrNotFound)
}

func TestFleetSortsAndPages(t *testing.T) {
	t.Parallel()
	s, clock := open(t)
	labels := batchOf(t, s, "b", 5)
	_, own := member(t, s, clock, "owner")
	labels = append(labels, own)
	for _, sort := range FleetSorts {
		for _, descending := range []bool{false, true} {
			var pages []string
			for offset := 0; offset < len(labels); offset += 2 {
				list, err := s.Fleet(t.Context(), FleetFilter{Sort: sort, Descending: descending, Limit: 2, Offset: offset})
				require.NoError(t, err, sort)
				pages = append(pages, fleetIDs(list)...)
			}
			name := fmt.Sprint(sort, " ", descending)
			assert.Len(t, pages, len(labels), name)
			assert.Len(t, slices.Compact(slices.Sorted(slices.Values(pages))), len(labels), "%s: each is on one page", name)
			if sort == "seen" || sort == "claimed" {
				assert.Equal(t, own.id, pages[0], "%s: what has no value comes last", name)
			}
		}
	}
}

func TestKeyIsRevokedAndRotated(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	a, b := provision(t, s), provision(t, s)
	version, err := s.RevokeKey(t.Context(), operator, a.id)
	require.NoError(t, err)
	require.Equal(t, 2, version)
	require.NotNil(t, camera(t, s, a.id).RevokedAt)
	require.ErrorIs(t, s.RotateKey(t.Context(), operator, a.id, 1), ErrKeyChanged)
	require.NoError(t, s.RotateKey(t.Context(), operator, a.id, 2))
	require.Equal(t, 3, camera(t, s, a.id).KeyVersion)
	require.Nil(t, camera(t, s, a.id).RevokedAt, "it has a key again")
	require.Equal(t, 1, camera(t, s, b.id).KeyVersion)
	list, err := s.RevocationsAfter(t.Context(), 0)
	require.NoError(t, err)
	require.Len(t, list, 2, "each has its connection cut")
	_, err = s.RevokeKey(t.Context(), operator, "unknown")
	require.ErrorIs(t, err, ErrNotFound)
}

// Of many cameras that show one token at once, one becomes its person's.
func TestEnrolmentIsUsedOnce(t *testing.T) {
	t.Parallel()
	s, clock := open(t)
	owner, _ := member(t, s, clock, "owner")
	e := &Enrolment{ID: "e", UserID: owner.ID, Hash: []byte("hash"), ExpiresAt: clock.now().Add(time.Hour)}
	require.NoError(t, s.AddEnrolment(t.Context(), e, 1))
	require.ErrorIs(t, s.AddEnrolment(t.Context(), &Enrolment{ID: "f", UserID: owner.ID, Hash: []byte("other"), ExpiresAt: e.ExpiresAt}, 1), ErrTooMany)
	var group sync.WaitGroup
	results := make([]error, 8)
	for i := range results {
		group.Go(func() {
			results[i] = s.Enrol(t.Context(), e.Hash, &Camera{ID: newLabel().id, Fingerprint: "AA"}, 100)
		})
	}
	group.Wait()
	won := 0
	for _, err := range results {
		if err == nil {
			won++
			continue
		}
		require.ErrorIs(t, err, ErrNotFound)
	}
	require.Equal(t, 1, won)
	owned, err := s.CamerasOf(t.Context(), owner.ID)
	require.NoError(t, err)
	require.Len(t, owned, 2)

	late := &Enrolment{ID: "g", UserID: owner.ID, Hash: []byte("late"), ExpiresAt: clock.now().Add(time.Hour)}
	require.NoError(t, s.AddEnrolment(t.Context(), late, 1))
	require.ErrorIs(t, s.Enrol(t.Context(), late.Hash, &Camera{ID: newLabel().id, Fingerprint: "AA"}, 2), ErrTooMany)
	clock.advance(time.Hour)
	require.ErrorIs(t, s.Enrol(t.Context(), late.Hash, &Camera{ID: newLabel().id, Fingerprint: "AA"}, 100), ErrNotFound)
}

func fleetIDs(list []FleetCamera) []string {
	ids := make([]string, len(list))
	for i, c := range list {
		ids[i] = c.ID
	}
	return ids
}
