package bridge

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
	"seccam/portal/account"
	"seccam/portal/store"
)

// share is what the accounts say of the neighbour and the owner's door.
type share struct {
	mu     sync.Mutex
	access account.Access
	err    error
}

// set changes what they say.
func (s *share) set(grant string, access account.Access, err error) {
	access.Camera, access.Role, access.Grant = &store.Camera{ID: ownersDoor, PinnedFingerprint: "AA"}, signaling.RoleViewer, grant
	s.mu.Lock()
	defer s.mu.Unlock()
	s.access, s.err = access, err
}

// sharing lets the neighbour watch the owner's door by a share. Nobody is connected yet.
func (b *bench) sharing(grant string, access account.Access, err error) *share {
	s := &share{}
	s.set(grant, access, err)
	b.cfg.Accounts = &fakeAccounts{
		cameras: func(user int64) ([]store.Camera, error) { return b.owned[user], nil },
		access: func(user int64, id string) (account.Access, error) {
			if user != neighbour || id != ownersDoor {
				return account.Access{}, store.ErrNotFound
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.access, s.err
		},
	}
	return s
}

func TestOffersSayWhatAShareAllows(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		until := time.Now().Add(time.Hour)
		b.sharing("share-x", account.Access{Talk: true, Until: until}, nil)
		p := b.open(login(neighbour), "")
		p.offer(1, ownersDoor)
		all := b.published()
		require.Len(t, all, 1)
		require.Equal(t, signaling.RoleViewer, all[0].body.Role)
		require.True(t, all[0].body.Talk)
		require.Equal(t, "share-x", all[0].body.Grant)
		require.Equal(t, until.UnixMilli(), all[0].body.Until)
	})
}

// Abuse 09: the end of a share ends its views, and nothing else of the page.
func TestAbuse09_EndOfAShareCutsItsSessions(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		share := b.sharing("share-x", account.Access{}, nil)
		p := b.open(login(neighbour), "")
		p.offer(1, ownersDoor)
		require.Len(t, b.published(), 1)
		share.set("share-y", account.Access{}, nil)
		p.offer(2, ownersDoor)
		require.Len(t, b.published(), 1)
		b.EndGrant(context.Background(), ownersDoor, "share-x")
		all := b.published()
		require.Len(t, all, 2)
		require.Equal(t, p.viewer.Session(1), all[0].body.Session)
		require.Equal(t, signaling.ReasonRevoked, all[0].body.Reason)
		require.Equal(t, "share-x", all[1].body.Grant, "the camera hears of it for views of other portals")
		got := p.received()
		require.Len(t, got, 1)
		require.Equal(t, signaling.TypeBye, got[0].Type)
		require.Equal(t, p.viewer.Session(1), got[0].Session)
		p.requireOpen()
	})
}

func TestOutsideTheHoursOfAShare(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.sharing("share-x", account.Access{}, &account.OutsideHoursError{Opens: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)})
		p := b.open(login(neighbour), "")
		p.offer(1, ownersDoor)
		got := p.received()
		require.Len(t, got, 1)
		require.Equal(t, signaling.CodeUnauthorised, got[0].Error.Code)
		require.Contains(t, got[0].Error.Message, "Monday, 09:00")
		require.Empty(t, b.published())
	})
}

func guestLogin(holds *bool) Login {
	return Login{
		UserID: owner, Guest: "guest-7", Subject: "guest-link", Alive: func(context.Context) bool { return *holds },
		Access: func(context.Context) (account.Access, error) {
			if !*holds {
				return account.Access{}, account.ErrLinkEnded
			}
			return account.Access{Camera: &store.Camera{ID: ownersDoor}, Role: signaling.RoleViewer, Grant: "guest-link"}, nil
		},
	}
}

// A guest sees the one camera of their link, whatever else its owner has.
func TestGuestsSeeOneCamera(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		holds := true
		p := b.dial(guestLogin(&holds), "")
		go p.read()
		shown := p.received()
		require.Len(t, shown, 2, "welcome and one status")
		require.Equal(t, ownersDoor, shown[1].Camera)
		p.viewer = shown[0].Viewer
		require.False(t, b.minter.owns(name(owner), p.viewer), "a guest is not the owner")
		p.offer(1, ownersYard)
		require.Equal(t, signaling.CodeNotFound, p.received()[0].Error.Code)
		require.Empty(t, b.published())
		p.offer(2, ownersDoor)
		all := b.published()
		require.Len(t, all, 1)
		require.Equal(t, signaling.RoleViewer, all[0].body.Role)
		require.False(t, all[0].body.Talk)
		require.Equal(t, "guest-link", all[0].body.Grant)
	})
}

// Abuse 10: the end of a guest link closes its pages and ends their views.
func TestAbuse10_EndOfAGuestLink(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		holds := true
		p := b.open(guestLogin(&holds), "")
		p.offer(1, ownersDoor)
		require.Len(t, b.published(), 1)
		b.EndGrant(context.Background(), ownersDoor, "guest-link")
		require.Equal(t, closeRevoked.code, p.closed())
		reasons := map[string]bool{}
		for _, s := range b.published() {
			reasons[s.body.Reason] = true
		}
		require.Equal(t, map[string]bool{signaling.ReasonRevoked: true}, reasons)
	})
}

// A failing database is no end of a share.
func TestAccessThatCannotBeAsked(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.sharing("share-x", account.Access{}, errors.New("database down"))
		p := b.open(login(neighbour), "")
		p.offer(1, ownersDoor)
		require.Equal(t, signaling.CodeInternal, p.received()[0].Error.Code)
	})
}
