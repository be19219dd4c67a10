package account

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
	"seccam/portal/store"
)

// family is an owner with a camera, and somebody else with one of their own.
type family struct {
	*bench
	owner, guest *store.User
	camera       string
}

func newFamily(t *testing.T) *family {
	f := &family{bench: newBench(t)}
	f.owner, f.camera = f.member("owner")
	f.guest, _ = f.member("kim")
	return f
}

// share has the guest accept a share of the camera by these terms.
func (f *family) share(terms Terms) *store.Share {
	f.t.Helper()
	share, _, err := f.Share(f.t.Context(), f.owner, f.camera, ShareForm{Username: "Kim", Terms: terms})
	require.NoError(f.t, err)
	require.NoError(f.t, f.AcceptShare(f.t.Context(), f.guest.ID, share.ID))
	return share
}

func (f *family) access() (Access, error) { return f.Access(f.t.Context(), f.guest.ID, f.camera) }

func (f *family) requireNoAccess() {
	f.t.Helper()
	_, err := f.access()
	require.ErrorIs(f.t, err, ErrNotFound)
	list, err := f.SharedCameras(f.t.Context(), f.guest.ID)
	require.NoError(f.t, err)
	require.Empty(f.t, list)
}

func TestOwnersAccess(t *testing.T) {
	f := newFamily(t)
	access, err := f.Access(t.Context(), f.owner.ID, f.camera)
	require.NoError(t, err)
	require.True(t, access.Owns())
	require.True(t, access.Talk)
	require.Zero(t, access.Until)
	require.NotEmpty(t, access.Grant)
	f.requireNoAccess()
}

func TestShareByName(t *testing.T) {
	f := newFamily(t)
	share, secret, err := f.Share(t.Context(), f.owner, f.camera, ShareForm{Username: "KIM"})
	require.NoError(t, err)
	require.Empty(t, secret)
	f.requireNoAccess()
	asked, err := f.Invitations(t.Context(), f.guest.ID)
	require.NoError(t, err)
	require.Len(t, asked, 1)
	require.Equal(t, "owner", asked[0].Owner)
	require.ErrorIs(t, f.AcceptShare(t.Context(), f.owner.ID, share.ID), ErrNotFound, "not theirs to accept")
	require.NoError(t, f.AcceptShare(t.Context(), f.guest.ID, share.ID))
	require.ErrorIs(t, f.AcceptShare(t.Context(), f.guest.ID, share.ID), ErrNotFound, "once")

	access, err := f.access()
	require.NoError(t, err)
	require.Equal(t, signaling.RoleViewer, access.Role)
	require.False(t, access.Talk)
	require.Equal(t, "owner", access.Owner)
	camera, ok := store.CameraOfGrant(access.Grant)
	require.True(t, ok)
	require.Equal(t, f.camera, camera)

	require.NoError(t, f.EndShare(t.Context(), f.owner.ID, share.ID))
	f.requireNoAccess()
	require.Contains(t, f.revocations(), access.Grant)
}

// What an owner sees of an invitation must not say whether the name exists.
func TestInvitationsTellNothingOfNames(t *testing.T) {
	f := newFamily(t)
	var seen []store.Share
	for _, name := range []string{"nobody-1", "kim"} {
		share, _, err := f.Share(t.Context(), f.owner, f.camera, ShareForm{Username: name})
		require.NoError(t, err)
		if name == "kim" {
			require.ErrorIs(t, f.DeclineShare(t.Context(), f.owner.ID, share.ID), ErrNotFound)
			require.NoError(t, f.DeclineShare(t.Context(), f.guest.ID, share.ID))
			require.ErrorIs(t, f.AcceptShare(t.Context(), f.guest.ID, share.ID), ErrNotFound)
		}
	}
	list, err := f.SharesOf(t.Context(), f.owner.ID, f.camera)
	require.NoError(t, err)
	for _, share := range list {
		share.ID, share.Name, share.Edition = "", "", ""
		seen = append(seen, share)
	}
	require.Len(t, seen, 2)
	require.Equal(t, seen[0], seen[1])
	_, _, err = f.Share(t.Context(), f.owner, f.camera, ShareForm{Username: "OWNER"})
	require.ErrorAs(t, err, &FieldErrors{})
}

// A name that nobody has at the time of the invitation is not waited for.
func TestWhoTakesANameLaterIsNotInvited(t *testing.T) {
	f := newFamily(t)
	_, _, err := f.Share(t.Context(), f.owner, f.camera, ShareForm{Username: "later"})
	require.NoError(t, err)
	later, _ := f.member("later")
	asked, err := f.Invitations(t.Context(), later.ID)
	require.NoError(t, err)
	require.Empty(t, asked)
}

