package session

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"seccam/pkg/signaling"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stillServes shows that the manager lives and answers honest viewers.
func (r *rig) stillServes(n int) {
	r.t.Helper()
	v := r.newViewer(sessionID(n))
	v.call(nil)
	next(r.t, "key frame of an honest viewer", v.keys)
}

func TestAbuse25_ReplayedOfferOrCommand(t *testing.T) {
	var stale atomic.Int64
	r := newRig(t, smallVideo(), func(c *Config) { c.Stale = func() { stale.Add(1) } })
	id := sessionID(1)
	payload := r.deliver(signaling.Message{Type: signaling.TypeOffer, Session: id, SDP: offerSDP(t)})
	r.expect(id, signaling.TypeAnswer)

	r.manager.Deliver(topicOf(id, testPortal), payload) // in the live session
	r.expectError(id, signaling.CodeReplayed)

	r.deliver(signaling.Message{Type: signaling.TypeBye, Session: id, Reason: signaling.ReasonLeft})
	r.awaitViewers(0)
	r.manager.Deliver(topicOf(id, testPortal), payload) // after its end
	r.expectError(id, signaling.CodeReplayed)

	r.deliver(signaling.Message{Type: signaling.TypeOffer, Session: id, SDP: offerSDP(t)})
	r.expectError(id, signaling.CodeUnknown) // not a replay, but the session is over

	for name, seq := range map[string]uint64{
		"old":     uint64(time.Now().Add(-signaling.MaxAge - time.Second).UnixMicro()),
		"future":  uint64(time.Now().Add(signaling.MaxAge + time.Second).UnixMicro()),
		"absent":  0,
		"extreme": 1<<64 - 1,
	} {
		t.Run(name, func(t *testing.T) {
			other := sessionID(2)
			r.manager.Deliver(topicOf(other, testPortal), marshal(t, signaling.Message{
				V: signaling.Version, Type: signaling.TypeOffer, Session: other, Seq: seq, SDP: offerSDP(t),
			}))
			r.expectError(other, signaling.CodeReplayed)
		})
	}
	assert.Zero(t, r.manager.Viewers())
	assert.EqualValues(t, 4, stale.Load(), "the clock is asked for again")
	r.stillServes(9)
}

func TestAbuse27_OversizedSDP(t *testing.T) {
	r := newRig(t, smallVideo(), nil)
	id := sessionID(1)
	send := func(sdp string) {
		r.seq++
		r.manager.Deliver(topicOf(id, testPortal), marshal(t, signaling.Message{
			V: signaling.Version, Type: signaling.TypeOffer, Session: id, Seq: r.seq, SDP: sdp,
		}))
	}
	send(offerSDP(t) + strings.Repeat("a=x\r\n", signaling.MaxSDP/5))
	r.expectError(id, signaling.CodeBadMessage)
	send(strings.Repeat("x", 2*signaling.MaxMessage))
	r.expectError(id, signaling.CodeBadMessage)
	_, video, _ := strings.Cut(offerSDP(t), "m=video")
	send(offerSDP(t) + strings.Repeat("m=video"+video[:400]+"\r\n", maxMedia))
	r.expectError(id, signaling.CodeBadMessage)
	r.stillServes(2)
}

