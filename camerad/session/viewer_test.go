package session

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"seccam/camerad/media"
	"seccam/pkg/signaling"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"
)

// viewer is a browser's half, in Go.
type viewer struct {
	*rig
	id     signaling.SessionID
	pc     *webrtc.PeerConnection
	offer  time.Time
	ready  chan struct{} // our description is set
	answer chan time.Time
	states chan webrtc.PeerConnectionState
	keys   chan time.Time // whole key frames
	frames chan uint32    // timestamps of whole frames
	sound  chan struct{}
	ssrc   atomic.Uint32

	lastSequence atomic.Uint32
	repeats      chan uint16 // sequence numbers that came again
	reports      chan *rtcp.SenderReport

	byes     chan string
	restarts chan struct{} // wishes of the camera
	refusals chan *signaling.Error
	done     chan struct{}
	wait     sync.WaitGroup
}

func (r *rig) newViewer(id signaling.SessionID) *viewer { return r.newViewerOf(id, "") }

// newViewerOf makes a viewer that has one video codec only, or all of pion's.
func (r *rig) newViewerOf(id signaling.SessionID, mime string) *viewer {
	return r.newViewerWith(id, mime, webrtc.Configuration{})
}

// newViewerWith makes one with a certificate of its own, or whatever else a configuration says.
func (r *rig) newViewerWith(id signaling.SessionID, mime string, cfg webrtc.Configuration) *viewer {
	var settings webrtc.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	settings.DisableSRTPReplayProtection(true) // a test asks for what it already has
	engine := &webrtc.MediaEngine{}
	require.NoError(r.t, engine.RegisterDefaultCodecs())
	require.NoError(r.t, engine.RegisterHeaderExtension(
		webrtc.RTPHeaderExtensionCapability{URI: media.PlayoutDelayURI}, webrtc.RTPCodecTypeVideo))
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithSettingEngine(settings)).
		NewPeerConnection(cfg)
	require.NoError(r.t, err)
	v := &viewer{rig: r, id: id, pc: pc}
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		transceiver, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
		require.NoError(r.t, err)
		if kind == webrtc.RTPCodecTypeVideo && mime != "" {
			capability := webrtc.RTPCodecCapability{MimeType: mime, ClockRate: 90000}
			require.NoError(r.t, transceiver.SetCodecPreferences([]webrtc.RTPCodecParameters{{RTPCodecCapability: capability, PayloadType: 96}}))
		}
	}
	v.prepare()
	return v
}

// prepare makes what a viewer has besides its connection, and follows what happens to that.
func (v *viewer) prepare() {
	v.ready, v.answer, v.states = make(chan struct{}, 1), make(chan time.Time, 4), make(chan webrtc.PeerConnectionState, 16)
	v.keys, v.frames, v.sound = make(chan time.Time, 1024), make(chan uint32, 4096), make(chan struct{}, 4096)
	v.reports = make(chan *rtcp.SenderReport, 16)
	v.repeats, v.restarts, v.byes = make(chan uint16, 16), make(chan struct{}, 8), make(chan string, 4)
	v.done, v.refusals = make(chan struct{}), make(chan *signaling.Error, 4)
	v.pc.OnICECandidate(v.trickle)
	v.pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) { v.states <- s })
	v.pc.OnTrack(v.track)
	v.wait.Go(v.follow)
	v.t.Cleanup(v.close)
}

func (v *viewer) trickle(c *webrtc.ICECandidate) {
	candidate := signaling.Candidate{} // the end of candidates
	if c != nil {
		init := c.ToJSON()
		candidate = signaling.Candidate{Candidate: init.Candidate, SDPMid: init.SDPMid, SDPMLineIndex: init.SDPMLineIndex}
	}
	v.deliver(signaling.Message{Type: signaling.TypeCandidate, Session: v.id, Candidate: &candidate})
}

// follow applies what the camera sends.
func (v *viewer) follow() {
	for {
		select {
		case <-v.done:
			return
		case m := <-v.box(v.id):
			switch m.Type {
			case signaling.TypeAnswer:
				v.answer <- time.Now()
				<-v.ready
				if err := v.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: m.SDP}); err != nil {
					v.t.Errorf("answer: %v", err)
				}
			case signaling.TypeBye:
				v.byes <- m.Reason
			case signaling.TypeError:
				v.refusals <- m.Error
			case signaling.TypeRestart:
				v.restarts <- struct{}{}
			case signaling.TypeCandidate:
				_ = v.pc.AddICECandidate(webrtc.ICECandidateInit{Candidate: m.Candidate.Candidate, SDPMid: m.Candidate.SDPMid})
			}
		}
	}
}