func TestShareByLink(t *testing.T) {
	f := newFamily(t)
	third, _ := f.member("lee")
	_, secret, err := f.Share(t.Context(), f.owner, f.camera, ShareForm{Note: "Grandma"})
	require.NoError(t, err)
	require.NotContains(t, string(f.written()), secret)
	_, err = f.Invitation(t.Context(), f.owner.ID, secret)
	require.ErrorIs(t, err, ErrOwnCamera)
	require.ErrorIs(t, f.AcceptLink(t.Context(), f.owner.ID, secret), ErrOwnCamera)
	invitation, err := f.Invitation(t.Context(), f.guest.ID, secret)
	require.NoError(t, err)
	require.Equal(t, "owner", invitation.Owner)
	require.NoError(t, f.AcceptLink(t.Context(), f.guest.ID, secret))
	_, err = f.access()
	require.NoError(t, err)
	for _, worthless := range []string{secret, secret[:len(secret)-1] + "a", "", "invite_"} {
		require.ErrorIs(t, f.AcceptLink(t.Context(), third.ID, worthless), ErrNotFound)
	}
}

func TestInvitationsEndByThemselves(t *testing.T) {
	f := newFamily(t)
	share, _, err := f.Share(t.Context(), f.owner, f.camera, ShareForm{Username: "kim"})
	require.NoError(t, err)
	_, secret, err := f.Share(t.Context(), f.owner, f.camera, ShareForm{Note: "a link"})
	require.NoError(t, err)
	f.advance(InvitationFor)
	require.ErrorIs(t, f.AcceptShare(t.Context(), f.guest.ID, share.ID), ErrNotFound)
	require.ErrorIs(t, f.AcceptLink(t.Context(), f.guest.ID, secret), ErrNotFound)
}

func TestShareExpires(t *testing.T) {
	f := newFamily(t)
	end := f.clock().Add(time.Hour)
	f.share(Terms{ExpiresAt: &end, Talk: true})
	access, err := f.access()
	require.NoError(t, err)
	require.True(t, access.Until.Equal(end))
	require.True(t, access.Talk)
	f.advance(time.Hour)
	f.requireNoAccess()
}

func TestHoursOfAShare(t *testing.T) {
	f := newFamily(t)
	f.advance(time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC).Sub(f.clock())) // a Monday
	f.share(Terms{Zone: "Europe/Berlin", Hours: []signaling.PrivacySpan{{Days: []string{"mon"}, From: "10:00", To: "12:00"}}})
	_, err := f.access()
	var closed *OutsideHoursError
	require.ErrorAs(t, err, &closed)
	require.Contains(t, closed.Error(), "Monday, 10:00 (CET)")
	list, err := f.SharedCameras(t.Context(), f.guest.ID)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.NotNil(t, list[0].Closed)
	f.advance(time.Hour + time.Minute)
	access, err := f.access()
	require.NoError(t, err)
	require.True(t, access.Until.Equal(time.Date(2026, 3, 2, 11, 0, 0, 0, time.UTC)))
	f.advance(2 * time.Hour)
	_, err = f.access()
	require.ErrorAs(t, err, &closed)
}

// Of several shares, the one counts that lets do more now.
func TestBestShareCounts(t *testing.T) {
	f := newFamily(t)
	end := f.clock().Add(time.Hour)
	f.share(Terms{Zone: "UTC", Hours: []signaling.PrivacySpan{{Days: []string{"mon"}, From: "00:00", To: "00:01"}}})
	short := f.share(Terms{ExpiresAt: &end})
	access, err := f.access()
	require.NoError(t, err)
	require.Equal(t, short.ID, access.Share)
	long := f.share(Terms{})
	access, err = f.access()
	require.NoError(t, err)
	require.Equal(t, long.ID, access.Share)
	talk := f.share(Terms{ExpiresAt: &end, Talk: true})
	access, err = f.access()
	require.NoError(t, err)
	require.Equal(t, talk.ID, access.Share)
	list, err := f.SharedCameras(t.Context(), f.guest.ID)
	require.NoError(t, err)
	require.Len(t, list, 1, "a camera appears once")
}

