package account

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAPITokenForms(t *testing.T) {
	b := newBench(t)
	user, _ := b.member("owner")
	end, late, past := b.clock().Add(time.Hour), b.clock().Add(maxAPITokenTime+time.Second), b.clock()
	for field, form := range map[string]APITokenForm{
		FieldName:    {Scopes: []string{"watch"}, ExpiresAt: &end},
		FieldScopes:  {Name: "x", Scopes: []string{"watch", "everything"}, ExpiresAt: &end},
		FieldExpires: {Name: "x", Scopes: []string{"watch"}, ExpiresAt: &late},
	} {
		_, _, err := b.CreateAPIToken(t.Context(), user.ID, form)
		var wrong FieldErrors
		require.ErrorAs(t, err, &wrong)
		require.Len(t, wrong, 1)
		require.NotEmpty(t, wrong[field])
	}
	for _, ends := range []*time.Time{nil, &past} {
		_, _, err := b.CreateAPIToken(t.Context(), user.ID, APITokenForm{Name: "x", Scopes: nil, ExpiresAt: ends})
		require.ErrorContains(t, err, "Choose what the token may do")
		require.ErrorContains(t, err, "Say when it ends")
	}
	token, secret, err := b.CreateAPIToken(t.Context(), user.ID, APITokenForm{Name: "x", Scopes: []string{"watch", "cameras:read", "watch"}, ExpiresAt: &end})
	require.NoError(t, err)
	require.Equal(t, "cameras:read watch", token.Scopes)
	require.True(t, token.May("watch"))
	require.False(t, token.May("share"))
	require.False(t, token.May(""))
	require.NotContains(t, string(b.written()), secret)
	for range MaxAPITokens - 1 {
		_, _, err = b.CreateAPIToken(t.Context(), user.ID, APITokenForm{Name: "x", Scopes: []string{"watch"}, ExpiresAt: &end})
		require.NoError(t, err)
	}
	_, _, err = b.CreateAPIToken(t.Context(), user.ID, APITokenForm{Name: "x", Scopes: []string{"watch"}, ExpiresAt: &end})
	require.ErrorAs(t, err, &FieldErrors{})
}
