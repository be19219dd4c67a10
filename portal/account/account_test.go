package account

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/portal/store"
)

func TestSignUpSaysAllThatIsWrongAtOnce(t *testing.T) {
	b := newBench(t)
	_, err := b.SignUp(t.Context(), SignUpForm{Username: "-", CameraID: "x", ClaimCode: "y", Password: "short", PasswordConfirm: "other"})
	var wrong FieldErrors
	require.ErrorAs(t, err, &wrong)
	require.Len(t, wrong, 4)
	for _, field := range []string{FieldUsername, FieldCamera, FieldCode, FieldPassword} {
		require.NotEmpty(t, wrong[field], field)
		require.Contains(t, err.Error(), field)
	}
	id, code := b.camera()
	differ := form("owner", id, code)
	differ.PasswordConfirm = password + "x"
	_, err = b.SignUp(t.Context(), differ)
	require.ErrorAs(t, err, &wrong)
	require.Len(t, wrong, 1)
	require.NotEmpty(t, wrong[FieldConfirm])
}

func TestSignUpToLogIn(t *testing.T) {
	b := newBench(t)
	id, code := b.camera()
	user, err := b.SignUp(t.Context(), form("Owner", id, code))
	require.NoError(t, err)
	require.True(t, user.Pending())
	otherID, otherCode := b.camera()
	_, err = b.SignUp(t.Context(), form("owner", otherID, otherCode))
	var wrong FieldErrors
	require.ErrorAs(t, err, &wrong)
	require.NotEmpty(t, wrong[FieldUsername], "taken")

	require.ErrorIs(t, b.Confirm(t.Context(), user.ID), ErrNotSeen)
	flushed := 0
	b.presence.flush = func(context.Context) error { flushed++; return nil }
	b.presence.online = func(camera string) bool { return camera == id }
	require.NoError(t, b.Confirm(t.Context(), user.ID), "it was connected before the sign-up began")
	require.Equal(t, 1, flushed)
	require.NoError(t, b.Confirm(t.Context(), user.ID), "pressed twice")

	for _, name := range []string{"Owner", "OWNER"} {
		in, err := b.LogIn(t.Context(), name, password)
		require.NoError(t, err)
		require.Equal(t, user.ID, in.ID)
	}
}

func TestConfirmFailures(t *testing.T) {
	b := newBench(t)
	id, code := b.camera()
	user, err := b.SignUp(t.Context(), form("owner", id, code))
	require.NoError(t, err)
	down := errors.New("database down")
	b.presence.flush = func(context.Context) error { return down }
	require.ErrorIs(t, b.Confirm(t.Context(), user.ID), down)
	b.advance(SignUpTime)
	require.ErrorIs(t, b.Confirm(t.Context(), user.ID), ErrExpired)
	_, err = b.User(t.Context(), user.ID)
	require.ErrorIs(t, err, ErrNotFound)

	again, err := b.SignUp(t.Context(), form("owner", id, code))
	require.NoError(t, err, "name and camera are free")
	require.NoError(t, b.Cancel(t.Context(), again.ID))
	require.ErrorIs(t, b.Confirm(t.Context(), again.ID), ErrExpired)
	_, err = b.SignUp(t.Context(), form("owner", id, code))
	require.NoError(t, err)
}

func TestLogInFailuresAreOne(t *testing.T) {
	b := newBench(t)
	b.member("owner")
	for name, try := range map[string][2]string{
		"wrong password":  {"owner", "wrong horse 1"},
		"unknown name":    {"neighbour", password},
		"both empty":      {"", ""},
		"a huge password": {"owner", strings.Repeat("x", 1<<20)},
		"not a name":      {"owner' OR 1=1 --", password},
		"a NUL":           {"owner\x00", password},
	} {
		user, err := b.LogIn(t.Context(), try[0], try[1])
		require.Equal(t, ErrCredentials, err, name)
		require.Nil(t, user, name)
	}
}

// A name that does not exist costs the same hash: the decoy is what its password is compared with,
// and it never lets anyone in.
func TestLogInHashesForUnknownNames(t *testing.T) {
	b := newBench(t)
	b.member("owner")
	good := b.decoy
	b.decoy = "no hash at all"
	_, err := b.LogIn(t.Context(), "nobody", password)
	require.ErrorContains(t, err, "unknown form", "it was looked at")
	_, err = b.LogIn(t.Context(), "owner", "wrong horse 1")
	require.Equal(t, ErrCredentials, err)
	b.decoy, err = b.hasher.hash(t.Context(), password)
	require.NoError(t, err)
	_, err = b.LogIn(t.Context(), "nobody", password)
	require.Equal(t, ErrCredentials, err, "though the decoy's password is right")
	b.decoy = good
	params := regexp.MustCompile(`^\$[^$]+\$[^$]+\$[^$]+\$`)
	owner, err := b.store.UserByName(t.Context(), "owner")
	require.NoError(t, err)
	require.Equal(t, params.FindString(owner.PasswordHash), params.FindString(b.decoy), "the same algorithm and cost")
	require.NotEmpty(t, params.FindString(b.decoy))
}

