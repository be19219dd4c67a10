package session

import (
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"seccam/camerad/media"
	"seccam/pkg/signaling"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func FuzzInspect(f *testing.F) {
	f.Add(offerSDP(f))
	f.Add("v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n")
	f.Fuzz(func(t *testing.T, offer string) {
		if _, refusal := inspect(offer, false); refusal != nil && refusal.Code != signaling.CodeBadMessage && refusal.Code != signaling.CodeNoCodec {
			t.Fatal(refusal)
		}
	})
}

// GStreamer's offers leave out what is understood of H264. An explicit other mode stays what it is.
func TestOffersWithoutH264Parameters(t *testing.T) {
	const video = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 H264/90000\r\n"
	const full = "packetization-mode=1;profile-level-id=42e01f"
	for given, want := range map[string]string{
		"":                                  "a=fmtp:96 " + full,
		"a=fmtp:96 packetization-mode=1":    "a=fmtp:96 " + full,
		"a=fmtp:96 profile-level-id=42001f": "a=fmtp:96 profile-level-id=42001f;packetization-mode=1",
		"a=fmtp:96 " + full:                 "a=fmtp:96 " + full,
	} {
		o, refusal := inspect(video+given+"\r\n", false)
		require.Nil(t, refusal, given)
		assert.True(t, o.codecs[media.H264], given)
		assert.Contains(t, o.sdp, want+"\r\n", given)
		assert.Equal(t, 1, strings.Count(o.sdp, "fmtp"), given)
	}
	_, refusal := inspect(video+"a=fmtp:96 packetization-mode=0\r\n", false)
	assert.Equal(t, signaling.CodeNoCodec, refusal.Code)
}

// A viewer that says nothing of its H264 gets it, and sound whatever the case of its codec's name.
func TestViewerWithoutH264Parameters(t *testing.T) {
	r := newRig(t, smallVideo(), nil)
	v := r.newViewer(sessionID(1))
	offer, err := v.pc.CreateOffer(nil)
	require.NoError(t, err)
	require.NoError(t, v.pc.SetLocalDescription(offer))
	var bare []string
	for _, line := range strings.Split(offer.SDP, "\r\n") {
		if !strings.HasPrefix(line, "a=fmtp:") {
			bare = append(bare, line)
		}
	}
	sdp := strings.ReplaceAll(strings.Join(bare, "\r\n"), "opus/48000", "OPUS/48000")
	v.deliver(signaling.Message{Type: signaling.TypeOffer, Session: v.id, SDP: sdp})
	v.ready <- struct{}{}
	next(t, "a key frame", v.keys)
}

func TestBadICEServersAreLeftOut(t *testing.T) {
	got := iceServers([]signaling.ICEServer{
		{URLs: []string{"stun:stun.example.org", "nonsense", "http://x"}},
		{URLs: []string{"turn:turn.example.org?transport=udp"}}, // without a credential pion refuses them all
		{URLs: []string{"turns:turn.example.org"}, Username: "u", Credential: "c"},
	}, slog.New(slog.NewTextHandler(io.Discard, nil)))
	assert.Equal(t, []webrtc.ICEServer{
		{URLs: []string{"stun:stun.example.org"}, Credential: ""},
		{URLs: []string{"turns:turn.example.org"}, Username: "u", Credential: "c"},
	}, got)
}

func TestNACKIsNoLever(t *testing.T) {
	var nack rtcp.TransportLayerNack
	for n := range uint16(300) {
		nack.Nacks = append(nack.Nacks, rtcp.NackPair{PacketID: n * 17, LostPackets: 0xffff})
	}
	assert.Len(t, nackList(&nack), maxNACK)
	assert.Equal(t, []uint16{5, 6, 8}, nackList(&rtcp.TransportLayerNack{Nacks: []rtcp.NackPair{{PacketID: 5, LostPackets: 5}}}))
}

// TestStates walks a session through its connection's states, legal and not.
func TestStates(t *testing.T) {
	const never = time.Hour
	for name, c := range map[string]struct {
		states []webrtc.PeerConnectionState
		goesOn bool
		waits  time.Duration // 0: nothing ends it by itself
	}{
		"connecting":         {[]webrtc.PeerConnectionState{webrtc.PeerConnectionStateConnecting}, true, 1},
		"connected":          {[]webrtc.PeerConnectionState{webrtc.PeerConnectionStateConnected}, true, 0},
		"disconnected":       {[]webrtc.PeerConnectionState{webrtc.PeerConnectionStateConnected, webrtc.PeerConnectionStateDisconnected}, true, 0},
		"failed":             {[]webrtc.PeerConnectionState{webrtc.PeerConnectionStateConnected, webrtc.PeerConnectionStateFailed}, true, 1},
		"failed, recovered":  {[]webrtc.PeerConnectionState{webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateConnected}, true, 0},
		"closed":             {[]webrtc.PeerConnectionState{webrtc.PeerConnectionStateClosed}, false, 1},
		"unknown to us":      {[]webrtc.PeerConnectionState{webrtc.PeerConnectionStateUnknown}, true, 1},
		"connected, closed":  {[]webrtc.PeerConnectionState{webrtc.PeerConnectionStateConnected, webrtc.PeerConnectionStateClosed}, false, 0},
		"failed before once": {[]webrtc.PeerConnectionState{webrtc.PeerConnectionStateFailed}, true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, smallVideo(), nil)
			s := newSession(sessionID(1), false, &r.manager.cfg)
			s.portal = testPortal
			s.remote = func() []byte { return []byte("a certificate") }
			s.viewer, s.unuse = r.engine.NewViewer(media.H264)
			defer s.unuse()
			s.waiting = time.NewTimer(never)
			goesOn := true
			for _, state := range c.states {
				goesOn = s.changed(state)
			}
			require.Equal(t, c.goesOn, goesOn)
			assert.Equal(t, c.waits != 0, s.waiting.Stop(), "a timer runs that will end it")
		})
	}
}

func TestReplayMemoryIsBounded(t *testing.T) {
	var e ended
	for n := range maxEnded + 10 {
		e.add(sessionID(n+1), 1)
	}
	assert.Len(t, e.last, maxEnded)
	_, forgotten := e.get(sessionID(1))
	_, kept := e.get(sessionID(maxEnded))
	assert.Equal(t, []bool{false, true}, []bool{forgotten, kept})
}

func TestEarlyCandidatesAreBounded(t *testing.T) {
	var e early
	now := time.Now()
	in := func(n int) inbound {
		return inbound{message: signaling.Message{Session: sessionID(n), Seq: uint64(now.UnixMicro())}}
	}
	for n := range maxEarlySessions {
		require.True(t, e.add(in(n+1)))
	}
	assert.False(t, e.add(in(999)), "too many sessions")
	for range maxEarlyCandidates - 1 {
		require.True(t, e.add(in(1)))
	}
	assert.False(t, e.add(in(1)), "too many candidates")
	assert.Len(t, e.take(sessionID(1)), maxEarlyCandidates)
	e.prune(now.Add(2 * signaling.MaxAge))
	assert.Empty(t, e.waiting)
}
