package web

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	_ "embed"
	"errors"
	"io"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"
	"github.com/pion/webrtc/v4/pkg/media/ivfreader"
	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

// picture is a second of VP8 in which every frame is a key frame.
//
//go:embed testdata/picture.ivf
var picture []byte

// fakeFrameTime is the time between two frames of the fake camera.
const fakeFrameTime = 50 * time.Millisecond

// otherFingerprint is of no camera.
var otherFingerprint = strings.TrimSuffix(strings.Repeat("AB:", 32), ":")

// fakeCamera answers offers with pion and sends the picture over and over.
type fakeCamera struct {
	t    *testing.T
	cert webrtc.Certificate
	// change may rewrite an answer on its way, as a hostile relay would.
	change func(sdp string) string
	// refuse, if set, is the answer to every offer.
	refuse *signaling.Error
	// soundless makes it a camera without a microphone.
	soundless bool
	// frozen makes it send no frames from the start.
	frozen bool
	// control is its control channel; nil is a camera from before there was one.
	control *fakeControl
	// pairing answers what a page says on a visit; "" is its coming.
	pairing func(say func(message string), message map[string]any)

	mu       sync.Mutex
	sessions map[signaling.SessionID]*fakeSession
	offers   []signaling.SessionID
	byes     []signaling.SessionID
	sdps     []string
	silent   bool
	voice    int
	ending   sync.WaitGroup
}

type fakeSession struct {
	pc   *webrtc.PeerConnection
	stop chan struct{}
	done chan struct{}
	send func(signaling.Message)

	mu     sync.Mutex
	frozen bool
}

// newFakeCamera puts a camera behind the portal's fake signalling.
func newFakeCamera(p *portal) *fakeCamera {
	p.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(p.t, err)
	cert, err := webrtc.GenerateCertificate(key)
	require.NoError(p.t, err)
	c := &fakeCamera{t: p.t, cert: *cert, sessions: map[signaling.SessionID]*fakeSession{}}
	p.signals.setHandler(c.receive)
	p.t.Cleanup(c.close)
	return c
}

func (c *fakeCamera) fingerprint() string {
	prints, err := c.cert.GetFingerprints()
	require.NoError(c.t, err)
	return strings.ToUpper(prints[0].Value)
}

func (c *fakeCamera) receive(s *fakeSocket, m signaling.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	session := c.sessions[m.Session]
	switch m.Type {
	case signaling.TypeOffer:
		c.offers = append(c.offers, m.Session)
		c.sdps = append(c.sdps, m.SDP)
		if !c.silent {
			c.offer(s, m, session)
		}
	case signaling.TypeCandidate:
		if session != nil && m.Candidate.Candidate != "" {
			_ = session.pc.AddICECandidate(webrtc.ICECandidateInit{
				Candidate: m.Candidate.Candidate, SDPMid: m.Candidate.SDPMid, SDPMLineIndex: m.Candidate.SDPMLineIndex,
			})
		}
	case signaling.TypeBye:
		c.byes = append(c.byes, m.Session)
		c.end(m.Session)
	}
}

func (c *fakeCamera) offer(s *fakeSocket, m signaling.Message, session *fakeSession) {
	if c.refuse != nil {
		s.send(signaling.Message{Type: signaling.TypeError, Camera: m.Camera, Session: m.Session, Error: c.refuse})
		return
	}
	if session == nil {
		session = c.newSession(s, m)
		c.sessions[m.Session] = session
	}
	if err := session.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: m.SDP}); err != nil {
		c.t.Errorf("fake camera: %v", err)
		return
	}
	answer, err := session.pc.CreateAnswer(nil)
	if err == nil {
		err = session.pc.SetLocalDescription(answer)
	}
	if err != nil {
		c.t.Errorf("fake camera: %v", err)
		return
	}
	sdp := answer.SDP
	if c.change != nil {
		sdp = c.change(sdp)
	}
	s.send(signaling.Message{Type: signaling.TypeAnswer, Camera: m.Camera, Session: m.Session, SDP: sdp})
}

