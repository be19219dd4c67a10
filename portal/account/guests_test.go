package account

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
	"seccam/portal/store"
)

func (f *family) guestLink(life time.Duration) (*store.GuestLink, string) {
	f.t.Helper()
	end := f.clock().Add(life)
	link, secret, err := f.CreateGuestLink(f.t.Context(), f.owner.ID, f.camera, GuestLinkForm{"Sitter", &end})
	require.NoError(f.t, err)
	return link, secret
}

func TestGuestLink(t *testing.T) {
	f := newFamily(t)
	link, secret := f.guestLink(time.Hour)
	guest, visit, err := f.Enter(t.Context(), secret, "192.0.2.1", "A browser")
	require.NoError(t, err)
	require.Equal(t, f.camera, guest.Camera.ID)
	require.Equal(t, signaling.RoleViewer, guest.Role)
	require.False(t, guest.Talk)
	require.Equal(t, link.Subject(), guest.Grant)
	require.True(t, guest.Until.Equal(link.ExpiresAt), "no longer than the link")
	for _, shown := range []string{secret, visit} {
		require.NotContains(t, string(f.written()), shown)
	}
	f.advance(time.Minute)
	again, err := f.Guest(t.Context(), visit)
	require.NoError(t, err)
	require.NoError(t, f.GuestUsed(t.Context(), again, "192.0.2.2"))
	_, _, err = f.Enter(t.Context(), secret, "192.0.2.3", strings.Repeat("x", 1000))
	require.NoError(t, err)
	links, err := f.GuestLinks(t.Context(), f.owner.ID, f.camera)
	require.NoError(t, err)
	require.Len(t, links, 1)
	require.Len(t, links[0].Visits, 2)
	first := links[0].Visits[1]
	require.Equal(t, "192.0.2.2", first.Address)
	require.Equal(t, 2, first.Count)
	require.Equal(t, time.Minute, first.LastUsedAt.Sub(first.FirstUsedAt))
	require.Len(t, links[0].Visits[0].Device, maxDevice)
}

// Abuse 10: neither the link nor what a browser got for it works on.
func TestAbuse10_GuestLinkEnds(t *testing.T) {
	f := newFamily(t)
	_, short := f.guestLink(time.Hour)
	link, long := f.guestLink(48 * time.Hour)
	_, shortVisit, err := f.Enter(t.Context(), short, "", "")
	require.NoError(t, err)
	_, longVisit, err := f.Enter(t.Context(), long, "", "")
	require.NoError(t, err)
	f.advance(time.Hour)
	_, err = f.Guest(t.Context(), shortVisit)
	require.ErrorIs(t, err, ErrLinkEnded)
	_, _, err = f.Enter(t.Context(), short, "", "")
	require.ErrorIs(t, err, ErrLinkEnded)
	f.advance(VisitFor - time.Hour)
	_, err = f.Guest(t.Context(), longVisit)
	require.ErrorIs(t, err, ErrLinkEnded, "the browser has to open the link again")
	_, longVisit, err = f.Enter(t.Context(), long, "", "")
	require.NoError(t, err)
	require.ErrorIs(t, f.EndGuestLink(t.Context(), f.guest.ID, f.camera, link.ID), ErrNotFound)
	require.NoError(t, f.EndGuestLink(t.Context(), f.owner.ID, f.camera, link.ID))
	require.Equal(t, []string{link.Subject()}, f.revocations())
	_, err = f.Guest(t.Context(), longVisit)
	require.ErrorIs(t, err, ErrLinkEnded)
	_, _, err = f.Enter(t.Context(), long, "", "")
	require.ErrorIs(t, err, ErrLinkEnded)
	_, _, err = f.Enter(t.Context(), longVisit, "", "")
	require.ErrorIs(t, err, ErrLinkEnded, "a browser's own secret is no link")
}

func TestGuestLinksHaveAnEnd(t *testing.T) {
	f := newFamily(t)
	late := f.clock().Add(MaxGuestTime + time.Second)
	for _, end := range []*time.Time{nil, &late, {}} {
		_, _, err := f.CreateGuestLink(t.Context(), f.owner.ID, f.camera, GuestLinkForm{"Sitter", end})
		var wrong FieldErrors
		require.ErrorAs(t, err, &wrong)
		require.NotEmpty(t, wrong[FieldExpires])
	}
	end := f.clock().Add(time.Hour)
	_, _, err := f.CreateGuestLink(t.Context(), f.guest.ID, f.camera, GuestLinkForm{"Sitter", &end})
	require.ErrorIs(t, err, ErrNotFound)
	for range MaxGuestLinks {
		f.guestLink(time.Hour)
	}
	_, _, err = f.CreateGuestLink(t.Context(), f.owner.ID, f.camera, GuestLinkForm{"One more", &end})
	require.ErrorAs(t, err, &FieldErrors{})
}

func TestLinkRemembersSoManyVisits(t *testing.T) {
	f := newFamily(t)
	_, secret := f.guestLink(time.Hour)
	_, first, err := f.Enter(t.Context(), secret, "", "")
	require.NoError(t, err)
	var last string
	for range maxVisits {
		f.advance(time.Second)
		_, last, err = f.Enter(t.Context(), secret, "", "")
		require.NoError(t, err)
	}
	_, err = f.Guest(t.Context(), first)
	require.ErrorIs(t, err, ErrLinkEnded)
	_, err = f.Guest(t.Context(), last)
	require.NoError(t, err)
}

func TestTransfer(t *testing.T) {
	f := newFamily(t)
	_, err := f.OfferCamera(t.Context(), f.owner, f.camera, "Owner")
	require.ErrorAs(t, err, &FieldErrors{})
	_, err = f.OfferCamera(t.Context(), f.guest, f.camera, "owner")
	require.ErrorIs(t, err, ErrNotFound)
	declined, err := f.OfferCamera(t.Context(), f.owner, f.camera, "kim")
	require.NoError(t, err)
	require.NoError(t, f.DeclineTransfer(t.Context(), f.guest.ID, declined.ID))
	_, err = f.AcceptTransfer(t.Context(), f.guest.ID, declined.ID)
	require.ErrorIs(t, err, ErrNotFound)
	seen, err := f.TransferOf(t.Context(), f.owner.ID, f.camera)
	require.NoError(t, err)
	nobody, err := f.OfferCamera(t.Context(), f.owner, f.camera, "nobody-1")
	require.NoError(t, err)
	require.Equal(t, seen.ToID, nobody.ToID, "a no looks as a name that nobody has")

	offer, err := f.OfferCamera(t.Context(), f.owner, f.camera, "kim")
	require.NoError(t, err)
	require.NoError(t, f.WithdrawTransfer(t.Context(), f.owner.ID, f.camera))
	_, err = f.AcceptTransfer(t.Context(), f.guest.ID, offer.ID)
	require.ErrorIs(t, err, ErrNotFound)
	offer, err = f.OfferCamera(t.Context(), f.owner, f.camera, "kim")
	require.NoError(t, err)
	f.advance(OfferFor)
	_, err = f.AcceptTransfer(t.Context(), f.guest.ID, offer.ID)
	require.ErrorIs(t, err, ErrNotFound)
	none, err := f.TransferOf(t.Context(), f.owner.ID, f.camera)
	require.NoError(t, err)
	require.Nil(t, none)
}
