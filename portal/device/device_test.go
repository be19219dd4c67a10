package device

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/pkg/signaling"
	"seccam/portal/store"
)

const fingerprint = "AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99"

// fakeStore is a store of functions.
type fakeStore struct {
	camera func(id string) (*store.Camera, error)
	use    func(nonce string, expires time.Time) (bool, error)
	report func(camera, fingerprint string) error
}

func (f *fakeStore) CameraByID(_ context.Context, id string) (*store.Camera, error) {
	return f.camera(id)
}
func (f *fakeStore) UseNonce(_ context.Context, nonce string, expires time.Time) (bool, error) {
	return f.use(nonce, expires)
}
func (f *fakeStore) ReportFingerprint(_ context.Context, camera, fp string) error {
	return f.report(camera, fp)
}

type bench struct {
	*Service
	fake     *fakeStore
	at       time.Time
	used     map[string]bool
	reported map[string]string
	log      *bytes.Buffer
}

// newBench knows one camera, "c1", whose key has version 3.
func newBench() *bench {
	b := &bench{at: time.Unix(1_700_000_000, 0), used: map[string]bool{}, reported: map[string]string{}, log: &bytes.Buffer{}}
	b.fake = &fakeStore{
		camera: func(id string) (*store.Camera, error) {
			if id != "c1" {
				return nil, store.ErrNotFound
			}
			return &store.Camera{ID: "c1", KeyVersion: 3}, nil
		},
		use: func(nonce string, _ time.Time) (bool, error) {
			fresh := !b.used[nonce]
			b.used[nonce] = true
			return fresh, nil
		},
		report: func(camera, fp string) error { b.reported[camera] = fp; return nil },
	}
	b.Service = &Service{
		Store: b.fake, Master: credential.NewSecret(), Keys: credential.NewKeys("k", credential.NewSecret()),
		MQTTURLs: func() []string { return []string{"mqtt://h:1"} }, TokenTTL: TokenTTL, Now: func() time.Time { return b.at },
		ReconnectWithin: func() time.Duration { return 7900 * time.Millisecond },
		Log:             slog.New(slog.NewTextHandler(b.log, nil)),
	}
	return b
}

func (b *bench) nonce(t testing.TB, camera string) string {
	t.Helper()
	challenge, err := b.Challenge(t.Context(), credential.ChallengeRequest{Camera: camera})
	require.NoError(t, err)
	require.Equal(t, 60, challenge.ExpiresIn)
	return challenge.Nonce
}

// proved is a request as camerad makes it.
func (b *bench) proved(camera, nonce string, version int) credential.TokenRequest {
	key := credential.DeviceKey(b.Master, camera, version)
	return credential.TokenRequest{
		Camera: camera, Nonce: nonce, Fingerprint: fingerprint,
		Proof: hex.EncodeToString(credential.Proof(key, camera, nonce, fingerprint)),
	}
}

func TestToken(t *testing.T) {
	b := newBench()
	got, err := b.Token(t.Context(), b.proved("c1", b.nonce(t, "c1"), 3))
	require.NoError(t, err)
	claims, err := b.Keys.Verify(got.Token, b.at)
	require.NoError(t, err)
	require.Equal(t, "camera-c1", claims.Subject)
	require.Equal(t, 3, claims.KeyVersion)
	require.Equal(t, credential.CameraRules("c1"), claims.ACL)
	require.Equal(t, b.at.Add(TokenTTL), claims.ExpiresAt.Time)
	got.Token = ""
	require.Equal(t, credential.TokenResponse{
		Username: "camera-c1", ClientID: "camera-c1", MQTTURL: "mqtt://h:1", ExpiresIn: 86400, ReconnectWithin: 7, ServerTime: b.at.UnixMilli(),
	}, got)
	require.Equal(t, fingerprint, b.reported["c1"])
}

