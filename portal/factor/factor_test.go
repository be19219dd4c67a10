package factor

import (
	"context"
	"encoding/base32"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"seccam/pkg/credential"
	"seccam/portal/store"
	"seccam/portal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// at returns a service whose clock stands.
func at(t *testing.T, unix int64) *Service {
	t.Helper()
	now := func() time.Time { return time.Unix(unix, 0) }
	s, err := store.Open(t.Context(), storetest.Prepared(t, storetest.By(store.Open)), now)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	f, err := New(s, credential.NewSecret(), &url.URL{Scheme: "https", Host: "cams.example.org"}, now, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	return f
}

// TestKnownCodes are those of RFC 6238, appendix B, of which six digits are used here.
func TestKnownCodes(t *testing.T) {
	secret := base32.StdEncoding.EncodeToString([]byte("12345678901234567890"))
	for unix, code := range map[int64]string{
		59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130",
	} {
		s := at(t, unix)
		step := unix / 30
		assert.Equal(t, step, s.stepOf(secret, code), unix)
		assert.Equal(t, step, s.stepOf(secret, code[:3]+" "+code[3:]), "as apps show it")
		assert.Equal(t, step, at(t, unix+30).stepOf(secret, code), "clocks may differ by one step")
		assert.Zero(t, at(t, unix+90).stepOf(secret, code))
		for _, wrong := range []string{"", "000000", code + "0", code[1:], "x" + code[1:], strings.Repeat("1", 10_000)} {
			assert.Zero(t, s.stepOf(secret, wrong))
		}
	}
}

func TestSealedSecretsBelongToTheirAccount(t *testing.T) {
	s := at(t, 1)
	sealed := s.seal.Seal(nil, nil, []byte("secret"), sealContext(1))
	opened, err := s.seal.Open(nil, nil, sealed, sealContext(1))
	require.NoError(t, err)
	assert.Equal(t, "secret", string(opened))
	_, err = s.seal.Open(nil, nil, sealed, sealContext(2))
	assert.Error(t, err, "moved to another account")
	_, err = at(t, 1).seal.Open(nil, nil, sealed, sealContext(1))
	assert.Error(t, err, "another master key")
}

func TestWhyNoPasskeys(t *testing.T) {
	for address, works := range map[string]bool{
		"https://cams.example.org": true, "https://cams.example.org:8443": true, "http://localhost:8080": true, "https://localhost": true,
		"http://cams.example.org": false, "https://192.0.2.1": false, "http://127.0.0.1:8080": false, "https://[2001:db8::1]": false,
	} {
		public, err := url.Parse(address)
		require.NoError(t, err)
		assert.Equal(t, works, whyNoPasskeys(public) == "", address)
		if works {
			_, err = relyingParty(public)
			assert.NoError(t, err, address)
		}
	}
}

func TestNamesOfPasskeys(t *testing.T) {
	for typed, want := range map[string]string{
		"  My   phone ": "My phone", "a\x00b\nc": "ab c", "\xff": "", strings.Repeat("é", 70): strings.Repeat("é", 60), "": "",
	} {
		assert.Equal(t, want, cleanName(typed), "%q", typed)
	}
}

// TestAnswersAreTakenOnce takes a question's answer twice, too late, and one that nobody asked.
func TestAnswersAreTakenOnce(t *testing.T) {
	s := at(t, 1000)
	q, err := s.AskLogIn()
	require.NoError(t, err)
	_, err = s.take(t.Context(), q.State)
	require.NoError(t, err)
	_, err = s.take(t.Context(), q.State)
	assert.ErrorIs(t, err, ErrPasskey)
	q, err = s.AskLogIn()
	require.NoError(t, err)
	s.now = func() time.Time { return time.Unix(1000, 0).Add(ceremonyTime) }
	_, err = s.take(t.Context(), q.State)
	assert.ErrorIs(t, err, ErrPasskey)
	for _, nonsense := range []string{"", "{}", "null", "[]", "x"} {
		_, err = s.take(t.Context(), []byte(nonsense))
		assert.ErrorIs(t, err, ErrPasskey, nonsense)
	}
}

// FuzzAnswers has browsers answer anything; whatever it is, it is refused and nothing breaks.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"oA"}}`))
	f.Add([]byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"AA","signature":"AA","userHandle":"AA"}}`))
	f.Add([]byte(`{}`))
	now := func() time.Time { return time.Unix(1000, 0) }
	s, err := store.Open(context.Background(), storetest.Prepared(f, storetest.By(store.Open)), now)
	require.NoError(f, err)
	f.Cleanup(func() { require.NoError(f, s.Close()) })
	factors, err := New(s, credential.NewSecret(), &url.URL{Scheme: "https", Host: "cams.example.org"}, now, slog.New(slog.DiscardHandler))
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, answer []byte) {
		q, err := factors.AskLogIn()
		require.NoError(t, err)
		_, err = factors.LogIn(t.Context(), q.State, answer)
		require.ErrorIs(t, err, ErrPasskey)
		q, err = factors.AskFirst("robin")
		require.NoError(t, err)
		_, _, err = factors.First(t.Context(), "robin", q.State, answer)
		require.ErrorIs(t, err, ErrPasskey)
	})
}
