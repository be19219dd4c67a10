package store

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"seccam/pkg/credential"
	"seccam/portal/store/storetest"
)

// model is what the store must say: who owns each camera, with which code it can be claimed, and
// which accounts there are.
type model struct {
	t       *testing.T
	s       *Store
	clock   *testClock
	cameras []*modelCamera
	users   map[int64]*modelUser
	names   map[string]int64
	codes   int
}

type modelCamera struct {
	id    string
	owner int64  // 0: nobody
	code  string // "" once it was used
	used  []string
	seen  time.Time
}

type modelUser struct {
	name    string
	began   time.Time
	until   time.Time
	pending bool
}

// Any history of sign-ups, confirmations, expiries, claims and releases: at most one owner, no code
// works twice, nothing is lost.
func TestHistoriesOfOwnership(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{t: t, clock: newClock(), users: map[int64]*modelUser{}, names: map[string]int64{}}
		s, err := Open(t.Context(), storetest.Database(t), m.clock.now)
		require.NoError(rt, err)
		defer func() { require.NoError(rt, s.Close()) }()
		m.s = s
		for range 3 {
			c := &modelCamera{id: credential.NewCode(), code: m.newCode()}
			require.NoError(rt, s.Provision(t.Context(), c.id, c.hash(c.code)))
			m.cameras = append(m.cameras, c)
		}
		rt.Repeat(map[string]func(*rapid.T){
			"signUp": m.signUp, "confirm": m.confirm, "cancel": m.cancel, "wait": m.wait, "see": m.see,
			"claim": m.claim, "release": m.release, "prune": m.prune, "": m.check,
		})
	})
}

func (c *modelCamera) hash(code string) []byte { return credential.HashClaimCode(c.id, code) }

func (m *model) newCode() string {
	m.codes++
	return fmt.Sprint("code", m.codes)
}

func (m *model) drawCamera(t *rapid.T) *modelCamera {
	return rapid.SampledFrom(m.cameras).Draw(t, "camera")
}

// drawCode is mostly the right one, else one that was used, else nonsense.
func (m *model) drawCode(t *rapid.T, c *modelCamera) string {
	return rapid.SampledFrom(append([]string{c.code, c.code, c.code, "nonsense"}, c.used...)).Draw(t, "code")
}

// drawUser returns an account that exists, also one whose time is over; 0 if there is none.
func (m *model) drawUser(t *rapid.T) int64 {
	all := []int64{}
	for id := int64(1); id < 1000; id++ {
		if m.users[id] != nil {
			all = append(all, id)
		}
	}
	if len(all) == 0 {
		return 0
	}
	return rapid.SampledFrom(all).Draw(t, "user")
}

func (m *model) expire() {
	for id, u := range m.users {
		if u.pending && !m.clock.now().Before(u.until) {
			m.remove(id)
		}
	}
}

func (m *model) remove(id int64) {
	delete(m.names, m.users[id].name)
	delete(m.users, id)
	for _, c := range m.cameras {
		if c.owner == id {
			c.owner = 0
		}
	}
}

func (m *model) claimable(c *modelCamera, code string) bool {
	return c.owner == 0 && code != "" && c.code == code
}

func (m *model) signUp(t *rapid.T) {
	m.expire()
	name, c := rapid.SampledFrom([]string{"owner", "neighbour", "carl"}).Draw(t, "name"), m.drawCamera(t)
	code := m.drawCode(t, c)
	user, err := m.s.CreatePending(m.t.Context(), name, "hash", m.clock.now().Add(signUpTime), c.id, c.hash(code))
	switch {
	case m.names[name] != 0:
		require.ErrorIs(t, err, ErrUsernameTaken)
	case !m.claimable(c, code):
		require.ErrorIs(t, err, ErrClaimRefused)
	default:
		require.NoError(t, err)
		require.Nil(t, m.users[user.ID])
		m.users[user.ID] = &modelUser{name: name, began: m.clock.now(), until: m.clock.now().Add(signUpTime), pending: true}
		m.names[name], c.owner = user.ID, user.ID
	}
}

