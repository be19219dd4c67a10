package account

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"seccam/pkg/credential"
	"seccam/portal/store"
	"seccam/portal/store/storetest"
)

// world is a database that several portals use, and what must be true of it. Portals are reopened in the
// middle of things, as if they had been restarted.
type world struct {
	t        *testing.T
	database string
	portals  []*Service
	stores   []*store.Store
	users    []*store.User
	cameras  []*sharedCamera
}

// sharedCamera is what the model knows of a camera. Its fields are guarded by mu, which is held over no call of
// the service: what an operation was told counts from the moment at which it was told.
type sharedCamera struct {
	id string

	mu     sync.Mutex
	code   string          // by which it can be claimed
	shares map[string]int  // share → user, while it holds for certain
	guests map[string]bool // visits that hold, or may
	dead   []deadRight     // rights whose end was acknowledged
}

// deadRight is a right that has ended for certain.
type deadRight struct {
	user  int    // of a share
	visit string // of a guest
	share string
}

const worldUsers, worldCameras, worldPortals = 4, 2, 2

func newWorld(t *testing.T, database string) *world {
	w := &world{t: t, database: database}
	for range worldPortals {
		w.portals, w.stores = append(w.portals, nil), append(w.stores, nil)
	}
	for i := range worldPortals {
		w.open(i)
	}
	for i := range worldUsers {
		id, code := w.provision()
		user, err := w.stores[0].CreatePending(t.Context(), fmt.Sprint("user", i), "hash", time.Now().Add(time.Hour), id, credential.HashClaimCode(id, code))
		require.NoError(t, err)
		require.NoError(t, w.stores[0].Seen(t.Context(), map[string]time.Time{id: time.Now()}))
		require.NoError(t, w.stores[0].Confirm(t.Context(), user.ID))
		w.users = append(w.users, user)
	}
	for range worldCameras {
		id, code := w.provision()
		w.cameras = append(w.cameras, &sharedCamera{id: id, code: code, shares: map[string]int{}, guests: map[string]bool{}})
	}
	return w
}

func (w *world) provision() (id, code string) {
	id, code = credential.NewCode(), credential.NewCode()
	require.NoError(w.t, w.stores[0].Provision(w.t.Context(), id, credential.HashClaimCode(id, code)))
	return id, code
}

// open starts a portal on the database, in place of the one before.
func (w *world) open(i int) {
	if w.stores[i] != nil {
		require.NoError(w.t, w.stores[i].Close())
	}
	s, err := store.Open(w.t.Context(), w.database, nil)
	require.NoError(w.t, err)
	quiet := &fakePresence{online: func(string) bool { return true }, flush: func(context.Context) error { return nil }}
	w.stores[i] = s
	w.portals[i], err = New(s, quiet, revokeFunc(func(string) error { return nil }), nil, slog.New(slog.DiscardHandler))
	require.NoError(w.t, err)
}

func (w *world) close() {
	for _, s := range w.stores {
		require.NoError(w.t, s.Close())
	}
}

// step is one thing that somebody does.
type step struct {
	kind         string
	portal, user int
	other        int
	camera       int
}

func drawStep(t *rapid.T) step {
	return step{
		kind:   rapid.SampledFrom([]string{"claim", "claim", "release", "transfer", "share", "share", "end", "leave", "guest", "endGuest", "change", "watch"}).Draw(t, "kind"),
		portal: rapid.IntRange(0, worldPortals-1).Draw(t, "portal"),
		user:   rapid.IntRange(0, worldUsers-1).Draw(t, "user"),
		other:  rapid.IntRange(0, worldUsers-1).Draw(t, "other"),
		camera: rapid.IntRange(0, worldCameras-1).Draw(t, "camera"),
	}
}

// Any concurrent history of claims, releases, transfers, shares, guest links and views, through several portals
// that restart in the middle: never two owners, and never access after an acknowledged end.
func TestConcurrentHistoriesOfSharing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, storetest.Database(t))
		defer w.close()
		for range rapid.IntRange(1, 3).Draw(rt, "rounds") {
			lanes := make([][]step, 3)
			for i := range lanes {
				lanes[i] = rapid.SliceOfN(rapid.Custom(drawStep), 1, 6).Draw(rt, "lane")
			}
			w.run(lanes)
			w.check(rt)
			w.open(rapid.IntRange(0, worldPortals-1).Draw(rt, "restarted"))
			w.check(rt)
		}
	})
}

// run does the lanes at the same time.
func (w *world) run(lanes [][]step) {
	var all sync.WaitGroup
	for _, lane := range lanes {
		all.Go(func() {
			for _, s := range lane {
				w.do(s)
			}
		})
	}
	all.Wait()
}