func TestAbuse25_ReplayedProof(t *testing.T) {
	b := newBench()
	req := b.proved("c1", b.nonce(t, "c1"), 3)
	_, err := b.Token(t.Context(), req)
	require.NoError(t, err)
	_, err = b.Token(t.Context(), req)
	require.Equal(t, ErrRefused, err)

	// A nonce that was spent on a wrong proof is spent.
	good := b.proved("c1", b.nonce(t, "c1"), 3)
	wrong := good
	wrong.Proof = strings.Repeat("00", 32)
	_, err = b.Token(t.Context(), wrong)
	require.Equal(t, ErrRefused, err)
	_, err = b.Token(t.Context(), good)
	require.Equal(t, ErrRefused, err)
}

// A nonce has one spelling: else one challenge would be good for several proofs.
func TestAbuse25_NonceHasOneSpelling(t *testing.T) {
	b := newBench()
	nonce := b.nonce(t, "c1")
	raw, err := base64.RawURLEncoding.DecodeString(nonce)
	require.NoError(t, err)
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	var spellings []string
	for _, last := range alphabet {
		other := nonce[:len(nonce)-1] + string(last)
		if same, err := base64.RawURLEncoding.DecodeString(other); err == nil && bytes.Equal(raw, same) && other != nonce {
			spellings = append(spellings, other)
		}
	}
	require.NotEmpty(t, spellings)
	for _, other := range append(spellings, nonce+"\n", "\r"+nonce, nonce+"=") {
		_, err := b.Token(t.Context(), b.proved("c1", other, 3))
		require.Equal(t, ErrRefused, err, "%q", other)
	}
	require.Empty(t, b.used)
}

func TestRefusals(t *testing.T) {
	for name, spoil := range map[string]func(*bench, *credential.TokenRequest){
		"unknown camera": func(b *bench, r *credential.TokenRequest) { *r = b.proved("c2", b.nonce(t, "c2"), 3) },
		"unknown camera, version 0": func(b *bench, r *credential.TokenRequest) {
			*r = b.proved("c2", b.nonce(t, "c2"), 0)
		},
		"no camera":         func(b *bench, r *credential.TokenRequest) { *r = b.proved("", b.nonce(t, ""), 0) },
		"another's nonce":   func(b *bench, r *credential.TokenRequest) { *r = b.proved("c1", b.nonce(t, "c2"), 3) },
		"old key version":   func(b *bench, r *credential.TokenRequest) { *r = b.proved("c1", r.Nonce, 2) },
		"next key version":  func(b *bench, r *credential.TokenRequest) { *r = b.proved("c1", r.Nonce, 4) },
		"expired":           func(b *bench, _ *credential.TokenRequest) { b.at = b.at.Add(NonceTTL) },
		"another's master":  func(b *bench, r *credential.TokenRequest) { *r = b.proved("c1", newBench().nonce(t, "c1"), 3) },
		"proof not hex":     func(_ *bench, r *credential.TokenRequest) { r.Proof = "zz" + r.Proof[2:] },
		"odd hex":           func(_ *bench, r *credential.TokenRequest) { r.Proof = r.Proof[1:] },
		"proof cut":         func(_ *bench, r *credential.TokenRequest) { r.Proof = r.Proof[:62] },
		"no proof":          func(_ *bench, r *credential.TokenRequest) { r.Proof = "" },
		"nonce forged":      func(b *bench, r *credential.TokenRequest) { *r = b.proved("c1", flip(r.Nonce), 3) },
		"nonce cut":         func(b *bench, r *credential.TokenRequest) { *r = b.proved("c1", r.Nonce[:40], 3) },
		"no nonce":          func(b *bench, r *credential.TokenRequest) { *r = b.proved("c1", "", 3) },
		"nonce not base64":  func(b *bench, r *credential.TokenRequest) { *r = b.proved("c1", "!"+r.Nonce[1:], 3) },
		"other fingerprint": func(_ *bench, r *credential.TokenRequest) { r.Fingerprint = "BB" + r.Fingerprint[2:] },
		"small fingerprint": func(_ *bench, r *credential.TokenRequest) { r.Fingerprint = strings.ToLower(r.Fingerprint) },
		"no fingerprint":    func(_ *bench, r *credential.TokenRequest) { r.Fingerprint = "" },
		"two fingerprints":  func(_ *bench, r *credential.TokenRequest) { r.Fingerprint += "\n" + r.Fingerprint },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench()
			req := b.proved("c1", b.nonce(t, "c1"), 3)
			spoil(b, &req)
			got, err := b.Token(t.Context(), req)
			require.Equal(t, ErrRefused, err, "the same, whatever was wrong")
			require.Zero(t, got)
			require.Empty(t, b.reported)
			if len(req.Proof) > 0 {
				require.NotContains(t, b.log.String(), req.Proof)
			}
		})
	}
}

