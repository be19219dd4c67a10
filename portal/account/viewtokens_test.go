package account

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestViewToken(t *testing.T) {
	b := newBench(t)
	owner, camera := b.member("owner")
	neighbour, _ := b.member("neighbour")
	end := b.clock().Add(time.Hour)
	token, secret, err := b.CreateViewToken(t.Context(), owner.ID, camera, ViewTokenForm{Name: "  Home  Assistant ", ExpiresAt: &end})
	require.NoError(t, err)
	require.Equal(t, "Home Assistant", token.Name)
	require.Regexp(t, viewSecret.form, secret)
	for _, theirs := range []func() error{
		func() error {
			_, _, err := b.CreateViewToken(t.Context(), neighbour.ID, camera, ViewTokenForm{Name: "x"})
			return err
		},
		func() error { return b.RevokeViewToken(t.Context(), neighbour.ID, camera, token.ID) },
	} {
		require.ErrorIs(t, theirs(), ErrNotFound)
	}

	redeemed, err := b.RedeemViewToken(t.Context(), secret)
	require.NoError(t, err)
	require.Equal(t, token.ID, redeemed.ID)
	require.NoError(t, b.ViewTokenUsed(t.Context(), token.ID))
	list, err := b.ViewTokens(t.Context(), owner.ID, camera)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.NotNil(t, list[0].LastUsedAt)
	for _, wrong := range []string{"", "view_", secret + "a", strings.ToUpper(secret), secret[:len(secret)-1] + "1", token.ID, "view_" + strings.Repeat("a", 26)} {
		_, err := b.RedeemViewToken(t.Context(), wrong)
		require.ErrorIs(t, err, ErrNotFound, wrong)
	}
	require.NotContains(t, strings.ToLower(string(b.written())), secret[len("view_"):], "it is kept as a hash only")

	holds, err := b.ViewTokenHolds(t.Context(), token.ID)
	require.NoError(t, err)
	require.True(t, holds)
	b.advance(time.Hour)
	holds, err = b.ViewTokenHolds(t.Context(), token.ID)
	require.NoError(t, err)
	require.False(t, holds)
	_, err = b.RedeemViewToken(t.Context(), secret)
	require.ErrorIs(t, err, ErrNotFound)
	require.NoError(t, b.RevokeViewToken(t.Context(), owner.ID, camera, token.ID), "expired or not")
	require.ErrorIs(t, b.RevokeViewToken(t.Context(), owner.ID, camera, token.ID), ErrNotFound)
}

func TestViewTokenForms(t *testing.T) {
	b := newBench(t)
	owner, camera := b.member("owner")
	now, far := b.clock(), b.clock().Add(2*maxViewTime)
	for name, tc := range map[string]struct {
		form  ViewTokenForm
		field string
	}{
		"no name":       {ViewTokenForm{Name: " "}, FieldName},
		"a long name":   {ViewTokenForm{Name: strings.Repeat("x", MaxName+1)}, FieldName},
		"ended already": {ViewTokenForm{Name: "x", ExpiresAt: &now}, FieldExpires},
		"too far away":  {ViewTokenForm{Name: "x", ExpiresAt: &far}, FieldExpires},
	} {
		_, _, err := b.CreateViewToken(t.Context(), owner.ID, camera, tc.form)
		var wrong FieldErrors
		require.ErrorAs(t, err, &wrong, name)
		require.Len(t, wrong, 1, name)
		require.Contains(t, wrong, tc.field, name)
	}
	for range MaxViewTokens {
		_, _, err := b.CreateViewToken(t.Context(), owner.ID, camera, ViewTokenForm{Name: "x"})
		require.NoError(t, err)
	}
	_, _, err := b.CreateViewToken(t.Context(), owner.ID, camera, ViewTokenForm{Name: "x"})
	var wrong FieldErrors
	require.ErrorAs(t, err, &wrong)
	require.Contains(t, wrong[FieldName], "Revoke one")
}
