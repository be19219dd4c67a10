package e2e

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

// socket is a page's WebSocket without a browser.
type socket struct {
	t      complainer
	conn   *websocket.Conn
	viewer signaling.ViewerID
	ice    []signaling.ICEServer
	in     chan signaling.Message
	closed chan websocket.StatusCode
}

// dial opens the signalling WebSocket of a person who is logged in, and waits for its welcome.
func (c *client) dial(query string) *socket {
	c.t.Helper()
	conn, resp, err := c.dialRaw(query, c.base)
	if err != nil && resp != nil {
		c.t.Fatalf("WebSocket: %v (%s)", err, resp.Status)
	}
	require.NoError(c.t, err)
	s := newSocket(c.t, conn)
	c.t.Cleanup(func() { _ = conn.CloseNow() })
	welcome := s.await(signaling.TypeWelcome)
	s.viewer, s.ice = welcome.Viewer, welcome.ICEServers
	return s
}

func (c *client) dialRaw(query, origin string) (*websocket.Conn, *http.Response, error) {
	return dialSignal(c.base, query, origin, c.cookies(), &http.Client{Transport: c.http.Transport})
}

// dialSignal opens the signalling WebSocket of the portal at base.
func dialSignal(base, query, origin string, cookies []*http.Cookie, by *http.Client) (*websocket.Conn, *http.Response, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	header := http.Header{"Origin": {origin}}
	for _, cookie := range cookies {
		header.Add("Cookie", cookie.String())
	}
	address := "ws" + strings.TrimPrefix(base, "http") + "/api/v1/signal" + query
	conn, resp, err := websocket.Dial(ctx, address, &websocket.DialOptions{HTTPHeader: header, HTTPClient: by})
	if err == nil {
		conn.SetReadLimit(1 << 20)
	}
	return conn, resp, err
}

func newSocket(t complainer, conn *websocket.Conn) *socket {
	s := &socket{t: t, conn: conn, in: make(chan signaling.Message, 256), closed: make(chan websocket.StatusCode, 1)}
	go s.read()
	return s
}

// complainer is the part of testing.TB that is also there outside of a test.
type complainer interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	FailNow()
}

func (s *socket) read() {
	for {
		_, data, err := s.conn.Read(context.Background())
		if err != nil {
			s.closed <- websocket.CloseStatus(err)
			close(s.in)
			return
		}
		m, err := signaling.Decode(data)
		if err != nil {
			s.t.Errorf("the portal sent %s: %v", data, err)
			continue
		}
		s.in <- m
	}
}

// await returns the next message of one of these types; others are passed over.
func (s *socket) await(types ...signaling.Type) signaling.Message {
	s.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case m, open := <-s.in:
			if !open {
				s.t.Fatalf("the WebSocket closed before %v", types)
			}
			for _, want := range types {
				if m.Type == want {
					return m
				}
			}
		case <-deadline:
			s.t.Fatalf("no %v from the portal", types)
		}
	}
}

// awaitStatus returns the first status of a camera that is as wanted.
func (s *socket) awaitStatus(camera string, online bool) signaling.Presence {
	s.t.Helper()
	for {
		m := s.await(signaling.TypeStatus)
		if m.Camera == camera && m.Presence.Online == online {
			return *m.Presence
		}
	}
}

func (s *socket) send(m signaling.Message) {
	s.t.Helper()
	m.V = signaling.Version
	data, err := json.Marshal(m)
	require.NoError(s.t, err)
	s.sendRaw(data)
}

func (s *socket) sendRaw(data []byte) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(s.t, s.conn.Write(ctx, websocket.MessageText, data))
}

// view is a viewer without a browser: a PeerConnection that negotiates over a socket.
type view struct {
	t       complainer
	socket  *socket
	camera  string
	session signaling.SessionID
	pc      *webrtc.PeerConnection
	packets chan *rtp.Packet // video
	answer  chan time.Time
	ended   chan signaling.Message // error or bye
}

// newView prepares a view; offer starts it.
func newView(t testing.TB, s *socket, camera string, n int) *view {
	t.Helper()
	packets := make(chan *rtp.Packet, 4096)
	v := openView(t, s, camera, n, webrtc.Configuration{}, into(packets))
	v.packets = packets
	t.Cleanup(func() { _ = v.pc.Close() })
	return v
}

// into puts packets into a channel until it is full: then the test is not interested any more.
func into(packets chan<- *rtp.Packet) func(*rtp.Packet) {
	return func(p *rtp.Packet) {
		select {
		case packets <- p:
		default:
		}
	}
}

