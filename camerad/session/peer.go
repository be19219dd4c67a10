package session

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"seccam/camerad/media"
	"seccam/pkg/signaling"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/rtcp"
	"github.com/pion/stun/v4"
	"github.com/pion/webrtc/v4"
)

// ICE consent (RFC 7675): a path without traffic for the first time is disconnected, which it may
// recover from; after the second it has failed, and only an ICE restart helps.
const (
	iceDisconnected = 5 * time.Second
	iceFailed       = 10 * time.Second // after iceDisconnected
	iceKeepalive    = 2 * time.Second
)

// A lost handshake packet costs this, and not pion's default of a second.
const dtlsRetransmission = 100 * time.Millisecond

// newAPI prepares all that connections have in common.
func newAPI() (*webrtc.API, error) {
	codecs, err := newMediaEngine()
	if err != nil {
		return nil, fmt.Errorf("register codecs: %w", err)
	}
	interceptors, err := newInterceptors()
	if err != nil {
		return nil, fmt.Errorf("register interceptors: %w", err)
	}
	settings, err := newSettings()
	if err != nil {
		return nil, fmt.Errorf("WebRTC settings: %w", err)
	}
	return webrtc.NewAPI(webrtc.WithMediaEngine(codecs), webrtc.WithInterceptorRegistry(interceptors),
		webrtc.WithSettingEngine(settings)), nil
}

func newMediaEngine() (*webrtc.MediaEngine, error) {
	engine := &webrtc.MediaEngine{}
	for _, codec := range []struct {
		capability webrtc.RTPCodecCapability
		payload    webrtc.PayloadType
		kind       webrtc.RTPCodecType
	}{
		{media.VideoCodec, 102, webrtc.RTPCodecTypeVideo},
		{media.AudioCodec, 111, webrtc.RTPCodecTypeAudio},
	} {
		parameters := webrtc.RTPCodecParameters{RTPCodecCapability: codec.capability, PayloadType: codec.payload}
		if err := engine.RegisterCodec(parameters, codec.kind); err != nil {
			return nil, err
		}
	}
	extension := webrtc.RTPHeaderExtensionCapability{URI: media.PlayoutDelayURI}
	return engine, engine.RegisterHeaderExtension(extension, webrtc.RTPCodecTypeVideo)
}

// newInterceptors has RTCP reports only. NACKs are answered by media.Viewer from shared packets,
// where pion's responder would copy every packet for every viewer.
func newInterceptors() (*interceptor.Registry, error) {
	registry := &interceptor.Registry{}
	sender, err := report.NewSenderInterceptor()
	if err != nil {
		return nil, err
	}
	receiver, err := report.NewReceiverInterceptor()
	if err != nil {
		return nil, err
	}
	registry.Add(sender)
	registry.Add(receiver)
	return registry, nil
}

func newSettings() (webrtc.SettingEngine, error) {
	var s webrtc.SettingEngine
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6})
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetIncludeLoopbackCandidate(true) // a viewer on the same machine may have no other path
	s.SetICETimeouts(iceDisconnected, iceFailed, iceKeepalive)
	s.SetDTLSRetransmissionInterval(dtlsRetransmission)
	s.SetDTLSInsecureSkipHelloVerify(true) // ICE has already proven that the peer's address is real
	s.SetFireOnTrackBeforeFirstRTP(false)
	return s, s.SetAnsweringDTLSRole(webrtc.DTLSRoleServer)
}

// iceServers drops what pion would refuse the whole connection for.
func iceServers(servers []signaling.ICEServer, log *slog.Logger) []webrtc.ICEServer {
	var good []webrtc.ICEServer
	for _, server := range servers {
		valid := webrtc.ICEServer{Username: server.Username, Credential: server.Credential}
		for _, url := range server.URLs {
			uri, err := stun.ParseURI(url)
			needsCredential := err == nil && (uri.Scheme == stun.SchemeTypeTURN || uri.Scheme == stun.SchemeTypeTURNS)
			if err != nil || needsCredential && (server.Username == "" || server.Credential == "") {
				log.Warn("ICE server ignored: its URL is malformed or its credential missing")
				continue
			}
			valid.URLs = append(valid.URLs, url)
		}
		if len(valid.URLs) > 0 {
			good = append(good, valid)
		}
	}
	return good
}

// peer is one PeerConnection with its tracks.
type peer struct {
	connection *webrtc.PeerConnection
	readers    sync.WaitGroup
}

// newPeer adds the viewer's tracks and answers their RTCP.
func newPeer(api *webrtc.API, cfg webrtc.Configuration, viewer *media.Viewer) (*peer, error) {
	connection, err := api.NewPeerConnection(cfg)
	if err != nil {
		return nil, err
	}
	p := &peer{connection: connection}
	for _, track := range []*media.Track{viewer.Video, viewer.Audio} {
		if track == nil {
			continue
		}
		sender, err := connection.AddTrack(track)
		if err != nil {
			p.close()
			return nil, err
		}
		p.readers.Go(func() { answerRTCP(sender, viewer) })
	}
	return p, nil
}

// close returns when all goroutines of the connection have ended.
func (p *peer) close() {
	_ = p.connection.GracefulClose() // it can only fail to say goodbye
	p.readers.Wait()
}

// answerRTCP serves one track's feedback until the connection closes.
func answerRTCP(sender *webrtc.RTPSender, viewer *media.Viewer) {
	buffer := make([]byte, 1500)
	for {
		n, _, err := sender.Read(buffer)
		if err != nil {
			return
		}
		packets, err := rtcp.Unmarshal(buffer[:n])
		if err != nil {
			continue
		}
		for _, packet := range packets {
			switch packet := packet.(type) {
			case *rtcp.TransportLayerNack:
				viewer.Resend(nackList(packet))
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				viewer.RequestKeyFrame()
			}
		}
	}
}

// maxNACK is how many packets one NACK may ask for: it would else be a lever to make the camera send
// hundreds of times what the viewer does. One who lost more is better served by a key frame.
const maxNACK = 256

// nackList expands the pairs of a NACK (RFC 4585 section 6.2.1).
func nackList(nack *rtcp.TransportLayerNack) []uint16 {
	var list []uint16
	for _, pair := range nack.Nacks {
		list = append(list, pair.PacketList()...)
		if len(list) >= maxNACK {
			return list[:maxNACK]
		}
	}
	return list
}
