package session

import (
	"testing"
	"time"

	"seccam/pkg/signaling"

	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"
)

// callWith sends an offer with what the portal stamps on it.
func (v *viewer) callWith(stamped signaling.Message) {
	offer, err := v.pc.CreateOffer(nil)
	require.NoError(v.t, err)
	stamped.Type, stamped.Session, stamped.SDP = signaling.TypeOffer, v.id, offer.SDP
	v.deliver(stamped)
	require.NoError(v.t, v.pc.SetLocalDescription(offer))
	v.ready <- struct{}{}
}

func TestEndOfGrantEndsItsSessionsOnly(t *testing.T) {
	r := newRig(t, smallVideo(), nil)
	viewers := map[string]*viewer{}
	for i, grant := range []string{"a", "b", ""} {
		v := r.newViewer(sessionID(i + 1))
		v.callWith(signaling.Message{Grant: grant})
		v.awaitState(webrtc.PeerConnectionStateConnected)
		viewers[grant] = v
	}
	// The portal that says so knows no session of it.
	r.deliver(signaling.Message{Type: signaling.TypeBye, Session: sessionID(99), Grant: "a", Reason: signaling.ReasonRevoked})
	require.Equal(t, signaling.ReasonRevoked, next(t, "a bye", viewers["a"].byes))
	r.awaitViewers(2)
	r.deliver(signaling.Message{Type: signaling.TypeBye, Session: viewers["b"].id, Grant: "unknown"})
	for _, grant := range []string{"b", ""} {
		next(t, "a frame", viewers[grant].frames)
		require.Empty(t, viewers[grant].byes)
	}
	require.Equal(t, 2, r.manager.Viewers())
}

// Also without a portal.
func TestSessionEndsWhenItsTimeIsOver(t *testing.T) {
	r := newRig(t, smallVideo(), nil)
	v, other := r.newViewer(sessionID(1)), r.newViewer(sessionID(2))
	began := time.Now()
	v.callWith(signaling.Message{Until: began.Add(1500 * time.Millisecond).UnixMilli()})
	other.callWith(signaling.Message{Until: began.Add(time.Hour).UnixMilli()})
	other.awaitState(webrtc.PeerConnectionStateConnected)
	require.Equal(t, signaling.ReasonRevoked, next(t, "a bye", v.byes))
	require.WithinRange(t, time.Now(), began.Add(1400*time.Millisecond), began.Add(deadline))
	r.awaitViewers(1)

	late := r.newViewer(sessionID(3))
	late.callWith(signaling.Message{Until: began.Add(-time.Second).UnixMilli()})
	require.Equal(t, signaling.ReasonRevoked, next(t, "a bye", late.byes))
}

// A program that has no other way to say so closes its connection. The portal is told.
func TestViewerThatClosesItsConnection(t *testing.T) {
	r := newRig(t, smallVideo(), nil)
	v := r.newViewer(sessionID(1))
	v.call(nil)
	v.awaitState(webrtc.PeerConnectionStateConnected)
	require.NoError(t, v.pc.GracefulClose())
	require.Equal(t, signaling.ReasonLeft, next(t, "a bye", v.byes))
	r.awaitViewers(0)
}

// The end of candidates follows each generation of them.
func TestEndOfCandidatesIsTold(t *testing.T) {
	r := newRig(t, smallVideo(), nil)
	v := r.newViewer(sessionID(1))
	close(v.done) // this test reads the camera's messages itself
	v.wait.Wait()
	v.done = make(chan struct{})
	for range 2 {
		v.call(&webrtc.OfferOptions{ICERestart: v.pc.RemoteDescription() != nil})
		answer := r.expect(v.id, signaling.TypeAnswer)
		require.NoError(t, v.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer.SDP}))
		<-v.ready
		candidates := 0
		for {
			m := next(t, "a candidate", r.box(v.id))
			require.Equal(t, signaling.TypeCandidate, m.Type)
			if m.Candidate.Candidate == "" {
				break
			}
			require.NoError(t, v.pc.AddICECandidate(webrtc.ICECandidateInit{Candidate: m.Candidate.Candidate, SDPMid: m.Candidate.SDPMid}))
			candidates++
		}
		require.Positive(t, candidates)
		v.awaitState(webrtc.PeerConnectionStateConnected)
	}
}