func (w *world) do(s step) {
	p, c, ctx := w.portals[s.portal], w.cameras[s.camera], w.t.Context()
	user, other := w.users[s.user], w.users[s.other]
	var err error
	switch s.kind {
	case "claim":
		c.mu.Lock()
		code := c.code
		c.mu.Unlock()
		_, err = p.Claim(ctx, user.ID, ClaimForm{CameraID: c.id, ClaimCode: code})
	case "release":
		var code string
		before := c.holding()
		if code, err = p.Release(ctx, user.ID, c.id); err == nil {
			c.died(before)
			c.mu.Lock()
			c.code = code
			c.mu.Unlock()
		}
	case "transfer":
		before := c.holding()
		var t *store.Transfer
		if t, err = p.OfferCamera(ctx, user, c.id, other.Username); err == nil {
			if _, err = p.AcceptTransfer(ctx, other.ID, t.ID); err == nil {
				c.died(before)
			}
		}
	case "share":
		err = w.share(p, c, user, s.other)
	case "end", "leave":
		err = w.end(p, c, s)
	case "change":
		for share := range c.holding().shares {
			err = errors.Join(err, p.ChangeShare(ctx, user.ID, share, Terms{Talk: true}))
		}
	case "guest":
		err = w.guest(p, c, user)
	case "endGuest":
		err = w.endGuests(p, c, user)
	case "watch":
		w.watch(p, c, s.user)
	}
	var wrong FieldErrors
	if err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrLinkEnded) && !errors.As(err, &wrong) {
		w.t.Errorf("%+v: %v", s, err)
	}
}

func (w *world) share(p *Service, c *sharedCamera, owner *store.User, to int) error {
	share, _, err := p.Share(w.t.Context(), owner, c.id, ShareForm{Username: w.users[to].Username})
	if err != nil {
		return err
	}
	if err := p.AcceptShare(w.t.Context(), w.users[to].ID, share.ID); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shares[share.ID] = to
	return nil
}

func (w *world) end(p *Service, c *sharedCamera, s step) (err error) {
	end := p.EndShare
	if s.kind == "leave" {
		end = p.LeaveShare
	}
	for share, viewer := range c.holding().shares {
		ended := end(w.t.Context(), w.users[s.user].ID, share)
		if ended == nil {
			c.died(holding{shares: map[string]int{share: viewer}})
		}
		err = errors.Join(err, ended)
	}
	return err
}

func (w *world) guest(p *Service, c *sharedCamera, owner *store.User) error {
	end := time.Now().Add(time.Hour)
	_, secret, err := p.CreateGuestLink(w.t.Context(), owner.ID, c.id, GuestLinkForm{"Sitter", &end})
	if err != nil {
		return err
	}
	_, visit, err := p.Enter(w.t.Context(), secret, "", "")
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.guests[visit] = true
	return nil
}

// endGuests ends every link of the camera that there is before it begins.
func (w *world) endGuests(p *Service, c *sharedCamera, owner *store.User) (err error) {
	before := c.holding().guests
	links, err := p.GuestLinks(w.t.Context(), owner.ID, c.id)
	if err != nil || len(links) == 0 {
		return err
	}
	for _, link := range links {
		if ended := p.EndGuestLink(w.t.Context(), owner.ID, c.id, link.ID); ended != nil {
			return ended
		}
	}
	if _, err := w.stores[0].CameraOf(w.t.Context(), owner.ID, c.id); err == nil {
		c.died(holding{guests: before})
	}
	return nil
}

// watch asks as somebody: who has no right any more must not get in. What had ended before it asks is what
// counts.
func (w *world) watch(p *Service, c *sharedCamera, user int) {
	c.mu.Lock()
	dead := append([]deadRight(nil), c.dead...)
	c.mu.Unlock()
	access, err := p.Access(w.t.Context(), w.users[user].ID, c.id)
	for _, d := range dead {
		if err == nil && d.share != "" && access.Share == d.share {
			w.t.Errorf("user %d watches by the share %s, which has ended", user, d.share)
		}
		if d.visit != "" {
			if _, err := p.Guest(w.t.Context(), d.visit); !errors.Is(err, ErrLinkEnded) {
				w.t.Errorf("a guest watches whose link has ended: %v", err)
			}
		}
	}
}

// holding is what may hold of a camera.
type holding struct {
	shares map[string]int
	guests map[string]bool
}

func (c *sharedCamera) holding() holding {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := holding{map[string]int{}, map[string]bool{}}
	for share, user := range c.shares {
		h.shares[share] = user
	}
	for visit := range c.guests {
		h.guests[visit] = true
	}
	return h
}

// died records that an end was acknowledged of what held before it was asked for.
func (c *sharedCamera) died(h holding) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for share, user := range h.shares {
		delete(c.shares, share)
		c.dead = append(c.dead, deadRight{user: user, share: share})
	}
	for visit := range h.guests {
		delete(c.guests, visit)
		c.dead = append(c.dead, deadRight{visit: visit})
	}
}

// check compares, while nothing happens, through every portal.
func (w *world) check(t *rapid.T) {
	for i, p := range w.portals {
		for _, c := range w.cameras {
			owners := 0
			for u, user := range w.users {
				access, err := p.Access(w.t.Context(), user.ID, c.id)
				if err == nil && access.Owns() {
					owners++
				}
				w.watch(p, c, u)
			}
			require.LessOrEqual(t, owners, 1, "two owners, says portal %d", i)
			w.checkRevocations(t, c)
		}
	}
}

// checkRevocations: whatever ended for certain is on record, by which every portal and the camera learn of it.
func (w *world) checkRevocations(t *rapid.T, c *sharedCamera) {
	subjects, err := w.stores[0].EndedGrants(w.t.Context(), c.id)
	require.NoError(t, err)
	recorded := fmt.Sprint(subjects)
	for _, d := range c.dead {
		if d.share != "" {
			require.Contains(t, recorded, "share-"+c.id+"-"+d.share+"-")
		}
	}
}
