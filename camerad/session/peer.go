package session

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"seccam/camerad/keying"
	"seccam/camerad/media"
	"seccam/camerad/transport"
	"seccam/pkg/signaling"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/report"
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

// newAPI prepares one connection: the buffers of RTCP are the viewer's own. The express is nil without a
// transport.
func (s *session) newAPI(network *dialNet, codec media.Codec) (*webrtc.API, *transport.Express, error) {
	codecs, err := newMediaEngine(codec)
	if err != nil {
		return nil, nil, fmt.Errorf("register codecs: %w", err)
	}
	interceptors, err := newInterceptors(s.cfg.OpenSpeaker != nil)
	if err != nil {
		return nil, nil, fmt.Errorf("register interceptors: %w", err)
	}
	settings, err := newSettings(network, s.cfg.Transport)
	if err != nil {
		return nil, nil, fmt.Errorf("WebRTC settings: %w", err)
	}
	settings.DisableMediaEngineCopy(true)
	settings.BufferFactory = buffersFor(s.viewer, &s.heard)
	var express *transport.Express
	if s.cfg.Transport != nil {
		express = s.cfg.Transport.Express(keying.Watch(&settings).Keys, feedback{s.viewer, &s.heard}.report)
		s.viewer.UseExpress(express)
	}
	return webrtc.NewAPI(webrtc.WithMediaEngine(codecs), webrtc.WithInterceptorRegistry(interceptors),
		webrtc.WithSettingEngine(settings)), express, nil
}

func newMediaEngine(codec media.Codec) (*webrtc.MediaEngine, error) {
	engine := &webrtc.MediaEngine{}
	rtx := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeRTX, ClockRate: codec.Capability().ClockRate, SDPFmtpLine: "apt=102"}
	for _, known := range []struct {
		capability webrtc.RTPCodecCapability
		payload    webrtc.PayloadType
		kind       webrtc.RTPCodecType
	}{
		{codec.Capability(), 102, webrtc.RTPCodecTypeVideo},
		{rtx, 103, webrtc.RTPCodecTypeVideo},
		{media.AudioCapability(), 111, webrtc.RTPCodecTypeAudio},
	} {
		parameters := webrtc.RTPCodecParameters{RTPCodecCapability: known.capability, PayloadType: known.payload}
		if err := engine.RegisterCodec(parameters, known.kind); err != nil {
			return nil, err
		}
	}
	for _, uri := range []string{media.PlayoutDelayURI, media.TransportCCURI} {
		extension := webrtc.RTPHeaderExtensionCapability{URI: uri}
		if err := engine.RegisterHeaderExtension(extension, webrtc.RTPCodecTypeVideo); err != nil {
			return nil, err
		}
	}
	return engine, nil
}

// newInterceptors has reports on what the viewer sends only, if it may. media.Viewer reports on what it is sent,
// and answers NACKs from shared packets, where pion's responder would copy every packet for every viewer.
func newInterceptors(speaker bool) (*interceptor.Registry, error) {
	registry := &interceptor.Registry{}
	if !speaker {
		return registry, nil
	}
	receiver, err := report.NewReceiverInterceptor()
	if err != nil {
		return nil, err
	}
	registry.Add(receiver)
	return registry, nil
}

func newSettings(network *dialNet, shared *transport.Transport) (webrtc.SettingEngine, error) {
	var s webrtc.SettingEngine
	if shared != nil {
		s.SetICEUDPMux(shared.Mux())
		if tcp := shared.TCPMux(); tcp != nil {
			s.SetICETCPMux(tcp)
		}
	}
	s.SetNet(network)
	// Without UDP6 a relayed address is one of IPv4, also where the relay is reached over IPv6: an end that
	// has IPv6 alone reaches one that has IPv4 alone by nothing else. The mux has the camera's own of IPv6.
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6})
	s.DisableActiveTCP(true) // no viewer can make the camera connect to where it likes
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

// peer is one PeerConnection, with what reads the viewer's sound.
type peer struct {
	connection *webrtc.PeerConnection
	readers    sync.WaitGroup
}

// newPeer adds the viewer's tracks. With a speaker, the viewer's sound is accepted, too.
func newPeer(api *webrtc.API, cfg webrtc.Configuration, viewer *media.Viewer, speaker bool) (*peer, error) {
	connection, err := api.NewPeerConnection(cfg)
	if err != nil {
		return nil, err
	}
	p := &peer{connection: connection}
	sound := webrtc.RTPTransceiverDirectionSendonly
	if speaker {
		sound = webrtc.RTPTransceiverDirectionSendrecv
	}
	err = p.addTrack(viewer.Video, webrtc.RTPTransceiverDirectionSendonly)
	switch {
	case err != nil:
	case viewer.Audio != nil:
		err = p.addTrack(viewer.Audio, sound)
	case speaker:
		_, err = connection.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio,
			webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *peer) addTrack(track *media.Track, direction webrtc.RTPTransceiverDirection) error {
	_, err := p.connection.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: direction})
	return err
}

// close returns when all goroutines of the connection have ended.
func (p *peer) close() {
	_ = p.connection.GracefulClose() // it can only fail to say goodbye
	p.readers.Wait()
}