func TestChangedTermsAreAnotherGrant(t *testing.T) {
	f := newFamily(t)
	share := f.share(Terms{Talk: true})
	before, err := f.access()
	require.NoError(t, err)
	require.ErrorIs(t, f.ChangeShare(t.Context(), f.guest.ID, share.ID, Terms{Talk: true}), ErrNotFound, "viewers do not choose")
	require.NoError(t, f.ChangeShare(t.Context(), f.owner.ID, share.ID, Terms{}))
	require.Equal(t, []string{before.Grant}, f.revocations())
	after, err := f.access()
	require.NoError(t, err)
	require.False(t, after.Talk)
	require.NotEqual(t, before.Grant, after.Grant)
}

func TestTermsThatCannotBe(t *testing.T) {
	f := newFamily(t)
	past := f.clock()
	_, _, err := f.Share(t.Context(), f.owner, f.camera, ShareForm{Username: "kim", Terms: Terms{
		ExpiresAt: &past, Hours: []signaling.PrivacySpan{{From: "9", To: "10:00"}},
	}})
	var wrong FieldErrors
	require.ErrorAs(t, err, &wrong)
	for _, field := range []string{FieldExpires, "zone", "hours.0.days", "hours.0.from"} {
		require.NotEmpty(t, wrong[field], field)
	}
	_, _, err = f.Share(t.Context(), f.owner, f.camera, ShareForm{})
	require.ErrorAs(t, err, &wrong)
	require.NotEmpty(t, wrong[FieldNote])
	_, _, err = f.Share(t.Context(), f.guest, f.camera, ShareForm{Username: "owner"})
	require.ErrorIs(t, err, ErrNotFound, "another's camera")
}

func TestViewerLeaves(t *testing.T) {
	f := newFamily(t)
	share := f.share(Terms{})
	third, _ := f.member("lee")
	for _, other := range []*store.User{third, f.owner} {
		require.ErrorIs(t, f.LeaveShare(t.Context(), other.ID, share.ID), ErrNotFound)
	}
	require.ErrorIs(t, f.EndShare(t.Context(), f.guest.ID, share.ID), ErrNotFound)
	access, err := f.access()
	require.NoError(t, err)
	require.NoError(t, f.LeaveShare(t.Context(), f.guest.ID, share.ID))
	f.requireNoAccess()
	require.Equal(t, []string{access.Grant}, f.revocations())
}

func TestGroups(t *testing.T) {
	f := newFamily(t)
	id, code := f.bench.camera()
	second, err := f.Claim(t.Context(), f.owner.ID, ClaimForm{CameraID: id, ClaimCode: code})
	require.NoError(t, err)
	group, err := f.CreateGroup(t.Context(), f.owner.ID, GroupForm{Name: "Outside", Cameras: []string{f.camera}})
	require.NoError(t, err)
	require.Equal(t, []string{f.camera}, group.Cameras)
	share, _, err := f.Share(t.Context(), f.owner, f.camera, ShareForm{Username: "kim", GroupID: group.ID})
	require.NoError(t, err)
	require.NoError(t, f.AcceptShare(t.Context(), f.guest.ID, share.ID))
	first, err := f.access()
	require.NoError(t, err)
	can := func(camera string) bool {
		_, err := f.Access(t.Context(), f.guest.ID, camera)
		return err == nil
	}
	require.False(t, can(second))
	change := func(cameras ...string) {
		t.Helper()
		require.NoError(t, f.ChangeGroup(t.Context(), f.owner.ID, group.ID, GroupForm{Name: "Out", Cameras: cameras}))
	}
	change(f.camera, second)
	require.True(t, can(second), "what is added is shared")
	require.Empty(t, f.revocations())
	change(second)
	require.False(t, can(f.camera), "what is removed is not")
	require.Equal(t, []string{first.Grant}, f.revocations())
	change(second, f.camera)
	again, err := f.access()
	require.NoError(t, err)
	require.NotEqual(t, first.Grant, again.Grant, "a grant that ended never comes back")

	err = f.ChangeGroup(t.Context(), f.guest.ID, group.ID, GroupForm{Name: "mine"})
	require.ErrorIs(t, err, ErrNotFound)
	foreign := GroupForm{Name: "mine", Cameras: []string{f.camera}}
	_, err = f.CreateGroup(t.Context(), f.guest.ID, foreign)
	require.ErrorAs(t, err, &FieldErrors{})
	require.ErrorIs(t, f.DeleteGroup(t.Context(), f.guest.ID, group.ID), ErrNotFound)
	require.NoError(t, f.DeleteGroup(t.Context(), f.owner.ID, group.ID))
	f.requireNoAccess()
}

