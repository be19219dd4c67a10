package transport

import (
	"fmt"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestExpressWithEachProfile: a viewer of pion's reads what is sealed here, whatever it and pion agreed on.
func TestExpressWithEachProfile(t *testing.T) {
	for _, profile := range []dtls.SRTPProtectionProfile{dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80} {
		for _, suite := range []dtls.CipherSuiteID{dtls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, dtls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA} {
			t.Run(fmt.Sprintf("%v with %v", profile, suite), func(t *testing.T) {
				var camera webrtc.SettingEngine
				transport := newTransport(t)
				camera.SetICEUDPMux(transport.Mux())
				viewer := plainSettings(t, loopback4)
				viewer.SetSRTPProtectionProfiles(profile)
				viewer.SetDTLSCipherSuites(suite)
				p := connectPeers(t, transport, viewer, camera)
				p.show(3)
				require.Greater(t, p.taken, 0)
			})
		}
	}
}

// TestExpressIsForTheDTLSServer: as the client the camera does not see what the keys are made of.
func TestExpressIsForTheDTLSServer(t *testing.T) {
	var camera webrtc.SettingEngine
	transport := newTransport(t)
	camera.SetICEUDPMux(transport.Mux())
	p := newUnconnected(t, transport, plainSettings(t, loopback4), camera)
	p.negotiate(nil)
	p.show(3)
	assert.Zero(t, p.taken)
}

// TestReportsGoPastPion: what nobody else needs, and but for one each second.
func TestReportsGoPastPion(t *testing.T) {
	p := newPeers(t, loopback4)
	heard := make(chan []rtcp.Packet, 100)
	p.report = func(raw []byte) bool {
		packets, err := rtcp.Unmarshal(raw)
		assert.NoError(t, err)
		heard <- packets
		_, report := packets[0].(*rtcp.TransportLayerCC)
		return report
	}
	p.show(3)
	passed := make(chan []rtcp.Packet, 100)
	go func() {
		for {
			packets, _, err := p.sender.ReadRTCP()
			if err != nil {
				return
			}
			passed <- packets
		}
	}()
	cc := &rtcp.TransportLayerCC{
		Header:    rtcp.Header{Count: rtcp.FormatTCC, Type: rtcp.TypeTransportSpecificFeedback, Length: 4},
		MediaSSRC: p.ssrc(), PacketStatusCount: 0,
	}
	pli := &rtcp.PictureLossIndication{MediaSSRC: p.ssrc()}
	for range 20 {
		require.NoError(t, p.viewer.WriteRTCP([]rtcp.Packet{cc}))
	}
	require.NoError(t, p.viewer.WriteRTCP([]rtcp.Packet{pli}))
	toPion := 0
	for done := false; !done; toPion++ {
		_, done = next(t, passed)[0].(*rtcp.PictureLossIndication)
	}
	toEars := 0
	for done := false; !done; toEars++ {
		_, done = next(t, heard)[0].(*rtcp.PictureLossIndication)
	}
	assert.GreaterOrEqual(t, toEars, 19, "all but the first")
	assert.LessOrEqual(t, toPion, 2, "the first and the last")
}

// next waits for one value.
func next[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case value := <-c:
		return value
	case <-time.After(patient):
		require.Fail(t, "nothing came")
		panic("unreachable")
	}
}
