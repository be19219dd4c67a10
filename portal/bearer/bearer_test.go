package bearer

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	k, other := NewKind("seccam_x_", "seccam x v1"), NewKind("seccam_x_", "seccam y v1")
	token := k.New()
	assert.Regexp(t, `^seccam_x_[a-z2-7]{26}[0-9a-f]{8}$`, token)
	assert.NotEqual(t, token, k.New())
	hash, ok := k.Hash(token)
	assert.True(t, ok)
	foreign, ok := other.Hash(token)
	assert.True(t, ok)
	assert.NotEqual(t, hash, foreign, "a hash serves one purpose")
	for _, wrong := range []string{"", "seccam_x_", token + "0", " " + token, token[:len(token)-1] + "g", "seccam_z_" + token[9:]} {
		_, ok := k.Hash(wrong)
		assert.False(t, ok, wrong)
	}
}

// Programs that look for leaked secrets compute the same check.
func TestCheckKnownAnswer(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "cbf43926", check("123456789")) // the check value of CRC-32 in every catalogue
}

// The hash of a token that is stored already must stay what it is.
func TestHashKnownAnswer(t *testing.T) {
	t.Parallel()
	hash, ok := NewKind("seccam_pat_", "seccam API token v1").Hash("seccam_pat_aaaaaaaaaaaaaaaaaaaaaaaaaa" + check("seccam_pat_aaaaaaaaaaaaaaaaaaaaaaaaaa"))
	assert.True(t, ok)
	assert.Equal(t, "8034122c28eeef690cbd6e1fdbcd840018df59ddb31f3ec054d89b6994ed3afe", hex.EncodeToString(hash))
}