// Abuse 06: nothing that the old owner gave away survives, however the camera changes hands.
func TestAbuse06_NothingIsHandedOver(t *testing.T) {
	for name, hand := range map[string]func(f *family, next *store.User){
		"released": func(f *family, next *store.User) {
			code, err := f.Release(f.t.Context(), f.owner.ID, f.camera)
			require.NoError(f.t, err)
			_, err = f.Claim(f.t.Context(), next.ID, ClaimForm{CameraID: f.camera, ClaimCode: code})
			require.NoError(f.t, err)
		},
		"transferred": func(f *family, next *store.User) {
			_, err := f.OfferCamera(f.t.Context(), f.owner, f.camera, "Next")
			require.NoError(f.t, err)
			offers, err := f.Offers(f.t.Context(), next.ID)
			require.NoError(f.t, err)
			require.Len(f.t, offers, 1)
			camera, err := f.AcceptTransfer(f.t.Context(), next.ID, offers[0].ID)
			require.NoError(f.t, err)
			require.Equal(f.t, f.camera, camera)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFamily(t)
			next, _ := f.member("next")
			require.NoError(t, f.Rename(t.Context(), f.owner.ID, f.camera, "Nursery"))
			f.share(Terms{})
			open, _, err := f.Share(t.Context(), f.owner, f.camera, ShareForm{Username: "kim"})
			require.NoError(t, err)
			_, invite, err := f.Share(t.Context(), f.owner, f.camera, ShareForm{Note: "link"})
			require.NoError(t, err)
			group, err := f.CreateGroup(t.Context(), f.owner.ID, GroupForm{Name: "All", Cameras: []string{f.camera}})
			require.NoError(t, err)
			byGroup, _, err := f.Share(t.Context(), f.owner, f.camera, ShareForm{Username: "kim", GroupID: group.ID})
			require.NoError(t, err)
			require.NoError(t, f.AcceptShare(t.Context(), f.guest.ID, byGroup.ID))
			end := f.clock().Add(time.Hour)
			_, link, err := f.CreateGuestLink(t.Context(), f.owner.ID, f.camera, GuestLinkForm{"Sitter", &end})
			require.NoError(t, err)
			_, visit, err := f.Enter(t.Context(), link, "192.0.2.1", "a browser")
			require.NoError(t, err)
			_, token, err := f.CreateViewToken(t.Context(), f.owner.ID, f.camera, ViewTokenForm{Name: "Player"})
			require.NoError(t, err)
			before := f.grants()
			f.advance(time.Minute)

			hand(f, next)
			f.requireNoAccess()
			require.Subset(t, f.revocations(), before)
			_, err = f.Guest(t.Context(), visit)
			require.ErrorIs(t, err, ErrLinkEnded)
			_, _, err = f.Enter(t.Context(), link, "", "")
			require.ErrorIs(t, err, ErrLinkEnded)
			_, err = f.RedeemViewToken(t.Context(), token)
			require.ErrorIs(t, err, ErrNotFound)
			require.ErrorIs(t, f.AcceptShare(t.Context(), f.guest.ID, open.ID), ErrNotFound)
			require.ErrorIs(t, f.AcceptLink(t.Context(), f.guest.ID, invite), ErrNotFound)
			access, err := f.Access(t.Context(), next.ID, f.camera)
			require.NoError(t, err)
			require.True(t, access.Owns())
			require.Empty(t, access.Camera.Name)
			require.NotContains(t, before, access.Grant)
			shares, err := f.SharesOf(t.Context(), next.ID, f.camera)
			require.NoError(t, err)
			require.Empty(t, shares)
			links, err := f.GuestLinks(t.Context(), next.ID, f.camera)
			require.NoError(t, err)
			require.Empty(t, links)
			_, err = f.Access(t.Context(), f.owner.ID, f.camera)
			require.ErrorIs(t, err, ErrNotFound)
			kept, err := f.Group(t.Context(), f.owner.ID, group.ID)
			require.NoError(t, err)
			require.Empty(t, kept.Cameras)
		})
	}
}

// grants are what people watch the family's camera by.
func (f *family) grants() (list []string) {
	f.t.Helper()
	for _, user := range []*store.User{f.owner, f.guest} {
		access, err := f.Access(f.t.Context(), user.ID, f.camera)
		require.NoError(f.t, err)
		list = append(list, access.Grant)
	}
	links, err := f.GuestLinks(f.t.Context(), f.owner.ID, f.camera)
	require.NoError(f.t, err)
	for i := range links {
		list = append(list, links[i].Subject())
	}
	tokens, err := f.ViewTokens(f.t.Context(), f.owner.ID, f.camera)
	require.NoError(f.t, err)
	for i := range tokens {
		list = append(list, tokens[i].Subject())
	}
	return list
}
