package relay

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"
)

// Two ends that may use nothing but the relay find each other, by each transport.
func TestWebRTC(t *testing.T) {
	s := start(t, options{change: func(cfg *Config) { cfg.TLS, cfg.CertFile, cfg.KeyFile = "", "", "" }}) // pion refuses the certificate
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			viewer, camera := newEnd(t, s, EndViewer, transport), newEnd(t, s, EndCamera, transport)
			heard := make(chan string, 1)
			camera.OnDataChannel(func(channel *webrtc.DataChannel) {
				channel.OnMessage(func(m webrtc.DataChannelMessage) { heard <- string(m.Data) })
			})
			channel, err := viewer.CreateDataChannel("test", nil)
			require.NoError(t, err)
			channel.OnOpen(func() { _ = channel.SendText("hello") })
			offer, err := viewer.CreateOffer(nil)
			require.NoError(t, err)
			describeTo(t, viewer, camera, offer)
			answer, err := camera.CreateAnswer(nil)
			require.NoError(t, err)
			describeTo(t, camera, viewer, answer)
			select {
			case text := <-heard:
				require.Equal(t, "hello", text)
			case <-time.After(patience):
				t.Fatal("nothing was heard")
			}
		})
	}
}

func newEnd(t *testing.T, s *Server, end End, transport string) *webrtc.PeerConnection {
	t.Helper()
	server := s.Servers("s1", "account", end)[1]
	urls := slices.DeleteFunc(server.URLs, func(url string) bool { return !strings.HasSuffix(url, "?transport="+transport) })
	require.Len(t, urls, 1)
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{
		ICEServers:         []webrtc.ICEServer{{URLs: urls, Username: server.Username, Credential: server.Credential}},
		ICETransportPolicy: webrtc.ICETransportPolicyRelay,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pc.GracefulClose()) })
	return pc
}

// describeTo gives a description with all candidates to both ends.
func describeTo(t *testing.T, from, to *webrtc.PeerConnection, d webrtc.SessionDescription) {
	t.Helper()
	gathered := webrtc.GatheringCompletePromise(from)
	require.NoError(t, from.SetLocalDescription(d))
	<-gathered
	require.NoError(t, to.SetRemoteDescription(*from.LocalDescription()))
}
