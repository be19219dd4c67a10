package session

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"seccam/pkg/signaling"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestViewGetsPictureAndSound(t *testing.T) {
	r := newRig(t, smallVideo(), nil)
	v := r.newViewer(sessionID(1))
	v.call(nil)
	next(t, "key frame", v.keys)
	next(t, "sound", v.sound)
	for kinds := map[uint32]bool{}; len(kinds) < 2; {
		report := next(t, "report on each", v.reports)
		assert.NotZero(t, report.PacketCount)
		kinds[report.SSRC] = true
	}
	v.awaitExpress()
	require.Equal(t, 1, r.manager.Viewers())
	state, _ := r.engine.State()
	require.Equal(t, signaling.PictureLive, state)
	v.bye()
	r.awaitViewers(0)
}

// TestViewersShareOneEncode also shows that one who leaves touches no other.
func TestViewersShareOneEncode(t *testing.T) {
	r := newRig(t, smallVideo(), nil)
	var viewers []*viewer
	for n := range 4 {
		v := r.newViewer(sessionID(n + 1))
		v.call(nil)
		viewers = append(viewers, v)
	}
	for _, v := range viewers {
		next(t, "key frame", v.keys)
	}
	before := r.engine.Stats()
	viewers[0].bye()
	viewers[1].close()
	r.awaitViewers(2) // the second says so by closing its connection
	for _, v := range viewers[2:] {
		for range 15 {
			next(t, "frame of a viewer who stays", v.frames)
		}
	}
	after := r.engine.Stats()
	assert.Less(t, after.Frames-before.Frames, uint64(100), "pictures are encoded once, not per viewer")
	assert.Equal(t, webrtc.PeerConnectionStateConnected, viewers[2].pc.ConnectionState())
}

func TestICERestartKeepsTheSession(t *testing.T) {
	r := newRig(t, smallVideo(), nil)
	v := r.newViewer(sessionID(1))
	v.call(nil)
	next(t, "key frame", v.keys)
	v.awaitState(webrtc.PeerConnectionStateConnected)
	before := ufrag(v.pc.RemoteDescription().SDP)
	v.call(&webrtc.OfferOptions{ICERestart: true})
	next(t, "first answer", v.answer)
	next(t, "second answer", v.answer)
	v.awaitState(webrtc.PeerConnectionStateConnected)
	assert.NotEqual(t, before, ufrag(v.pc.RemoteDescription().SDP))
	drain(v.frames)
	for range 5 {
		next(t, "frame after the restart", v.frames)
	}
	v.awaitExpress()
	assert.Equal(t, 1, r.manager.Viewers())
}

// The camera asks for an ICE restart where a connection is interrupted, and everywhere if its network is
// another one.
func TestCameraAsksForICERestart(t *testing.T) {
	r := newRig(t, smallVideo(), nil)
	v := r.newViewer(sessionID(1))
	v.call(nil)
	next(t, "key frame", v.keys)
	path := r.manager.Connections()
	assert.Equal(t, 1, path.Direct+path.NAT, "%+v", path)
	r.manager.Restart(t.Context(), false)
	r.manager.Restart(t.Context(), true)
	next(t, "wish", v.restarts)
	assert.Empty(t, v.restarts, "a connection that stands is left alone at first")
}

func ufrag(sdp string) string {
	_, rest, _ := strings.Cut(sdp, "a=ice-ufrag:")
	line, _, _ := strings.Cut(rest, "\r\n")
	return line
}

func drain[T any](c <-chan T) {
	for len(c) > 0 {
		<-c
	}
}

func TestNACKIsAnswered(t *testing.T) {
	video := smallVideo()
	video.FPS = 1 // the newest packet is still the newest when it comes again
	r := newRig(t, video, nil)
	v := r.newViewer(sessionID(1))
	v.call(nil)
	next(t, "key frame", v.keys)
	want := uint16(v.lastSequence.Load())
	nack := &rtcp.TransportLayerNack{MediaSSRC: v.ssrc.Load(), Nacks: rtcp.NackPairsFromSequenceNumbers([]uint16{want})}
	require.NoError(t, v.pc.WriteRTCP([]rtcp.Packet{nack}))
	assert.Equal(t, want, next(t, "retransmission", v.repeats))
}

func TestKeyFrameOnRequest(t *testing.T) {
	video := smallVideo()
	video.KeyFrameInterval = 10 * time.Second
	r := newRig(t, video, nil)
	v := r.newViewer(sessionID(1))
	v.call(nil)
	next(t, "first key frame", v.keys)
	require.NoError(t, v.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: v.ssrc.Load()}}))
	began := time.Now()
	next(t, "requested key frame", v.keys)
	assert.Less(t, time.Since(began), 5*time.Second, "long before the next regular one")
}