func (m *model) confirm(t *rapid.T) {
	id := m.drawUser(t)
	var mine *modelCamera
	u := m.users[id]
	if u != nil && u.pending && m.clock.now().Before(u.until) {
		for _, c := range m.cameras {
			if c.owner == id && !c.seen.IsZero() && !c.seen.Before(u.began) {
				mine = c
			}
		}
	}
	err := m.s.Confirm(m.t.Context(), id)
	if mine == nil {
		require.ErrorIs(t, err, ErrNotFound)
		return
	}
	require.NoError(t, err)
	u.pending = false
	mine.used, mine.code = append(mine.used, mine.code), ""
}

func (m *model) cancel(t *rapid.T) {
	id := m.drawUser(t)
	require.NoError(t, m.s.DeletePending(m.t.Context(), id))
	if u := m.users[id]; u != nil && u.pending {
		m.remove(id)
	}
}

func (m *model) wait(t *rapid.T) {
	m.clock.advance(time.Duration(rapid.IntRange(1, 20).Draw(t, "minutes")) * time.Minute)
}

func (m *model) see(t *rapid.T) {
	c := m.drawCamera(t)
	c.seen = m.clock.now()
	require.NoError(t, m.s.Seen(m.t.Context(), map[string]time.Time{c.id: c.seen}))
}

// claim is by a member: newcomers have no page for it.
func (m *model) claim(t *rapid.T) {
	id := m.drawUser(t)
	if u := m.users[id]; u == nil || u.pending {
		return
	}
	m.expire()
	c := m.drawCamera(t)
	code := m.drawCode(t, c)
	err := m.s.Claim(m.t.Context(), id, c.id, c.hash(code), "")
	if !m.claimable(c, code) {
		require.ErrorIs(t, err, ErrClaimRefused)
		return
	}
	require.NoError(t, err)
	c.owner, c.used, c.code = id, append(c.used, code), ""
}

func (m *model) release(t *rapid.T) {
	id, c, code := m.drawUser(t), m.drawCamera(t), m.newCode()
	if u := m.users[id]; u == nil || u.pending {
		return
	}
	err := m.s.Release(m.t.Context(), id, c.id, c.hash(code))
	if c.owner != id {
		require.ErrorIs(t, err, ErrNotFound)
		return
	}
	require.NoError(t, err)
	c.owner, c.code, c.seen = 0, code, time.Time{}
}

func (m *model) prune(t *rapid.T) {
	require.NoError(t, m.s.Prune(m.t.Context()))
	m.expire()
}

// check compares all that can be seen with the model.
func (m *model) check(t *rapid.T) {
	ctx, owned := m.t.Context(), map[string]int64{}
	for id, u := range m.users {
		user, err := m.s.UserByID(ctx, id)
		if u.pending && !m.clock.now().Before(u.until) {
			require.ErrorIs(t, err, ErrNotFound)
		} else {
			require.NoError(t, err)
			require.Equal(t, u.pending, user.Pending())
		}
		cameras, err := m.s.CamerasOf(ctx, id)
		require.NoError(t, err)
		for _, c := range cameras {
			require.Zero(t, owned[c.ID], "two owners")
			owned[c.ID] = id
		}
	}
	for _, c := range m.cameras {
		got, err := m.s.CameraByID(ctx, c.id)
		require.NoError(t, err, "no camera is ever lost")
		require.Equal(t, c.owner, owned[c.id])
		require.Equal(t, c.owner != 0, got.OwnerID != nil)
		require.Equal(t, c.code != "", got.ClaimHash != nil)
		require.True(t, got.OwnerID != nil || got.ClaimHash != nil, "a camera that nobody owns can be claimed")
	}
	if _, err := m.s.UserByName(ctx, "nobody"); !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
}
