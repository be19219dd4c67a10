package keying

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"hash"
	"strings"
	"sync"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/prf"
	"github.com/pion/dtls/v3/pkg/protocol/extension"
	"github.com/pion/dtls/v3/pkg/protocol/handshake"
	"github.com/pion/srtp/v3"
	"github.com/pion/webrtc/v4"
)

// Handshake is what one connection's handshake has shown so far.
type Handshake struct {
	mu     sync.Mutex
	server [handshake.RandomLength]byte // random
	prf    func() hash.Hash             // nil before the ServerHello
	config srtp.Config                  // of the profile; with keys once they are known
}

// Watch has the handshake of the one connection that is made with the settings seen. In a handshake in
// which the camera is the client nothing is.
func Watch(settings *webrtc.SettingEngine) *Handshake {
	h := &Handshake{}
	settings.SetDTLSServerHelloMessageHook(h.hello)
	settings.SetDTLSKeyLogWriter(keyLog{h})
	return h
}

// Keys returns the profile and the keys, the local ones being the camera's; ok is false as long as they
// are not known. They are to be used once the handshake has ended well, which they do not say.
func (h *Handshake) Keys() (config srtp.Config, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.config, h.config.Keys.LocalMasterKey != nil
}

// hello is given the ServerHello before it is sent, as it is.
func (h *Handshake) hello(m handshake.MessageServerHello) handshake.Message {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.server, h.config, h.prf = m.Random.MarshalFixed(), srtp.Config{}, nil
	for _, e := range m.Extensions {
		// A master key identifier would be part of each packet (RFC 5764 section 4.1.3). We offer none.
		if use, is := e.(*extension.UseSRTP); is && len(use.ProtectionProfiles) == 1 && len(use.MasterKeyIdentifier) == 0 {
			h.config.Profile = srtp.ProtectionProfile(use.ProtectionProfiles[0])
			h.prf = hashOf(dtls.CipherSuiteID(*m.CipherSuiteID))
		}
	}
	return &m
}

// hashOf is the hash of a suite's pseudorandom function: SHA-256 unless the suite says otherwise (RFC 5246
// section 5, RFC 5289 section 3.2).
func hashOf(suite dtls.CipherSuiteID) func() hash.Hash {
	if strings.HasSuffix(suite.String(), "_SHA384") {
		return sha512.New384
	}
	return sha256.New
}

// keyLog is the [Handshake] as an io.Writer.
type keyLog struct{ handshake *Handshake }

var errLine = errors.New("not a line of a key log that has the master secret")

// Write takes a line of pion's key log, in the format of NSS (draft-ietf-tls-keylogfile):
//
//	CLIENT_RANDOM <hexadecimal client random> <hexadecimal master secret>
func (l keyLog) Write(line []byte) (int, error) {
	fields := bytes.Fields(line)
	if len(fields) != 3 || string(fields[0]) != "CLIENT_RANDOM" {
		return 0, errLine
	}
	client, err := hex.DecodeString(string(fields[1]))
	if err != nil || len(client) != handshake.RandomLength {
		return 0, errLine
	}
	secret, err := hex.DecodeString(string(fields[2]))
	if err != nil || len(secret) == 0 {
		return 0, errLine
	}
	return len(line), l.handshake.derive(client, secret)
}

// derive computes the keys.
func (h *Handshake) derive(client, secret []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.prf == nil {
		return errors.New("the handshake agreed on no SRTP profile")
	}
	config := srtp.Config{Profile: h.config.Profile}
	seen := exporter{secret: secret, randoms: append(client, h.server[:]...), hash: h.prf}
	if err := config.ExtractSessionKeysFromDTLS(seen, false); err != nil {
		return err
	}
	h.config = config
	return nil
}

// exporter implements srtp.KeyingMaterialExporter.
type exporter struct {
	secret, randoms []byte
	hash            func() hash.Hash
}

// ExportKeyingMaterial is RFC 5705 section 4 without a context, which DTLS-SRTP has none of.
func (e exporter) ExportKeyingMaterial(label string, _ []byte, length int) ([]byte, error) {
	return prf.PHash(e.secret, append([]byte(label), e.randoms...), length, e.hash)
}
