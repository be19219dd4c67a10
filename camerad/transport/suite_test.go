package transport

import (
	"crypto/aes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDerivation has the keys of RFC 3711 appendix B.3.
func TestDerivation(t *testing.T) {
	key, err := hex.DecodeString("e1f97a0d3e018be0d64fa32c06de4139")
	require.NoError(t, err)
	salt, err := hex.DecodeString("0ec675ad498afeebb6960b3aabe6")
	require.NoError(t, err)
	master, err := aes.NewCipher(key)
	require.NoError(t, err)
	assert.Equal(t, "c61e7a93744f39ee10734afe3ff7a087", fmt.Sprintf("%x", derive(master, salt, labelKey, 16)))
	assert.Equal(t, "30cbbc08863d8c85d49db34a9ae1", fmt.Sprintf("%x", derive(master, salt, labelSalt, 14)))
}

// sizes are of the keys and salts of the profiles on which browsers agree, in bytes.
var sizes = map[srtp.ProtectionProfile][2]int{
	srtp.ProtectionProfileAeadAes128Gcm:       {16, 12},
	srtp.ProtectionProfileAeadAes256Gcm:       {32, 12},
	srtp.ProtectionProfileAes128CmHmacSha1_80: {16, 14},
}

// randomConfig has keys of a profile.
func randomConfig(profile srtp.ProtectionProfile, random *rand.ChaCha8) srtp.Config {
	keys := srtp.SessionKeys{LocalMasterKey: make([]byte, sizes[profile][0]), LocalMasterSalt: make([]byte, sizes[profile][1])}
	_, _ = random.Read(keys.LocalMasterKey)
	_, _ = random.Read(keys.LocalMasterSalt)
	return srtp.Config{Profile: profile, Keys: keys}
}

// randomPacket has header extensions of each kind, or none.
func randomPacket(t *testing.T, n int, random *rand.ChaCha8) (rtp.Header, []byte) {
	h := rtp.Header{
		Version: 2, PayloadType: 102, SSRC: uint32(random.Uint64()), SequenceNumber: uint16(random.Uint64()), Marker: n%2 == 0,
	}
	if kind := n % 3; kind > 0 {
		h.Extension, h.ExtensionProfile = true, []uint16{rtp.ExtensionProfileOneByte, rtp.ExtensionProfileTwoByte}[kind-1]
		require.NoError(t, h.SetExtension(3, []byte{1, 2}))
		require.NoError(t, h.SetExtension(5, []byte{0, 0, 0}))
	}
	payload := make([]byte, random.Uint64()%1200)
	_, _ = random.Read(payload)
	return h, payload
}

// TestSuitesSealAsPionDoes byte for byte.
func TestSuitesSealAsPionDoes(t *testing.T) {
	random := rand.NewChaCha8([32]byte{})
	for profile := range sizes {
		for _, cryptex := range []srtp.CryptexMode{srtp.CryptexModeDisabled, srtp.CryptexModeEnabled} {
			config := randomConfig(profile, random)
			suite, err := newSuite(config)
			require.NoError(t, err)
			require.NoError(t, suite.setCryptex(cryptex == srtp.CryptexModeEnabled))
			for n := range 60 {
				h, payload := randomPacket(t, n, random)
				rollover := uint32(random.Uint64())
				pion, err := srtp.CreateContext(config.Keys.LocalMasterKey, config.Keys.LocalMasterSalt, profile, srtp.Cryptex(cryptex))
				require.NoError(t, err)
				pion.SetROC(h.SSRC, rollover)
				plain, err := (&rtp.Packet{Header: h, Payload: payload}).Marshal()
				require.NoError(t, err)
				want, err := pion.EncryptRTP(nil, plain, nil)
				require.NoError(t, err)
				room := make([]byte, len(plain)+maxTag)
				size, err := suite.seal(room, &h, payload, rollover)
				require.NoError(t, err)
				require.Equal(t, want, room[:size], "%v %v %d", profile, cryptex, n)
			}
		}
	}
}

func TestUnknownSuite(t *testing.T) {
	config := randomConfig(srtp.ProtectionProfileAeadAes128Gcm, rand.NewChaCha8([32]byte{}))
	config.Profile = 0x1234
	_, err := newSuite(config)
	assert.Error(t, err)
	config.Profile, config.Keys.LocalMasterKey = srtp.ProtectionProfileAeadAes128Gcm, make([]byte, 5)
	_, err = newSuite(config)
	assert.Error(t, err)
}

// BenchmarkSeal compares sealing here and by package srtp, for one viewer and for as many as no cache holds.
func BenchmarkSeal(b *testing.B) {
	random := rand.NewChaCha8([32]byte{})
	for _, way := range []string{"here", "package srtp"} {
		for _, viewers := range []int{1, 1000} {
			b.Run(fmt.Sprintf("%s/%d viewers", way, viewers), func(b *testing.B) {
				suites := make([]suite, viewers)
				for i := range suites {
					config := randomConfig(srtp.ProtectionProfileAeadAes128Gcm, random)
					var err error
					if suites[i], err = newSuite(config); way != "here" {
						var context *srtp.Context
						context, err = srtp.CreateContext(config.Keys.LocalMasterKey, config.Keys.LocalMasterSalt, config.Profile)
						suites[i] = &anySuite{context: context}
					}
					require.NoError(b, err)
					require.NoError(b, suites[i].setCryptex(true))
				}
				h := rtp.Header{Version: 2, PayloadType: 102, SSRC: testSSRC}
				require.NoError(b, h.SetExtension(3, []byte{1, 2}))
				payload, room := make([]byte, 1180), make([]byte, 1500)
				b.ReportAllocs()
				b.SetBytes(int64(len(payload)))
				for n := 0; b.Loop(); n++ {
					h.SequenceNumber++
					if _, err := suites[n%viewers].seal(room, &h, payload, 0); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