// openView prepares a view whose video packets go to a function.
func openView(t complainer, s *socket, camera string, n int, cfg webrtc.Configuration, packet func(*rtp.Packet)) *view {
	t.Helper()
	v := &view{
		t: t, socket: s, camera: camera, session: s.viewer.Session(n),
		answer: make(chan time.Time, 1), ended: make(chan signaling.Message, 4),
	}
	v.pc = newPeer(t, cfg, packet)
	v.pc.OnICECandidate(v.onCandidate)
	return v
}

// newPeer makes a connection that receives video and sound, and passes the video's packets on.
func newPeer(t complainer, cfg webrtc.Configuration, packet func(*rtp.Packet)) *webrtc.PeerConnection {
	t.Helper()
	media := &webrtc.MediaEngine{}
	require.NoError(t, media.RegisterDefaultCodecs())
	registry := &interceptor.Registry{}
	require.NoError(t, webrtc.RegisterDefaultInterceptors(media, registry))
	settings := webrtc.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetIPFilter(func(ip net.IP) bool { return !ip.IsLinkLocalUnicast() }) // RFC 8445 section 5.1.1.1, as browsers do
	api := webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(registry), webrtc.WithSettingEngine(settings))
	pc, err := api.NewPeerConnection(cfg)
	require.NoError(t, err)
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		_, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
		require.NoError(t, err)
	}
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			p, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			if track.Kind() == webrtc.RTPCodecTypeVideo {
				packet(p)
			}
		}
	})
	return pc
}

func (v *view) onCandidate(c *webrtc.ICECandidate) {
	candidate := &signaling.Candidate{}
	if c != nil {
		init := c.ToJSON()
		*candidate = signaling.Candidate{Candidate: init.Candidate, SDPMid: init.SDPMid, SDPMLineIndex: init.SDPMLineIndex, UsernameFragment: init.UsernameFragment}
	}
	data, err := signaling.Encode(signaling.Message{Type: signaling.TypeCandidate, Session: v.session, Camera: v.camera, Candidate: candidate})
	if err == nil {
		_ = v.socket.conn.Write(context.Background(), websocket.MessageText, data) // the socket may be closed by now
	}
}

// offer sends the offer and handles what comes back until the socket closes. It returns the moment
// before it created the offer.
func (v *view) offer() time.Time {
	v.t.Helper()
	began := time.Now()
	offer, err := v.pc.CreateOffer(nil)
	require.NoError(v.t, err)
	require.NoError(v.t, v.pc.SetLocalDescription(offer))
	v.socket.send(signaling.Message{Type: signaling.TypeOffer, Session: v.session, Camera: v.camera, SDP: offer.SDP})
	go v.handle()
	return began
}

func (v *view) handle() {
	for m := range v.socket.in {
		if m.Session != v.session {
			continue
		}
		switch m.Type {
		case signaling.TypeAnswer:
			v.answer <- time.Now()
			if err := v.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: m.SDP}); err != nil {
				v.t.Errorf("answer: %v", err)
			}
		case signaling.TypeCandidate:
			_ = v.pc.AddICECandidate(webrtc.ICECandidateInit{Candidate: m.Candidate.Candidate, SDPMid: m.Candidate.SDPMid, SDPMLineIndex: m.Candidate.SDPMLineIndex})
		case signaling.TypeError, signaling.TypeBye:
			v.ended <- m
		}
	}
}

// awaitKeyFrame waits for the last packet of the first whole IDR picture and returns when it came.
func (v *view) awaitKeyFrame() time.Time {
	v.t.Helper()
	deadline := time.After(patience)
	inKeyFrame := false
	for {
		select {
		case p := <-v.packets:
			inKeyFrame = inKeyFrame || startsIDR(p.Payload)
			if inKeyFrame && p.Marker {
				return time.Now()
			}
		case m := <-v.ended:
			v.t.Fatalf("refused: %+v %v", m, m.Error)
		case <-deadline:
			v.t.Fatalf("no key frame")
		}
	}
}

// startsIDR reports whether an RTP payload (RFC 6184) begins or holds an IDR slice.
func startsIDR(payload []byte) bool {
	if len(payload) < 2 {
		return false
	}
	const idr, fuA = 5, 28
	switch payload[0] & 31 {
	case idr:
		return true
	case fuA:
		return payload[1]&0x80 != 0 && payload[1]&31 == idr
	}
	return false
}

// awaitFrames waits for n more pictures.
func (v *view) awaitFrames(n int) {
	v.t.Helper()
	deadline := time.After(patience)
	for n > 0 {
		select {
		case p := <-v.packets:
			if p.Marker {
				n--
			}
		case <-deadline:
			v.t.Fatalf("%d pictures are missing", n)
		}
	}
}
