package transport

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"seccam/camerad/keying"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/logging"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var h264 = webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeH264, ClockRate: 90000, SDPFmtpLine: "packetization-mode=1"}

// peers are a camera and a viewer that are connected.
type peers struct {
	t              *testing.T
	transport      *Transport
	camera, viewer *webrtc.PeerConnection
	track          *webrtc.TrackLocalStaticRTP
	sender         *webrtc.RTPSender
	express        *Express
	report         func(rtcp []byte) bool
	received       chan *rtp.Packet
	packets        uint64 // that were sent; the last one's number with its rollovers
	taken          int    // by the express
}

func newPeer(t *testing.T, settings webrtc.SettingEngine) *webrtc.PeerConnection {
	codecs := &webrtc.MediaEngine{}
	require.NoError(t, codecs.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: h264, PayloadType: 102}, webrtc.RTPCodecTypeVideo))
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	api := webrtc.NewAPI(webrtc.WithMediaEngine(codecs), webrtc.WithInterceptorRegistry(&interceptor.Registry{}),
		webrtc.WithSettingEngine(settings))
	peer, err := api.NewPeerConnection(webrtc.Configuration{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, peer.GracefulClose()) })
	return peer
}

// plainSettings are those of a viewer that uses pion's own sockets on the address.
func plainSettings(t *testing.T, address netip.Addr) (s webrtc.SettingEngine) {
	s.SetIncludeLoopbackCandidate(true)
	if address.Is4() {
		s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
		s.SetIPFilter(func(ip net.IP) bool { return ip.Equal(address.AsSlice()) })
		return s
	}
	// pion finds no ::1 by itself.
	conn, err := net.ListenUDP("udp6", net.UDPAddrFromAddrPort(netip.AddrPortFrom(address, 0)))
	require.NoError(t, err)
	silent := logging.NewDefaultLeveledLoggerForScope("ice", logging.LogLevelDisabled, io.Discard)
	mux := ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: conn, Logger: silent})
	t.Cleanup(func() { require.NoError(t, mux.Close()) })
	s.SetICEUDPMux(mux)
	return s
}

func newPeers(t *testing.T, address netip.Addr, addresses ...netip.Addr) *peers {
	var camera webrtc.SettingEngine
	transport := newTransport(t, addresses...)
	camera.SetICEUDPMux(transport.Mux())
	return connectPeers(t, transport, plainSettings(t, address), camera)
}

func connectPeers(t *testing.T, transport *Transport, viewer, camera webrtc.SettingEngine) *peers {
	require.NoError(t, camera.SetAnsweringDTLSRole(webrtc.DTLSRoleServer))
	p := newUnconnected(t, transport, viewer, camera)
	p.negotiate(nil)
	return p
}

func newUnconnected(t *testing.T, transport *Transport, viewer, camera webrtc.SettingEngine) *peers {
	p := &peers{t: t, transport: transport, received: make(chan *rtp.Packet, 1000)}
	p.report = func([]byte) bool { return false }
	p.express = transport.Express(keying.Watch(&camera).Keys, func(rtcp []byte) bool { return p.report(rtcp) })
	p.viewer = newPeer(t, viewer)
	_, err := p.viewer.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
	require.NoError(t, err)
	p.viewer.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			packet, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			p.received <- packet
		}
	})
	p.camera = newPeer(t, camera)
	p.track, err = webrtc.NewTrackLocalStaticRTP(h264, "video", "camera")
	require.NoError(t, err)
	p.sender, err = p.camera.AddTrack(p.track)
	require.NoError(t, err)
	t.Cleanup(p.express.Bind(p.ssrc()))
	p.camera.SCTP().Transport().ICETransport().OnSelectedCandidatePairChange(func(*webrtc.ICECandidatePair) { p.express.PathChanged() })
	return p
}

func (p *peers) ssrc() uint32 { return uint32(p.sender.GetParameters().Encodings[0].SSRC) }

// negotiate returns when both are connected.
func (p *peers) negotiate(options *webrtc.OfferOptions) {
	p.t.Helper()
	offer, err := p.viewer.CreateOffer(options)
	require.NoError(p.t, err)
	gathered := webrtc.GatheringCompletePromise(p.viewer)
	require.NoError(p.t, p.viewer.SetLocalDescription(offer))
	<-gathered
	require.NoError(p.t, p.camera.SetRemoteDescription(*p.viewer.LocalDescription()))
	answer, err := p.camera.CreateAnswer(nil)
	require.NoError(p.t, err)
	gathered = webrtc.GatheringCompletePromise(p.camera)
	require.NoError(p.t, p.camera.SetLocalDescription(answer))
	<-gathered
	require.NoError(p.t, p.viewer.SetRemoteDescription(*p.camera.LocalDescription()))
	for _, peer := range []*webrtc.PeerConnection{p.viewer, p.camera} {
		require.Eventually(p.t, func() bool {
			if peer.ConnectionState() != webrtc.PeerConnectionStateConnected {
				return false
			}
			pair, err := peer.SCTP().Transport().ICETransport().GetSelectedCandidatePair() // none amid a restart
			return err == nil && pair != nil
		}, patient, time.Millisecond)
	}
}

