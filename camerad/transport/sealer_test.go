package transport

import (
	"fmt"
	"log/slog"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	viewerAddress = netip.MustParseAddrPort("127.0.0.1:1001")
	otherAddress  = netip.MustParseAddrPort("127.0.0.1:1002")
)

// sealed is a stream whose keys are known here, with both ends and pion's context.
type sealed struct {
	t       *testing.T
	socket  *socket
	kernel  *recorder
	express *Express
	pion    *srtp.Context
	viewer  *srtp.Context
	index   uint64 // of the next packet
	pions   int    // packets that were left to pion

	extended bool // packets have a header extension
}

func newSealed(t *testing.T) *sealed {
	s := &sealed{t: t}
	s.socket, s.kernel = newRecorded(slog.New(slog.DiscardHandler))
	profile := srtp.ProtectionProfileAeadAes128Gcm
	config := srtp.Config{Profile: profile, Keys: srtp.SessionKeys{
		LocalMasterKey: make([]byte, 16), LocalMasterSalt: make([]byte, 12),
		RemoteMasterKey: append(make([]byte, 15), 1), RemoteMasterSalt: make([]byte, 12),
	}}
	var err error
	s.pion, err = srtp.CreateContext(config.Keys.LocalMasterKey, config.Keys.LocalMasterSalt, profile)
	require.NoError(t, err)
	s.viewer, err = srtp.CreateContext(config.Keys.LocalMasterKey, config.Keys.LocalMasterSalt, profile, srtp.SRTPReplayProtection(64))
	require.NoError(t, err)
	s.express = s.socket.owner.Express(func() (srtp.Config, bool) { return config, true }, func([]byte) bool { return true })
	t.Cleanup(s.express.Bind(testSSRC))
	return s
}

// send sends a packet whichever way, and returns whether that was the express.
func (s *sealed) send(marker bool) bool {
	h := rtp.Header{Version: 2, PayloadType: 102, SSRC: testSSRC, SequenceNumber: uint16(s.index), Marker: marker}
	if s.extended {
		require.NoError(s.t, h.SetExtension(1, []byte{0, 0, 0}))
	}
	payload := []byte(fmt.Sprint(s.index))
	taken := s.express.Write(&h, payload, uint32(s.index>>16))
	if !taken {
		s.pions++
		s.write(s.asPion(h, payload))
	}
	s.index++
	return taken
}

func (s *sealed) asPion(h rtp.Header, payload []byte) []byte {
	raw, err := (&rtp.Packet{Header: h, Payload: payload}).Marshal()
	require.NoError(s.t, err)
	raw, err = s.pion.EncryptRTP(nil, raw, nil)
	require.NoError(s.t, err)
	return raw
}

func (s *sealed) write(raw []byte) { write(s.t, s.socket, viewerAddress, raw) }

// read has the viewer read all that was sent and returns the payloads.
func (s *sealed) read() []string {
	var payloads []string
	for _, raw := range s.kernel.packets() {
		var h rtp.Header
		n, err := h.Unmarshal(raw)
		require.NoError(s.t, err)
		plain, err := s.viewer.DecryptRTP(nil, raw, nil)
		require.NoError(s.t, err, "packet %d", h.SequenceNumber)
		payloads = append(payloads, string(plain[n:]))
	}
	s.kernel.sent = nil
	return payloads
}

// TestRollover: both contexts count alike while sequence numbers begin again, twice, and no number is used
// twice, which the viewer's replay protection would find.
func TestRollover(t *testing.T) {
	s := newSealed(t)
	s.index = 1 << 15
	for s.index < 5<<15 {
		from := s.index
		for range 256 {
			s.send(s.index%8 == 7)
		}
		got := s.read()
		require.Len(t, got, 256)
		for i := range got {
			require.Equal(t, fmt.Sprint(from+uint64(i)), got[i])
		}
	}
	assert.InDelta(t, 4<<15/stepEvery, s.pions, 20, "so many kept pion's context in step")
}

// TestRolloverOfPionsWay: what was not sealed here is counted, too, and what pion no longer passes is not
// left behind.
func TestRolloverOfPionsWay(t *testing.T) {
	s := newSealed(t)
	for s.index < 3<<15 { // as by a relay, which the stream does not see
		h := rtp.Header{Version: 2, SSRC: testSSRC, SequenceNumber: uint16(s.index)}
		s.asPion(h, nil)
		if s.index%1000 == 0 {
			_, _ = s.viewer.DecryptRTP(nil, s.asPion(h, nil), nil) // so that the viewer counts
		}
		s.index++
	}
	s.send(true)
	s.send(true)
	assert.True(t, s.send(true))
	assert.Len(t, s.read(), 3)
	before := s.pions
	for range 2 << 15 { // pion's packets go elsewhere
		h := rtp.Header{Version: 2, SSRC: testSSRC, SequenceNumber: uint16(s.index), Marker: s.index%8 == 7}
		if !s.express.Write(&h, nil, uint32(s.index>>16)) {
			s.asPion(h, nil)
			s.pions++
		}
		s.index++
	}
	assert.Greater(t, s.pions-before, 1<<15, "nothing is taken any more when pion may have lost count")
}