func TestBusyCameraRefuses(t *testing.T) {
	r := newRig(t, smallVideo(), func(c *Config) { c.MaxViewers = 1 })
	v := r.newViewer(sessionID(1))
	v.call(nil)
	next(t, "key frame", v.keys)
	r.deliver(signaling.Message{Type: signaling.TypeOffer, Session: sessionID(2), SDP: v.pc.LocalDescription().SDP})
	refusal := r.expect(sessionID(2), signaling.TypeError)
	assert.Equal(t, signaling.CodeBusy, refusal.Error.Code)
	assert.Positive(t, refusal.Error.RetryAfter)
}

func TestViewerWhoNeverConnectsIsRemoved(t *testing.T) {
	r := newRig(t, smallVideo(), func(c *Config) { c.ConnectTimeout = 10 * time.Millisecond })
	r.deliver(signaling.Message{Type: signaling.TypeOffer, Session: sessionID(1), SDP: offerSDP(t)})
	r.expect(sessionID(1), signaling.TypeAnswer)
	assert.Equal(t, signaling.ReasonFailed, r.expect(sessionID(1), signaling.TypeBye).Reason)
	r.awaitViewers(0)
}

func TestShutdownSaysBye(t *testing.T) {
	r := newRig(t, smallVideo(), nil)
	r.deliver(signaling.Message{Type: signaling.TypeOffer, Session: sessionID(1), SDP: offerSDP(t)})
	r.expect(sessionID(1), signaling.TypeAnswer)
	r.stop()
	assert.Equal(t, signaling.ReasonShutdown, r.expect(sessionID(1), signaling.TypeBye).Reason)
	<-r.ended
}

// TestAnswerFollowsThePortal: a viewer's socket may move to another portal.
func TestAnswerFollowsThePortal(t *testing.T) {
	r := newRig(t, smallVideo(), nil)
	id, offer := sessionID(1), offerSDP(t)
	r.deliver(signaling.Message{Type: signaling.TypeOffer, Session: id, SDP: offer})
	assert.Equal(t, testPortal, r.expect(id, signaling.TypeAnswer).topic.Portal)
	r.seq++
	r.manager.Deliver(topicOf(id, "portal2"), marshal(t, signaling.Message{
		V: signaling.Version, Type: signaling.TypeOffer, Session: id, Seq: r.seq, SDP: offer,
	}))
	assert.Equal(t, "portal2", r.expect(id, signaling.TypeAnswer).topic.Portal)
}

func TestEarlyCandidatesWait(t *testing.T) {
	r := newRig(t, smallVideo(), nil)
	v := r.newViewer(sessionID(1))
	offer, err := v.pc.CreateOffer(nil)
	require.NoError(t, err)
	gathered := webrtc.GatheringCompletePromise(v.pc)
	require.NoError(t, v.pc.SetLocalDescription(offer)) // trickles
	<-gathered
	v.ready <- struct{}{}
	v.deliver(signaling.Message{Type: signaling.TypeOffer, Session: v.id, SDP: offer.SDP})
	next(t, "key frame", v.keys)
}

func TestViewerWithoutH264GetsVP8(t *testing.T) {
	r := newRig(t, smallVideo(), nil)
	v := r.newViewerOf(sessionID(1), webrtc.MimeTypeVP8)
	v.call(nil)
	next(t, "key frame", v.keys)
	for range 5 {
		next(t, "frame", v.frames)
	}
	assert.Zero(t, r.engine.Stats().Frames, "nobody watches H264, so it is not encoded")
	h264 := r.newViewer(sessionID(2))
	h264.call(nil)
	next(t, "key frame", h264.keys)
	next(t, "frame", v.frames)
}

func TestNoCodecInCommon(t *testing.T) {
	r := newRig(t, smallVideo(), nil)
	for n, other := range []string{"AV1/90000", "H265/90000"} {
		sdp := strings.NewReplacer("H264/90000", other, "VP8/90000", "VP9/90000", "H265/90000", other).Replace(offerSDP(t))
		id := sessionID(n + 1)
		r.deliver(signaling.Message{Type: signaling.TypeOffer, Session: id, SDP: sdp})
		r.expectError(id, signaling.CodeNoCodec)
	}
	r.awaitViewers(0)
}

// offerSDP is a viewer's offer of which nothing follows.
func offerSDP(t testing.TB) string {
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	require.NoError(t, err)
	defer func() { _ = pc.GracefulClose() }()
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		_, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
		require.NoError(t, err)
	}
	offer, err := pc.CreateOffer(nil)
	require.NoError(t, err)
	return offer.SDP
}

func marshal(t testing.TB, value any) []byte {
	data, err := json.Marshal(value)
	require.NoError(t, err)
	return data
}
