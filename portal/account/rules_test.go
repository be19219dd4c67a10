package account

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPasswordRules(t *testing.T) {
	for _, tc := range []struct {
		username, password string
		broken             string
	}{
		{"owner", "correct horse", ""},
		{"owner", "", "length"},
		{"owner", "short 1", "length"},
		{"owner", "abcdefghi1", ""},
		{"owner", "abcdefgh1", "length"},
		{"owner", strings.Repeat("a", 127) + "1", ""},
		{"owner", strings.Repeat("a", 128) + "1", "length"},
		{"owner", "1234567890", ""},
		{"owner", "abcdefghij", ""},
		{"owner", "ééééééééé1", ""},    // characters are counted, not bytes
		{"owner", "日本語日本語日本語日", ""},    // of any script
		{"owner", "😀😀😀😀😀😀😀😀😀a", ""},    // one character each, as with JavaScript's u flag
		{"owner", "😀😀😀😀😀a", "length"},  // 11 UTF-16 units, 6 characters
		{"owner", "line\nbreak\n", ""}, // a dot would not match it
		{"owner", "123 OWNER 456", "username"},
		{"OWNER", "xx-owner-xx", "username"},
		{"", "correct horse", ""}, // nothing typed yet
		{"owner", "correct\xffhorse", "length"},
	} {
		var broken []string
		for _, rule := range BrokenPasswordRules(tc.username, tc.password) {
			broken = append(broken, rule.ID)
		}
		require.Equal(t, tc.broken, strings.Join(broken, " "), "%q %q", tc.username, tc.password)
	}
}

// The patterns use only what Go and JavaScript read alike: no flags, no \s or \w (Unicode differs),
// no ^ or $ but at the ends, no lookaround, no named groups, no \z.
func TestPatternsAreOfTheCommonSubset(t *testing.T) {
	common := regexp.MustCompile(`^\^?(\[\\s\\S\]|\\p\{L\}|\[\^\\p\{L\}\]|\[[A-Za-z0-9._\\-]+\]|\{\d+,\d+\})*\$?$`)
	seen := map[string]bool{}
	for _, rule := range PasswordRules {
		require.False(t, seen[rule.ID], rule.ID)
		seen[rule.ID] = true
		require.NotEmpty(t, rule.Text)
		require.Regexp(t, common, rule.Pattern)
		require.Equal(t, rule.Pattern == "", rule.ID == "username")
	}
	require.Regexp(t, common, UsernamePattern)
}

func TestUsernames(t *testing.T) {
	for name, ok := range map[string]bool{
		"abc": true, "A-b_c.9": true, "0ab": true, strings.Repeat("a", 32): true,
		"": false, "ab": false, ".ab": false, "-ab": false, strings.Repeat("a", 33): false,
		"a b": false, "änna": false, "abc\n": false, "abc\x00": false, "a/b": false, "a@b": false,
	} {
		wrong := FieldErrors{}
		wrong.checkUsername(name)
		require.Equal(t, ok, wrong.err() == nil, "%q", name)
	}
}

func TestNamesOfCameras(t *testing.T) {
	for _, tc := range []struct {
		typed, want string
		ok          bool
	}{
		{"", "", true},
		{" \t\n ", "", true},
		{" Front  door ", "Front door", true},
		{strings.Repeat("é", MaxName), strings.Repeat("é", MaxName), true},
		{strings.Repeat("a", MaxName+1), "", false},
		{"<script>", "<script>", true}, // pages escape it
		{"bad\xff", "", false},
		{"bad\x00", "", false}, // Postgres cannot keep it
		{"bad\x1b[2J", "", false},
	} {
		wrong := FieldErrors{}
		name := wrong.checkName(tc.typed)
		require.Equal(t, tc.ok, wrong.err() == nil, "%q", tc.typed)
		if tc.ok {
			require.Equal(t, tc.want, name)
		}
	}
}

func TestHashes(t *testing.T) {
	h := newHasher(1)
	one, err := h.hash(t.Context(), password)
	require.NoError(t, err)
	two, err := h.hash(t.Context(), password)
	require.NoError(t, err)
	require.NotEqual(t, one, two, "salted")
	require.Regexp(t, `^\$argon2id\$v=19\$`+argonCost+`\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`, one)
	for candidate, want := range map[string]bool{password: true, password + " ": false, "": false} {
		ok, err := h.verify(t.Context(), candidate, one)
		require.NoError(t, err)
		require.Equal(t, want, ok)
	}
	for _, bad := range []string{
		"", password, "$argon2i$v=19$" + argonCost + "$AA$AA", "$argon2id$v=19$m=1,t=1,p=1$AA$AA",
		"$argon2id$v=19$" + argonCost + "$!$AA", "$argon2id$v=19$" + argonCost + "$AA$!",
	} {
		ok, err := h.verify(t.Context(), password, bad)
		require.Error(t, err, bad)
		require.False(t, ok)
	}
}

func TestHashWaitsItsTurnAndGivesUp(t *testing.T) {
	h := newHasher(1)
	h <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := h.hash(ctx, password)
	require.ErrorIs(t, err, context.Canceled)
}

func FuzzVerify(f *testing.F) {
	f.Add("$argon2id$v=19$" + argonCost + "$AAAA$AAAA")
	h := newHasher(1)
	ended, cancel := context.WithCancel(context.Background())
	cancel() // a hash of the right form is not computed
	f.Fuzz(func(t *testing.T, phc string) {
		ok, _ := h.verify(ended, "x", phc)
		_ = ok
		require.Empty(t, h)
	})
}

// argonCost is the cost as a hash says it.
var argonCost = fmt.Sprintf("m=%d,t=2,p=1", argonMemory)

// What is shipped has the cost that OWASP recommends.
func TestShippedCost(t *testing.T) {
	source, err := os.ReadFile("cost.go")
	require.NoError(t, err)
	require.Contains(t, string(source), "//go:build !race")
	require.Contains(t, string(source), "argonMemory = 19 << 10 // KiB")
}
