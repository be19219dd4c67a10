package credential

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
)

var testTime = time.Unix(1_700_000_000, 0)

func testSecret(t testing.TB, fill byte) Secret {
	t.Helper()
	s, err := ParseSecret(hex.EncodeToString(bytes.Repeat([]byte{fill}, SecretSize)))
	require.NoError(t, err)
	return s
}

// Vectors computed with Python's hmac and hashlib: HKDF-SHA256 with an empty salt (RFC 5869), then
// HMAC-SHA256 over length-prefixed parts.
func TestKnownAnswers(t *testing.T) {
	master := testSecret(t, 1)
	key := DeviceKey(master, "0000000000000000000g", 1)
	require.Equal(t, "2bd993f9d2db87fe9c0d761cc620d05b718fd79827bd526e14abfc8ee978feea", key.Hex())
	proof := Proof(key, "0000000000000000000g", "nonce", "AA:BB")
	require.Equal(t, "3d760612d9e1e64d9bd1e4fdb617b226d9542b0df8d88cc06a8da04df6a7ee31", hex.EncodeToString(proof))
	require.Equal(t, "e4b9151a46c831da21d25040bf94799d4deb7636a0eaef49827fc2bab2024fc8", hex.EncodeToString(HashClaimCode("cam", "code")))
	require.NotEqual(t, key, DeviceKey(master, "0000000000000000000g", 2), "raising the version changes the key")
}

// The token was signed with Python's hmac over the RFC 7515 signing input.
func TestVerifyKnownToken(t *testing.T) {
	claims, err := NewKeys("1", testSecret(t, 2)).Verify("eyJhbGciOiAiSFMyNTYiLCAidHlwIjogIkpXVCIsICJraWQiOiAiMSJ9.eyJzdWIiOiAiY2FtZXJhLWMxIiwgImF1ZCI6IFsic2VjY2FtLW1xdHQiXSwgImlhdCI6IDE3MDAwMDAwMDAsICJleHAiOiAxNzAwMDAzNjAwLCAianRpIjogIngiLCAiYWNsIjogW3sicGVybWlzc2lvbiI6ICJkZW55IiwgImFjdGlvbiI6ICJhbGwiLCAidG9waWMiOiAiIyJ9XX0.ubyj9iFoNRnlfqztRy6zj70Bp2YHKUh1pQRMdNLmI_w", testTime)
	require.NoError(t, err)
	require.Equal(t, "camera-c1", claims.Subject)
	require.Equal(t, []Rule{{"deny", All, "#"}}, claims.ACL)
}

func TestProofBindsEverything(t *testing.T) {
	key := DeviceKey(testSecret(t, 1), "cam", 1)
	proof := Proof(key, "cam", "nonce", "fp")
	require.True(t, VerifyProof(key, "cam", "nonce", "fp", proof))
	require.False(t, VerifyProof(key, "cam", "other", "fp", proof))
	require.False(t, VerifyProof(key, "cam", "nonce", "other", proof))
	require.False(t, VerifyProof(key, "other", "nonce", "fp", proof))
	require.False(t, VerifyProof(key, "camn", "once", "fp", proof), "parts do not run together")
	require.False(t, VerifyProof(key, "cam", "nonce", "fp", nil))
}

func TestTokenRefusals(t *testing.T) {
	secret := testSecret(t, 2)
	keys := NewKeys("1", secret)
	who := Identity{RoleCamera, "c1"}
	good, _, err := keys.Issue(who, CameraRules("c1"), 1, testTime, time.Hour)
	require.NoError(t, err)
	_, err = keys.Verify(good, testTime.Add(59*time.Minute))
	require.NoError(t, err)

	sign := func(method jwt.SigningMethod, key any, change func(*Claims)) string {
		claims := &Claims{RegisteredClaims: jwt.RegisteredClaims{
			Subject: "camera-c1", Audience: jwt.ClaimStrings{Audience}, ExpiresAt: jwt.NewNumericDate(testTime.Add(time.Hour)),
		}}
		change(claims)
		token := jwt.NewWithClaims(method, claims)
		token.Header["kid"] = "1"
		signed, err := token.SignedString(key)
		require.NoError(t, err)
		return signed
	}
	key := secret.Bytes()
	for name, token := range map[string]string{
		"empty":           "",
		"garbage":         "a.b.c",
		"too large":       strings.Repeat("a", MaxToken+1),
		"alg none":        sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, func(*Claims) {}),
		"alg HS512":       sign(jwt.SigningMethodHS512, key, func(*Claims) {}),
		"other key":       sign(jwt.SigningMethodHS256, testSecret(t, 3).Bytes(), func(*Claims) {}),
		"other audience":  sign(jwt.SigningMethodHS256, key, func(c *Claims) { c.Audience = jwt.ClaimStrings{"x"} }),
		"no audience":     sign(jwt.SigningMethodHS256, key, func(c *Claims) { c.Audience = nil }),
		"no expiry":       sign(jwt.SigningMethodHS256, key, func(c *Claims) { c.ExpiresAt = nil }),
		"expired":         sign(jwt.SigningMethodHS256, key, func(c *Claims) { c.ExpiresAt = jwt.NewNumericDate(testTime) }),
		"from the future": sign(jwt.SigningMethodHS256, key, func(c *Claims) { c.IssuedAt = jwt.NewNumericDate(testTime.Add(time.Hour)) }),
		"unknown role":    sign(jwt.SigningMethodHS256, key, func(c *Claims) { c.Subject = "admin-1" }),
		"no subject":      sign(jwt.SigningMethodHS256, key, func(c *Claims) { c.Subject = "" }),
		"truncated":       good[:len(good)-4],
	} {
		_, err := keys.Verify(token, testTime)
		require.Error(t, err, name)
	}
	_, err = keys.Verify(good, testTime.Add(time.Hour))
	require.ErrorIs(t, err, jwt.ErrTokenExpired)
}