func TestPasswordsAreNowhereInTheDatabaseAndTheLog(t *testing.T) {
	b := newBench(t)
	user, _ := b.member("owner")
	id, code := b.camera()
	_, err := b.Claim(t.Context(), user.ID, ClaimForm{CameraID: id, ClaimCode: code})
	require.NoError(t, err)
	_, err = b.LogIn(t.Context(), "owner", "wrong horse 1")
	require.ErrorIs(t, err, ErrCredentials)
	written := b.written()
	require.Contains(t, string(written), "$argon2id$v=19$"+argonCost+"$")
	for _, secret := range []string{password, "wrong horse 1", code, credential.FormatCode(code)} {
		require.NotContains(t, string(written), secret)
	}
}

// Whatever is wrong with a camera id or code that is well formed, the answer is the same, letter by
// letter, to sign-ups and claims.
func TestAbuse02_EnumerateIDs(t *testing.T) {
	b := newBench(t)
	user, owned := b.member("owner")
	free, code := b.camera()
	var texts []string
	for name, try := range map[string][2]string{
		"unknown":    {credential.NewCode(), credential.NewCode()},
		"owned":      {owned, credential.NewCode()},
		"wrong code": {free, credential.NewCode()},
		"swapped":    {code, free},
	} {
		_, err := b.SignUp(t.Context(), form("neighbour", try[0], try[1]))
		var wrong FieldErrors
		require.ErrorAs(t, err, &wrong, name)
		texts = append(texts, err.Error())
		_, err = b.Claim(t.Context(), user.ID, ClaimForm{CameraID: try[0], ClaimCode: try[1]})
		require.ErrorAs(t, err, &wrong, name)
		texts = append(texts, err.Error())
	}
	for _, text := range texts {
		require.Equal(t, texts[0], text)
	}
	_, err := b.store.UserByName(t.Context(), "neighbour")
	require.ErrorIs(t, err, store.ErrNotFound, "a refused sign-up leaves no account")
}

func TestAbuse04_ClaimOwnedCamera(t *testing.T) {
	b := newBench(t)
	owner, id := b.member("owner")
	neighbour, _ := b.member("neighbour")
	for n := 1; n < 3; n++ {
		_, err := b.Claim(t.Context(), neighbour.ID, ClaimForm{CameraID: id, ClaimCode: credential.NewCode()})
		require.Error(t, err)
		_, err = b.SignUp(t.Context(), form("carl", id, credential.NewCode()))
		require.Error(t, err)
		list, err := b.Notices(t.Context(), owner.ID)
		require.NoError(t, err)
		require.Len(t, list, 1)
		require.Equal(t, 2*n, list[0].Count)
		require.Equal(t, store.NoticeClaimAttempt, list[0].Kind)
		require.Equal(t, id, list[0].CameraID)
	}
	list, err := b.Notices(t.Context(), neighbour.ID)
	require.NoError(t, err)
	require.Empty(t, list)
	_, err = b.Camera(t.Context(), owner.ID, id)
	require.NoError(t, err, "still hers")
	notices, err := b.Notices(t.Context(), owner.ID)
	require.NoError(t, err)
	require.ErrorIs(t, b.DismissNotice(t.Context(), neighbour.ID, notices[0].ID), ErrNotFound)
	require.NoError(t, b.DismissNotice(t.Context(), owner.ID, notices[0].ID))
}

func TestClaimRenameRelease(t *testing.T) {
	b := newBench(t)
	owner, first := b.member("owner")
	neighbour, _ := b.member("neighbour")
	id, code := b.camera()
	b.advance(time.Minute)
	got, err := b.Claim(t.Context(), owner.ID, ClaimForm{CameraID: " " + credential.FormatCode(id), ClaimCode: code, Name: "  Front \t door "})
	require.NoError(t, err)
	require.Equal(t, id, got)
	camera, err := b.Camera(t.Context(), owner.ID, id)
	require.NoError(t, err)
	require.Equal(t, "Front door", camera.Name)
	cameras, err := b.Cameras(t.Context(), owner.ID)
	require.NoError(t, err)
	require.Len(t, cameras, 2)
	require.Equal(t, first, cameras[0].ID)

	require.ErrorIs(t, b.Rename(t.Context(), neighbour.ID, id, "mine"), ErrNotFound)
	require.NoError(t, b.Rename(t.Context(), owner.ID, id, "Back"))
	_, err = b.Release(t.Context(), neighbour.ID, id)
	require.ErrorIs(t, err, ErrNotFound)
	require.Empty(t, b.revocations(), "nobody is cut by a refused release")

	next, err := b.Release(t.Context(), owner.ID, id)
	require.NoError(t, err)
	require.Equal(t, []string{camera.Ownership(), store.ReleasePrefix + id}, b.revocations())
	_, err = b.Claim(t.Context(), neighbour.ID, ClaimForm{CameraID: id, ClaimCode: code})
	require.Error(t, err, "the label's code is worthless")
	_, err = b.Claim(t.Context(), neighbour.ID, ClaimForm{CameraID: id, ClaimCode: next})
	require.NoError(t, err)
}