func (c *fakeCamera) newSession(s *fakeSocket, m signaling.Message) *fakeSession {
	var settings webrtc.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	media := &webrtc.MediaEngine{}
	require.NoError(c.t, media.RegisterDefaultCodecs())
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings), webrtc.WithMediaEngine(media)).
		NewPeerConnection(webrtc.Configuration{Certificates: []webrtc.Certificate{c.cert}})
	require.NoError(c.t, err)
	track := c.addTrack(pc, webrtc.MimeTypeVP8, "video")
	if !c.soundless {
		c.addTrack(pc, webrtc.MimeTypeOpus, "audio")
	}
	session := &fakeSession{pc: pc, stop: make(chan struct{}), done: make(chan struct{}), send: s.send, frozen: c.frozen}
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { c.listen(track) })
	pc.OnDataChannel(func(channel *webrtc.DataChannel) {
		if c.control != nil && channel.Label() == "control" && channel.Protocol() == "seccam-control.v1" && channel.Ordered() {
			c.control.serve(session, channel)
		}
		if c.pairing != nil && channel.Label() == "pairing" && channel.Protocol() == "seccam-pairing.v1" && channel.Ordered() {
			c.visited(channel)
		}
	})
	pc.OnICECandidate(func(candidate *webrtc.ICECandidate) {
		body := signaling.Candidate{}
		if candidate != nil {
			init := candidate.ToJSON()
			body = signaling.Candidate{Candidate: init.Candidate, SDPMid: init.SDPMid, SDPMLineIndex: init.SDPMLineIndex}
		}
		s.send(signaling.Message{Type: signaling.TypeCandidate, Camera: m.Camera, Session: m.Session, Candidate: &body})
	})
	go session.play(track)
	return session
}

func (c *fakeCamera) addTrack(pc *webrtc.PeerConnection, codec, name string) *webrtc.TrackLocalStaticSample {
	track, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: codec}, name, "camera")
	require.NoError(c.t, err)
	_, err = pc.AddTrack(track)
	require.NoError(c.t, err)
	return track
}

// play sends the picture until the session ends.
func (s *fakeSession) play(track *webrtc.TrackLocalStaticSample) {
	defer close(s.done)
	tick := time.NewTicker(fakeFrameTime)
	defer tick.Stop()
	var frames *ivfreader.IVFReader
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
		}
		if frames == nil {
			frames, _, _ = ivfreader.NewWith(bytes.NewReader(picture))
		}
		frame, _, err := frames.ParseNextFrame()
		if errors.Is(err, io.EOF) {
			frames = nil
			continue
		}
		s.mu.Lock()
		frozen := s.frozen
		s.mu.Unlock()
		if !frozen {
			_ = track.WriteSample(media.Sample{Data: frame, Duration: fakeFrameTime})
		}
	}
}

// freeze stops the frames of every session and leaves their connections.
func (c *fakeCamera) freeze() { c.setFrozen(true) }

// thaw lets the frames go on.
func (c *fakeCamera) thaw() { c.setFrozen(false) }

func (c *fakeCamera) setFrozen(frozen bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.sessions {
		s.mu.Lock()
		s.frozen = frozen
		s.mu.Unlock()
	}
}

// setSilent makes the camera answer nothing, as one that is gone.
func (c *fakeCamera) setSilent(silent bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.silent = silent
}

func (c *fakeCamera) setRefusal(refuse *signaling.Error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refuse = refuse
}

// drop ends every session without a word.
func (c *fakeCamera) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range c.sessions {
		c.end(id)
	}
}

// bye ends every session with a reason.
func (c *fakeCamera) bye(reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, s := range c.sessions {
		s.send(signaling.Message{Type: signaling.TypeBye, Session: id, Reason: reason})
		c.end(id)
	}
}

func (c *fakeCamera) end(id signaling.SessionID) {
	session := c.sessions[id]
	if session == nil {
		return
	}
	delete(c.sessions, id)
	close(session.stop)
	c.ending.Go(func() { // not here: closing takes a while, in which other pages are answered
		<-session.done
		_ = session.pc.Close()
	})
}

func (c *fakeCamera) close() {
	c.drop()
	c.ending.Wait()
}

// offered lists the sessions of the offers so far, in order, restarts included.
func (c *fakeCamera) offered() []signaling.SessionID {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]signaling.SessionID(nil), c.offers...)
}

// lastOffer is the SDP of the newest offer.
func (c *fakeCamera) lastOffer() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	require.NotEmpty(c.t, c.sdps)
	return c.sdps[len(c.sdps)-1]
}

// left lists the sessions that a bye ended.
func (c *fakeCamera) left() []signaling.SessionID {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]signaling.SessionID(nil), c.byes...)
}

var fingerprintLine = regexp.MustCompile(`a=fingerprint:sha-256 [0-9A-Fa-f:]+`)

// swapFingerprint puts another certificate into an answer.
func swapFingerprint(sdp string) string {
	return fingerprintLine.ReplaceAllString(sdp, "a=fingerprint:sha-256 "+otherFingerprint)
}
