package transport

import (
	"testing"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/stun/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseRTP(t *testing.T) {
	header := rtp.Header{Version: 2, Marker: true, PayloadType: 102, SequenceNumber: 0xabcd, Timestamp: 1, SSRC: 0xdeadbeef}
	require.NoError(t, header.SetExtension(1, []byte{0, 0, 0}))
	p, err := header.Marshal()
	require.NoError(t, err)
	got, ok := parseRTP(append(p, 1, 2, 3))
	require.True(t, ok)
	assert.Equal(t, rtpHeader{ssrc: 0xdeadbeef, sequence: 0xabcd, marker: true}, got)

	header.Marker = false
	p, err = header.Marshal()
	require.NoError(t, err)
	got, ok = parseRTP(p)
	require.True(t, ok)
	assert.False(t, got.marker)
}

// others are datagrams of ICE that are not RTP. Each would be found to have the SSRC testSSRC, were
// it taken for RTP, and is long enough for it.
func others(t testing.TB) map[string][]byte {
	binding, err := stun.Build(stun.TransactionID, stun.BindingRequest)
	require.NoError(t, err)
	report, err := (&rtcp.SenderReport{SSRC: 1}).Marshal()
	require.NoError(t, err)
	feedback, err := (&rtcp.PictureLossIndication{MediaSSRC: testSSRC}).Marshal()
	require.NoError(t, err)
	all := map[string][]byte{
		"STUN":           binding.Raw,
		"DTLS":           {22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 9},
		"TURN channel":   {64, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8},
		"RTP version 1":  {0x40, 102, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		"sender report":  report,
		"feedback":       append(feedback, 0, 0, 0, 0),
		"RTCP type low":  {0x80, 192, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		"RTCP type high": {0x80, 223, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
	}
	for _, p := range all {
		copy(p[8:], []byte{0x5e, 0xcc, 0xaa, 0x01})
	}
	return all
}

func TestOthersAreNotRTP(t *testing.T) {
	for name, p := range others(t) {
		_, ok := parseRTP(p)
		assert.False(t, ok, name)
	}
	_, ok := parseRTP(nil)
	assert.False(t, ok, "empty")
	_, ok = parseRTP(rtpPacket(testSSRC, 1, false, 13)[:rtpHeaderSize-1])
	assert.False(t, ok, "cut")
}
