package keying

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/selfsign"
	"github.com/pion/dtls/v3/pkg/protocol/handshake"
	"github.com/pion/srtp/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// dial has a server that is watched and a client shake hands, and returns both ends' exporters.
func dial(t *testing.T, h *Handshake, both ...dtls.Option) (of, by dtls.State) {
	t.Helper()
	certificate, err := selfsign.GenerateSelfSigned()
	require.NoError(t, err)
	server := []dtls.ServerOption{dtls.WithCertificates(certificate), dtls.WithServerHelloMessageHook(h.hello), dtls.WithKeyLogWriter(keyLog{h})}
	client := []dtls.ClientOption{dtls.WithInsecureSkipVerify(true)}
	for _, option := range both {
		server, client = append(server, option), append(client, option)
	}
	listener, err := dtls.ListenWithOptions("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}, server...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, listener.Close()) })
	accepted := make(chan dtls.State, 1)
	go func() { accepted <- accept(listener) }()
	conn, err := dtls.DialWithOptions("udp", listener.Addr().(*net.UDPAddr), client...)
	require.NoError(t, err)
	require.NoError(t, conn.Handshake())
	t.Cleanup(func() { _ = conn.Close() })
	state, ok := conn.ConnectionState()
	require.True(t, ok)
	return <-accepted, state
}

func accept(listener net.Listener) (state dtls.State) {
	conn, err := listener.Accept()
	if err != nil {
		return state
	}
	secure := conn.(*dtls.Conn)
	if secure.Handshake() == nil {
		state, _ = secure.ConnectionState()
	}
	return state
}

// TestKeysAreThoseOfBothEnds: whatever the hash and the profile, and with an extended master secret (RFC
// 7627) or without.
func TestKeysAreThoseOfBothEnds(t *testing.T) {
	for _, suite := range []dtls.CipherSuiteID{dtls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, dtls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA} {
		for _, extended := range []dtls.ExtendedMasterSecretType{dtls.RequireExtendedMasterSecret, dtls.DisableExtendedMasterSecret} {
			t.Run(fmt.Sprint(suite, extended), func(t *testing.T) {
				h := &Handshake{}
				_, known := h.Keys()
				require.False(t, known)
				_, far := dial(t, h, dtls.WithCipherSuites(suite), dtls.WithExtendedMasterSecret(extended),
					dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80))
				got, known := h.Keys()
				require.True(t, known)
				want := srtp.Config{Profile: srtp.ProtectionProfileAeadAes256Gcm}
				require.NoError(t, want.ExtractSessionKeysFromDTLS(&far, true))
				assert.Equal(t, want.Profile, got.Profile)
				assert.Equal(t, want.Keys, srtp.SessionKeys{
					LocalMasterKey: got.Keys.RemoteMasterKey, LocalMasterSalt: got.Keys.RemoteMasterSalt,
					RemoteMasterKey: got.Keys.LocalMasterKey, RemoteMasterSalt: got.Keys.LocalMasterSalt,
				}, "the far end has them the other way round")
			})
		}
	}
}

// TestNoKeysWithoutMedia: a handshake of data channels alone has none.
func TestNoKeysWithoutMedia(t *testing.T) {
	h := &Handshake{}
	dial(t, h)
	_, known := h.Keys()
	assert.False(t, known)
}

func TestKeyLogLines(t *testing.T) {
	h := &Handshake{}
	random, secret := strings.Repeat("ab", handshake.RandomLength), strings.Repeat("cd", 48)
	for _, line := range []string{
		"", "CLIENT_RANDOM", "CLIENT_RANDOM " + random, "SERVER_RANDOM " + random + " " + secret,
		"CLIENT_RANDOM " + random + " xy", "CLIENT_RANDOM " + random[2:] + " " + secret, "CLIENT_RANDOM " + random + " " + secret + " 1",
		"CLIENT_RANDOM " + random + " " + secret, // before the ServerHello
	} {
		_, err := keyLog{h}.Write([]byte(line + "\n"))
		assert.Error(t, err, line)
	}
	_, known := h.Keys()
	assert.False(t, known)
}