func TestKeysRotate(t *testing.T) {
	before := NewKeys("1", testSecret(t, 1))
	old, _, err := before.Issue(Identity{RoleTool, "x"}, nil, 0, testTime, time.Hour)
	require.NoError(t, err)
	after := NewKeys("2", testSecret(t, 2)).With("1", testSecret(t, 1))
	_, err = after.Verify(old, testTime)
	require.NoError(t, err, "tokens of the old key live on")
	fresh, _, err := after.Issue(Identity{RoleTool, "x"}, nil, 0, testTime, time.Hour)
	require.NoError(t, err)
	_, err = before.Verify(fresh, testTime)
	require.Error(t, err, "new tokens are signed with the new key")
}

func TestIdentityOwnsClientIDs(t *testing.T) {
	who := Identity{RoleCamera, "c1"}
	for id, want := range map[string]bool{
		"camera-c1": true, "camera-c1.2": true, "camera-c1.tool_3": true,
		"": false, "camera-c": false, "camera-c11": false, "camera-c1.": false, "camera-c1..2": false,
		"camera-c2": false, "portal-c1": false, "camera-c1.2/3": false, "CAMERA-c1": false,
	} {
		require.Equal(t, want, who.OwnsClientID(id), id)
	}
	for _, bad := range []string{"", "camera", "camera-", "camera-a.b", "camera-a/b", "root-1", "camera-" + strings.Repeat("x", 65)} {
		_, err := ParseSubject(bad)
		require.Error(t, err, bad)
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	s := testSecret(t, 0xAB)
	marshalled, err := json.Marshal(map[string]any{"k": s})
	require.NoError(t, err)
	var logged bytes.Buffer
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "key", s)
	for _, text := range []string{fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %x %s %d %q", s, s, s, s, s, s, s), string(marshalled), logged.String(), fmt.Sprintf("%+v", struct{ K Secret }{s})} {
		require.NotContains(t, strings.ToLower(text), "abab")
		require.NotContains(t, text, "171")
		require.Contains(t, text, redacted)
	}
}

func TestSecretFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys", "k")
	created, err := LoadOrCreateSecret(path)
	require.NoError(t, err)
	again, err := LoadOrCreateSecret(path)
	require.NoError(t, err)
	require.Equal(t, created.Hex(), again.Hex())
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	require.NoError(t, os.Chmod(path, 0o640))
	_, err = LoadOrCreateSecret(path)
	require.ErrorContains(t, err, "chmod 600")
	t.Setenv("CREDENTIALS_DIRECTORY", filepath.Dir(path))
	_, err = LoadSecret(path)
	require.NoError(t, err, "systemd's own credentials are readable by the service's group")
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	require.NoError(t, os.Chmod(path, 0o600))
	require.ErrorIs(t, WriteSecretFile(path, nil), os.ErrExist)
	require.NoError(t, os.WriteFile(path, []byte("short"), 0o600))
	_, err = LoadSecret(path)
	require.ErrorContains(t, err, "64 hexadecimal digits")
}

func TestSecretFileIsCreatedOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "k")
	keys := make(chan string, 8)
	for range cap(keys) {
		go func() {
			s, err := LoadOrCreateSecret(path)
			if err != nil {
				keys <- err.Error()
				return
			}
			keys <- s.Hex()
		}()
	}
	first := <-keys
	for range cap(keys) - 1 {
		require.Equal(t, first, <-keys)
	}
}

func FuzzVerify(f *testing.F) {
	keys := NewKeys("1", Secret{})
	token, _, _ := keys.Issue(Identity{RoleTool, "x"}, nil, 0, testTime, time.Hour)
	f.Add(token)
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Fuzz(func(t *testing.T, forged string) {
		claims, err := keys.Verify(forged, testTime)
		if err == nil {
			require.Equal(t, "tool-x", claims.Subject, "only what was signed verifies")
		}
	})
}

// A broker whose users are addresses finds the bearer in the token in that form.
func TestTokensForABrokerWithAddresses(t *testing.T) {
	keys := NewKeys("k", NewSecret())
	camera, portal := Identity{RoleCamera, "abc"}, Identity{RolePortal, "abc"}
	require.Equal(t, "camera-abc", keys.Username(camera))
	_, claims, err := keys.Issue(camera, NoRules(), 0, time.Now(), time.Minute)
	require.NoError(t, err)
	require.Empty(t, claims.JID)

	keys = keys.ForHost("seccam").With("old", NewSecret())
	for who, want := range map[Identity]string{camera: "abc@seccam", portal: "portal-abc@seccam"} {
		require.Equal(t, want, keys.Username(who))
		token, _, err := keys.Issue(who, NoRules(), 0, time.Now(), time.Minute)
		require.NoError(t, err)
		claims, err := keys.Verify(token, time.Now())
		require.NoError(t, err)
		require.Equal(t, want, claims.JID)
		require.Equal(t, who.Subject(), claims.Subject)
	}
}