func TestAbuse37_MalformedSignallingOnCamera(t *testing.T) {
	r := newRig(t, smallVideo(), nil)
	valid := offerSDP(t)
	id := sessionID(1)
	for name, payload := range map[string]string{
		"empty":           "",
		"not JSON":        "\xff\xfe{",
		"truncated":       `{"v":1,"type":"offer","sdp":"v=0`,
		"array":           `[]`,
		"null":            `null`,
		"wrong type":      `{"v":1,"type":7}`,
		"no session":      `{"v":1,"type":"offer","sdp":"v=0"}`,
		"unknown type":    `{"v":1,"type":"reboot","session":"` + string(id) + `"}`,
		"deep":            strings.Repeat(`{"a":`, 5000),
		"two in one":      `{"v":1,"type":"bye","session":"` + string(id) + `"}{}`,
		"candidate alone": `{"v":1,"type":"candidate","session":"` + string(id) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			r.manager.Deliver(topicOf(id, testPortal), []byte(payload))
			code := r.expect(id, signaling.TypeError).Error.Code
			assert.Contains(t, []signaling.Code{signaling.CodeBadMessage, signaling.CodeVersion}, code)
		})
	}
	r.manager.Deliver(topicOf(id, testPortal), []byte(`{"v":2,"type":"offer"}`))
	r.expectError(id, signaling.CodeVersion)
	for n, sdp := range malformedSDP(valid) {
		r.deliver(signaling.Message{Type: signaling.TypeOffer, Session: sessionID(n + 2), SDP: sdp})
		m := next(t, "an answer or a refusal", r.box(sessionID(n+2)))
		assert.Contains(t, []signaling.Type{signaling.TypeError, signaling.TypeAnswer}, m.Type, "SDP %d", n)
		r.deliver(signaling.Message{Type: signaling.TypeBye, Session: sessionID(n + 2)})
	}
	r.awaitViewers(0)
	for _, topic := range []string{"", "x", signaling.Root, "seccam/v1/cameras/other/sessions/p/" + string(id) + "/to-camera", "$SYS/x"} {
		r.manager.Deliver(topic, []byte("{}"))
	}
	r.stillServes(900)
}

// malformedSDP cuts and bends a valid offer.
func malformedSDP(valid string) []string {
	bent := []string{
		"v=0", "m=video", strings.ReplaceAll(valid, "a=mid:0", ""), strings.ReplaceAll(valid, "ice-ufrag", "x"),
		strings.ReplaceAll(valid, "a=setup:actpass", "a=setup:nonsense"), strings.ReplaceAll(valid, "fingerprint:sha-256 ", "fingerprint:"),
		strings.ReplaceAll(valid, "packetization-mode=1", "packetization-mode=9"), strings.ReplaceAll(valid, "90000", "99999999999999"),
		strings.ReplaceAll(valid, "a=rtpmap", "a=rtpmap:\r\na=rtpmap"), strings.ReplaceAll(valid, "UDP/TLS/RTP/SAVPF", "TCP"),
	}
	for cut := 0; cut < len(valid); cut += len(valid) / 20 {
		bent = append(bent, valid[:cut]+" ")
	}
	return bent
}

func TestAbuse37_MalformedCandidates(t *testing.T) {
	r := newRig(t, smallVideo(), nil)
	v := r.newViewer(sessionID(1))
	v.call(nil)
	for _, text := range []string{"", "candidate:", "x", "candidate:1 1 udp 1 999.1.1.1 99999 typ host", strings.Repeat("9", signaling.MaxCandidate)} {
		v.deliver(signaling.Message{Type: signaling.TypeCandidate, Session: v.id, Candidate: &signaling.Candidate{Candidate: text}})
	}
	next(t, "key frame", v.keys)
}

// TestAbuse38_SessionComesFromTheTopic: a portal may only publish below its own name, so the topic
// is what the broker vouches for, and a payload cannot speak for another session or camera.
func TestAbuse38_SessionComesFromTheTopic(t *testing.T) {
	r := newRig(t, smallVideo(), nil)
	victim := r.newViewer(sessionID(1))
	victim.call(nil)
	next(t, "key frame", victim.keys)

	attacker := sessionID(2)
	r.seq++
	r.manager.Deliver(topicOf(attacker, "portal2"), marshal(t, signaling.Message{
		V: signaling.Version, Type: signaling.TypeBye, Session: victim.id, Seq: r.seq, Reason: signaling.ReasonLeft,
	}))
	refusal := r.expect(attacker, signaling.TypeError)
	require.Equal(t, signaling.CodeBadMessage, refusal.Error.Code)
	require.Equal(t, "portal2", refusal.topic.Portal)

	r.deliver(signaling.Message{Type: signaling.TypeOffer, Session: attacker, Camera: "another", SDP: offerSDP(t)})
	r.expect(attacker, signaling.TypeAnswer) // the camera field is the WebSocket's and means nothing here
	drain(victim.frames)
	next(t, "frame of the victim", victim.frames)
}