// flip changes the nonce's expiry, which its MAC covers.
func flip(nonce string) string {
	raw, err := base64.RawURLEncoding.DecodeString(nonce)
	if err != nil {
		panic(err)
	}
	raw[nonceRandom]++
	return base64.RawURLEncoding.EncodeToString(raw)
}

func TestStoreDownIsNoRefusal(t *testing.T) {
	down := errors.New("database down")
	for name, breakStore := range map[string]func(*fakeStore){
		"nonce":  func(f *fakeStore) { f.use = func(string, time.Time) (bool, error) { return false, down } },
		"camera": func(f *fakeStore) { f.camera = func(string) (*store.Camera, error) { return nil, down } },
		"report": func(f *fakeStore) { f.report = func(string, string) error { return down } },
	} {
		b := newBench()
		req := b.proved("c1", b.nonce(t, "c1"), 3)
		breakStore(b.fake)
		_, err := b.Token(t.Context(), req)
		require.ErrorIs(t, err, down, name)
		require.NotErrorIs(t, err, ErrRefused, name)
	}
}

// Whatever is sent as a nonce, only the very text that was given out is redeemed, and once.
func FuzzRedeem(f *testing.F) {
	b := newBench()
	f.Add("c1", "")
	f.Add("c1", b.nonce(f, "c1"))
	f.Add("c2", b.nonce(f, "c1")+"\n")
	f.Fuzz(func(t *testing.T, camera, text string) {
		given := b.nonce(t, camera)
		require.NoError(t, b.redeem(t.Context(), camera, given))
		require.Equal(t, ErrRefused, b.redeem(t.Context(), camera, given))
		if before := len(b.used); b.redeem(t.Context(), camera, text) == nil {
			require.Len(t, b.used, before+1)
			require.Len(t, text, base64.RawURLEncoding.EncodedLen(nonceSize))
			require.Equal(t, ErrRefused, b.redeem(t.Context(), camera, text))
			require.Equal(t, ErrRefused, b.redeem(t.Context(), camera+"x", text))
		}
	})
}

// A camera that checks itself asks for ICE servers; others are given none.
func TestICEServersForACameraThatChecksItself(t *testing.T) {
	b := newBench()
	b.ICE = func(camera string) []signaling.ICEServer {
		return []signaling.ICEServer{{URLs: []string{"turn:relay.example"}, Username: camera, Credential: "x"}}
	}
	for _, asked := range []bool{false, true} {
		request := b.proved("c1", b.nonce(t, "c1"), 3)
		request.ICE = asked
		response, err := b.Token(t.Context(), request)
		require.NoError(t, err)
		require.Equal(t, asked, len(response.ICEServers) == 1)
	}
	request := b.proved("c1", b.nonce(t, "c1"), 2) // an old key
	request.ICE = true
	response, err := b.Token(t.Context(), request)
	require.ErrorIs(t, err, ErrRefused)
	require.Empty(t, response.ICEServers)
}
