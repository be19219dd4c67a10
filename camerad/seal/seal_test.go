package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
)

const cameraID = "d5tx0bdn8j6hcmav70kg"

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(text)
	require.NoError(t, err)
	return data
}

// The vector was computed with the WebCrypto of a browser's engine, which is what opens it.
func TestKnownAnswer(t *testing.T) {
	private, err := ecdh.P256().NewPrivateKey(unhex(t, "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"))
	require.NoError(t, err)
	asker, err := ecdh.P256().NewPrivateKey(unhex(t, "2122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f40"))
	require.NoError(t, err)
	nonce := unhex(t, "000102030405060708090a0b")
	sealed, err := sealWith(private, nonce, []byte("a small picture"), asker.PublicKey().Bytes(), cameraID)
	require.NoError(t, err)
	require.Equal(t, "04515c3d6eb9e396b904d3feca7f54fdcd0cc1e997bf375dca515ad0a6c3b4035f4536be3a50f318fbf9a5475902a221502bef0d57e08c53b2cc0a56f17d9f9354"+
		"000102030405060708090a0b"+
		"4782fa086994ad77b65f50cf03792c1a540acf5d2258d85b55ae73429a2ed8", hex.EncodeToString(sealed))
	require.Len(t, sealed, Overhead+len("a small picture"))
	opened, err := open(asker, sealed, cameraID)
	require.NoError(t, err)
	require.Equal(t, "a small picture", string(opened))
}

// open is the asker's side, with HKDF written out (RFC 5869): one block of output is enough.
func open(asker *ecdh.PrivateKey, sealed []byte, camera string) ([]byte, error) {
	point, rest := sealed[:PointSize], sealed[PointSize:]
	public, err := ecdh.P256().NewPublicKey(point)
	if err != nil {
		return nil, err
	}
	secret, err := asker.ECDH(public)
	if err != nil {
		return nil, err
	}
	mac := func(key []byte, parts ...[]byte) []byte {
		h := hmac.New(sha256.New, key)
		for _, part := range parts {
			h.Write(part)
		}
		return h.Sum(nil)
	}
	extracted := mac(make([]byte, sha256.Size), secret)
	key := mac(extracted, []byte("seccam snapshot v1"), []byte(camera), point, asker.PublicKey().Bytes(), []byte{1})
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return gcm.Open(nil, rest[:gcm.NonceSize()], rest[gcm.NonceSize():], nil)
}

func TestOnlyTheAskerOpensIt(t *testing.T) {
	picture := bytes.Repeat([]byte{0xff, 0xd8, 0xff, 0xe0}, 5000)
	asker, err := ecdh.P256().GenerateKey(rand.Reader)
	require.NoError(t, err)
	other, err := ecdh.P256().GenerateKey(rand.Reader)
	require.NoError(t, err)
	seen := map[string]bool{}
	for range 20 {
		sealed, err := Seal(picture, asker.PublicKey().Bytes(), cameraID)
		require.NoError(t, err)
		opened, err := open(asker, sealed, cameraID)
		require.NoError(t, err)
		require.Equal(t, picture, opened)
		require.NotContains(t, string(sealed), string(picture[:4]), "nothing of it is in clear")
		require.False(t, seen[string(sealed[:PointSize])], "a key is used once")
		seen[string(sealed[:PointSize])] = true

		_, err = open(other, sealed, cameraID)
		require.Error(t, err, "another key")
		_, err = open(asker, sealed, "another camera")
		require.Error(t, err)
		sealed[len(sealed)-1] ^= 1
		_, err = open(asker, sealed, cameraID)
		require.Error(t, err, "a changed byte")
	}
}

func TestKeysThatAreNone(t *testing.T) {
	private, err := ecdh.P256().GenerateKey(rand.Reader)
	require.NoError(t, err)
	good := private.PublicKey().Bytes()
	require.NoError(t, CheckKey(good))
	off := bytes.Clone(good)
	off[64] ^= 1 // not on the curve
	hybrid := bytes.Clone(good)
	hybrid[0] = 6
	for name, key := range map[string][]byte{
		"none": nil, "short": good[:64], "long": append(bytes.Clone(good), 0), "infinity": {0}, "compressed": append([]byte{2}, good[1:33]...),
		"off the curve": off, "zeros": make([]byte, 65), "hybrid": hybrid,
	} {
		_, err := Seal([]byte("x"), key, cameraID)
		require.ErrorIs(t, err, ErrKey, name)
		require.ErrorIs(t, CheckKey(key), ErrKey, name)
	}
}

func FuzzSeal(f *testing.F) {
	private, err := ecdh.P256().GenerateKey(rand.Reader)
	require.NoError(f, err)
	f.Add(private.PublicKey().Bytes())
	f.Add([]byte{4})
	f.Fuzz(func(t *testing.T, key []byte) {
		if sealed, err := Seal([]byte("x"), key, cameraID); err != nil {
			require.ErrorIs(t, err, ErrKey)
		} else {
			require.Len(t, sealed, Overhead+1)
		}
	})
}