func (v *viewer) track(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	go v.readReports(receiver) // until the connection is closed
	if track.Kind() == webrtc.RTPCodecTypeVideo {
		v.ssrc.Store(uint32(track.SSRC()))
	}
	picture := reassembly{vp8: track.Codec().MimeType == webrtc.MimeTypeVP8}
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		switch {
		case track.Kind() == webrtc.RTPCodecTypeAudio:
			nonblocking(v.sound, struct{}{})
		case picture.started && int16(packet.SequenceNumber-uint16(v.lastSequence.Load())) <= 0:
			nonblocking(v.repeats, packet.SequenceNumber)
		default:
			v.lastSequence.Store(uint32(packet.SequenceNumber))
			if key, whole := picture.add(packet); whole {
				nonblocking(v.frames, packet.Timestamp)
				if key {
					nonblocking(v.keys, time.Now())
				}
			}
		}
	}
}

// readReports waits for the camera's reports on what it sent (RFC 3550 section 6.4.1).
func (v *viewer) readReports(receiver *webrtc.RTPReceiver) {
	for {
		packets, _, err := receiver.ReadRTCP()
		if err != nil {
			return
		}
		for _, p := range packets {
			if report, ok := p.(*rtcp.SenderReport); ok {
				nonblocking(v.reports, report)
			}
		}
	}
}

func nonblocking[T any](c chan T, value T) {
	select {
	case c <- value:
	default:
	}
}

// reassembly rebuilds pictures by pion's depacketiser.
type reassembly struct {
	h264    codecs.H264Packet
	vp8     bool
	data    []byte
	next    uint16
	started bool
	broken  bool
}

func (r *reassembly) add(p *rtp.Packet) (key, whole bool) {
	if r.started && p.SequenceNumber != r.next {
		r.broken = true
	}
	r.started, r.next = true, p.SequenceNumber+1
	data, err := r.depacketise(p.Payload)
	r.broken = r.broken || err != nil
	r.data = append(r.data, data...)
	if !p.Marker {
		return false, false
	}
	whole, data = !r.broken, r.data
	r.broken, r.data = false, nil
	if r.vp8 {
		return data[0]&1 == 0, whole // RFC 6386 section 9.1
	}
	for _, kind := range []byte{7, 8, 5} {
		if !hasNAL(data, kind) {
			return false, whole
		}
	}
	return true, whole
}

func (r *reassembly) depacketise(payload []byte) ([]byte, error) {
	if r.vp8 {
		return (&codecs.VP8Packet{}).Unmarshal(payload)
	}
	return r.h264.Unmarshal(payload)
}

func hasNAL(annexB []byte, kind byte) bool {
	for i := 0; i+3 < len(annexB); i++ {
		if annexB[i] == 0 && annexB[i+1] == 0 && annexB[i+2] == 1 && annexB[i+3]&0x1f == kind {
			return true
		}
	}
	return false
}

func (v *viewer) call(options *webrtc.OfferOptions) []byte {
	offer, err := v.pc.CreateOffer(options)
	require.NoError(v.t, err)
	v.offer = time.Now()
	payload := v.deliver(signaling.Message{Type: signaling.TypeOffer, Session: v.id, SDP: offer.SDP})
	require.NoError(v.t, v.pc.SetLocalDescription(offer))
	v.ready <- struct{}{}
	return payload
}

func (v *viewer) close() {
	select {
	case <-v.done:
		return
	default:
	}
	close(v.done)
	v.wait.Wait()
	_ = v.pc.GracefulClose()
}

// awaitExpress waits until the viewer's pictures go past pion.
func (v *viewer) awaitExpress() {
	v.t.Helper()
	before := v.transport.Stats().Sealed
	for v.transport.Stats().Sealed == before {
		next(v.t, "frame", v.frames)
	}
	drain(v.frames)
	next(v.t, "frame that went past pion", v.frames)
}

func (v *viewer) bye() {
	v.deliver(signaling.Message{Type: signaling.TypeBye, Session: v.id, Reason: signaling.ReasonLeft})
}

func (v *viewer) awaitState(want webrtc.PeerConnectionState) {
	v.t.Helper()
	for next(v.t, fmt.Sprint("state ", want), v.states) != want {
	}
}