// show sends pictures, by express where that takes them, and requires that each comes complete and in order before the next is sent.
func (p *peers) show(pictures int) {
	p.t.Helper()
	for range pictures {
		var sent []*rtp.Packet
		for i, size := range []int{30, 1100, 1100, 1100, 1100, 1100, 400} {
			p.packets++
			packet := &rtp.Packet{
				Header:  rtp.Header{Version: 2, PayloadType: 102, SSRC: p.ssrc(), SequenceNumber: uint16(p.packets), Timestamp: uint32(p.packets), Marker: i == 6},
				Payload: rtpPacket(1, uint16(p.packets), false, size),
			}
			if p.express.Write(&packet.Header, packet.Payload, uint32(p.packets>>16)) {
				p.taken++
			} else {
				require.NoError(p.t, p.track.WriteRTP(packet))
			}
			sent = append(sent, packet)
		}
		for _, want := range sent {
			select {
			case got := <-p.received:
				require.Equal(p.t, want.SequenceNumber, got.SequenceNumber)
				require.Equal(p.t, want.Marker, got.Marker)
				require.Equal(p.t, want.Payload, got.Payload)
			case <-time.After(patient):
				require.Fail(p.t, "a packet did not come", "sequence number %d", want.SequenceNumber)
			}
		}
	}
}

func TestPeers(t *testing.T) {
	for name, address := range map[string]netip.Addr{"IPv4": loopback4, "IPv6": loopback6} {
		t.Run(name, func(t *testing.T) {
			addresses := []netip.Addr{loopback4}
			if address.Is6() {
				requireIPv6(t)
				addresses = append(addresses, address)
			}
			p := newPeers(t, address, addresses...)
			before := p.transport.Stats()
			p.show(30)
			after := p.transport.Stats()
			packets, calls := after.Packets-before.Packets, after.Calls-before.Calls
			assert.GreaterOrEqual(t, packets, uint64(30*7))
			assert.Greater(t, p.taken, 28*7, "all but the first pictures")
			if oneCall {
				assert.Less(t, calls, uint64(2*30), "with some for STUN")
			}
			assert.Zero(t, after.Errors)
		})
	}
}

// TestTCP: a viewer whose network lets no UDP through.
func TestTCP(t *testing.T) {
	transport := newTransport(t)
	transport.listenTCP(0)
	var viewer, camera webrtc.SettingEngine
	viewer.SetIncludeLoopbackCandidate(true)
	viewer.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
	camera.SetIncludeLoopbackCandidate(true)
	camera.SetICEUDPMux(transport.Mux())
	camera.SetICETCPMux(transport.TCPMux())
	camera.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeTCP4})
	p := connectPeers(t, transport, viewer, camera)
	p.show(30)
	pair, err := p.camera.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
	require.NoError(t, err)
	assert.Equal(t, webrtc.ICEProtocolTCP, pair.Local.Protocol)
	assert.Zero(t, p.taken)
}

// TestSilentTCPConnection: who connects and says nothing, or nothing of ICE, is cut off.
func TestSilentTCPConnection(t *testing.T) {
	transport := newTransport(t)
	transport.listenTCP(0)
	for _, said := range []string{"", "GET / HTTP/1.1\r\n\r\n"} {
		conn, err := net.Dial("tcp", transport.tcp.LocalAddr().String())
		require.NoError(t, err)
		_, err = conn.Write([]byte(said))
		require.NoError(t, err)
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(patient)))
		_, err = conn.Read(make([]byte, 1))
		require.Error(t, err)
		require.False(t, errors.Is(err, os.ErrDeadlineExceeded), "it is closed: %v", err)
		require.NoError(t, conn.Close())
	}
}

// TestManyAddresses: an agent has a candidate for each, of which one serves.
func TestManyAddresses(t *testing.T) {
	p := newPeers(t, loopback4, loopbacks(t, 6)...)
	p.show(5)
}

func TestICERestart(t *testing.T) {
	p := newPeers(t, loopback4, loopbacks(t, 2)...)
	p.show(5)
	before, err := p.camera.SCTP().Transport().ICETransport().GetLocalParameters()
	require.NoError(t, err)
	for range 3 {
		p.negotiate(&webrtc.OfferOptions{ICERestart: true})
		before := p.taken
		p.show(5)
		assert.Greater(t, p.taken, before)
	}
	after, err := p.camera.SCTP().Transport().ICETransport().GetLocalParameters()
	require.NoError(t, err)
	assert.NotEqual(t, before.UsernameFragment, after.UsernameFragment)
}

// TestCloseWithLivePeers: the camera stops first.
func TestCloseWithLivePeers(t *testing.T) {
	p := newPeers(t, loopback4)
	p.show(5)
	require.NoError(t, p.transport.Close())
	require.False(t, p.express.Write(&rtp.Header{Version: 2, SSRC: p.ssrc(), SequenceNumber: uint16(p.packets + 1)}, nil, 0))
	require.Error(t, p.track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: 1}}))
}