// TestCryptex: pion encrypts header extensions, or no longer, as was negotiated last (RFC 9335).
func TestCryptex(t *testing.T) {
	s := newSealed(t)
	require.NoError(t, s.viewer.UpdateOptions(srtp.Cryptex(srtp.CryptexModeEnabled)))
	s.extended = true
	for _, mode := range []srtp.CryptexMode{srtp.CryptexModeEnabled, srtp.CryptexModeDisabled, srtp.CryptexModeEnabled} {
		require.NoError(t, s.pion.UpdateOptions(srtp.Cryptex(mode)))
		s.express.PathChanged() // as after a renegotiation; without, the next that goes pion's way would tell
		s.kernel.sent = nil
		for range 4 {
			s.send(true)
		}
		require.True(t, s.send(true))
		for _, raw := range s.kernel.packets() {
			got, known := cryptexOf(raw)
			require.True(t, known)
			require.Equal(t, mode == srtp.CryptexModeEnabled, got)
		}
		require.Len(t, s.read(), 5)
	}
	require.NoError(t, s.pion.UpdateOptions(srtp.Cryptex(srtp.CryptexModeDisabled)))
	for s.send(true) { // until one in stepEvery tells
		require.Less(t, s.index, uint64(2*stepEvery))
	}
	require.False(t, s.send(true))
	require.True(t, s.send(true))
}

// TestOneWhoSealsOtherwise: with wrong keys, or what pion does otherwise, nothing is taken.
func TestOneWhoSealsOtherwise(t *testing.T) {
	s := newSealed(t)
	var err error
	s.pion, err = srtp.CreateContext(append(make([]byte, 15), 9), make([]byte, 12), srtp.ProtectionProfileAeadAes128Gcm)
	require.NoError(t, err)
	for range 100 {
		require.False(t, s.send(true))
	}
}

// TestExpressFollowsPion: a packet of pion's that goes elsewhere, or another pair of candidates, shuts it
// until pion's way is known again.
func TestExpressFollowsPion(t *testing.T) {
	s := newSealed(t)
	open := func() { s.send(true); s.send(true); require.True(t, s.send(true)) }
	open()
	require.Len(t, s.socket.owner.peers.all(), 1)
	s.express.PathChanged()
	require.Empty(t, s.socket.owner.peers.all())
	require.False(t, s.send(false))
	open()
	h := rtp.Header{Version: 2, SSRC: testSSRC, SequenceNumber: uint16(s.index)}
	write(t, s.socket, otherAddress, s.asPion(h, nil))
	s.index++
	require.Empty(t, s.socket.owner.peers.all())
	require.False(t, s.send(true), "seen to come through the socket first")
	open()
	s.socket.owner.Coalesce(testSSRC)()
	require.False(t, s.send(true), "another viewer has the same SSRC")
	require.Empty(t, s.socket.owner.peers.all())
}

// TestRefusedBySocket: what cannot be sent is pion's to tell.
func TestRefusedBySocket(t *testing.T) {
	s := newSealed(t)
	s.send(true)
	s.send(true)
	s.kernel.script = []error{assert.AnError}
	require.True(t, s.send(true))
	require.False(t, s.send(true))
	require.True(t, s.send(true))
}

// TestEars: only what is authentic is heard, once, and one packet in each passEvery is left to pion.
func TestEars(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSealed(t)
		s.send(true)
		s.send(true)
		owner := s.socket.owner
		owner.epoch = time.Now().Add(-time.Minute)
		remote, err := srtp.CreateContext(append(make([]byte, 15), 1), make([]byte, 12), srtp.ProtectionProfileAeadAes128Gcm)
		require.NoError(t, err)
		report := func() []byte {
			raw, err := (&rtcp.ReceiverReport{SSRC: 5}).Marshal()
			require.NoError(t, err)
			raw, err = remote.EncryptRTCP(nil, raw, nil)
			require.NoError(t, err)
			return raw
		}
		hear := func(raw []byte) bool { return owner.hear(s.socket, raw, viewerAddress, owner.clock()) }
		assert.False(t, hear(report()), "the first")
		raw := report()
		assert.True(t, hear(raw))
		assert.False(t, hear(raw), "it came before")
		assert.False(t, owner.hear(s.socket, report(), otherAddress, owner.clock()))
		raw = report()
		raw[len(raw)-1] ^= 1
		assert.False(t, hear(raw), "changed on the way")
		assert.False(t, hear(raw[:7]))
		assert.False(t, hear([]byte{0x80}))
		time.Sleep(passEvery)
		assert.False(t, hear(report()))
		assert.True(t, hear(report()))
	})
}
