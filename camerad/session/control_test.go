package session

import (
	"bytes"
	"encoding/json"
	"errors"
	"image/jpeg"
	"sync"
	"testing"
	"time"

	"seccam/pkg/signaling"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// page is the page's end of the control channel.
type page struct {
	t       *testing.T
	channel *webrtc.DataChannel
	reports chan map[string]any
	chunks  chan []byte
}

// openControl makes the channel before the call.
func (v *viewer) openControl(t *testing.T) *page {
	channel, err := v.pc.CreateDataChannel(ControlLabel, nil)
	require.NoError(t, err)
	p := &page{t: t, channel: channel, reports: make(chan map[string]any, 256), chunks: make(chan []byte, 256)}
	channel.OnMessage(func(m webrtc.DataChannelMessage) {
		if !m.IsString {
			p.chunks <- m.Data
			return
		}
		var report map[string]any
		if err := json.Unmarshal(m.Data, &report); err != nil {
			t.Errorf("not JSON: %s", m.Data)
		}
		p.reports <- report
	})
	return p
}

// expect waits for a report of a type; others are passed over.
func (p *page) expect(kind string) map[string]any {
	p.t.Helper()
	timeout := time.After(deadline)
	for {
		select {
		case report := <-p.reports:
			if report["type"] == kind {
				return report
			}
		case <-timeout:
			p.t.Fatalf("waited in vain for %s", kind)
		}
	}
}

func (p *page) send(request Request) {
	p.t.Helper()
	require.NoError(p.t, p.channel.SendText(string(marshal(p.t, request))))
}

// callAs begins a view as the portal lets a person of that role.
func (v *viewer) callAs(role signaling.Role) { v.callWith(signaling.Message{Role: role}) }

func controlNames(report map[string]any) map[string]float64 {
	values := map[string]float64{}
	for _, c := range report["controls"].([]any) {
		control := c.(map[string]any)
		values[control["name"].(string)] = control["value"].(float64)
	}
	return values
}

func TestOwnerChangesSettingsForAll(t *testing.T) {
	r := newRig(t, smallVideo(), nil)
	owner, other := r.newViewer(sessionID(1)), r.newViewer(sessionID(2))
	ownerPage, otherPage := owner.openControl(t), other.openControl(t)
	owner.callAs(signaling.RoleOwner)
	other.callAs(signaling.RoleOwner)
	for _, p := range []*page{ownerPage, otherPage} {
		for values := controlNames(p.expect("controls")); ; values = controlNames(p.expect("controls")) {
			if rotation, ok := values["rotation"]; ok {
				require.Zero(t, rotation)
				break
			}
		}
	}
	ownerPage.send(Request{Type: "set", Name: "rotation", Value: 90})
	assert.EqualValues(t, 90, controlNames(otherPage.expect("controls"))["rotation"])
	ownerPage.send(Request{Type: "set", Name: "rotation", Value: 45})
	assert.Equal(t, "Rotation: 45 is not one of [0 90 180 270].", ownerPage.expect("error")["message"])
	ownerPage.send(Request{Type: "set", Name: "warp", Value: 1})
	assert.Contains(t, ownerPage.expect("error")["message"], "does not have that setting")
}

func TestOthersChangeNothing(t *testing.T) {
	r := newRig(t, smallVideo(), nil)
	for n, role := range []signaling.Role{signaling.RoleViewer, ""} {
		v := r.newViewer(sessionID(n + 1))
		p := v.openControl(t)
		v.callAs(role)
		assert.Empty(t, p.expect("controls")["controls"])
		p.send(Request{Type: "set", Name: "rotation", Value: 90})
		assert.Contains(t, p.expect("error")["message"], "owner")
	}
	for _, c := range r.engine.Controls() {
		if c.Name == "rotation" {
			assert.Zero(t, c.Value)
		}
	}
}

func TestStatistics(t *testing.T) {
	r := newRig(t, smallVideo(), nil)
	v := r.newViewer(sessionID(1))
	p := v.openControl(t)
	v.call(nil)
	for p.expect("picture")["state"] != "live" {
	}
	p.expect("stats") // the first may be of before the first picture
	stats := p.expect("stats")
	assert.Equal(t, []any{"full", "H264", 320.0, 180.0, 30.0, 1.0},
		[]any{stats["quality"], stats["codec"], stats["width"], stats["height"], stats["fps"], stats["viewers"]})
	assert.Greater(t, stats["bitrate"], 10_000.0)
}

func TestSnapshotOverTheChannel(t *testing.T) {
	r := newRig(t, smallVideo(), nil)
	v := r.newViewer(sessionID(1))
	p := v.openControl(t)
	v.call(nil)
	next(t, "key frame", v.keys)
	p.expect("talk") // open
	p.send(Request{Type: "snapshot"})
	size := int(p.expect("snapshot")["size"].(float64))
	var picture bytes.Buffer
	for picture.Len() < size {
		picture.Write(next(t, "chunk", p.chunks))
	}
	decoded, err := jpeg.Decode(&picture)
	require.NoError(t, err)
	assert.Equal(t, 320, decoded.Bounds().Dx())
}

func TestNonsenseOnTheChannel(t *testing.T) {
	r := newRig(t, smallVideo(), nil)
	v := r.newViewer(sessionID(1))
	p := v.openControl(t)
	v.callAs(signaling.RoleOwner)
	p.expect("talk")
	for _, text := range []string{"", "{", "[]", "null", `{"type":7}`, `{"type":"set","value":"x"}`, `{"type":"unheard of"}`, string(make([]byte, 2*maxRequest))} {
		require.NoError(t, p.channel.SendText(text))
	}
	require.NoError(t, p.channel.Send([]byte{1, 2, 3}))
	p.send(Request{Type: "set", Name: "rotation", Value: 180})
	for {
		if controlNames(p.expect("controls"))["rotation"] == 180 {
			return
		}
	}
}

// fakeSpeaker hears what is played.
type fakeSpeaker struct {
	heard  chan []byte
	closed chan struct{}
}

func (s *fakeSpeaker) Push(payload []byte, _ uint16, _ uint32) {
	nonblocking(s.heard, bytes.Clone(payload))
}
func (s *fakeSpeaker) Close() error { s.closed <- struct{}{}; return nil }

// say sends sound until the test ends.
func (v *viewer) say(t *testing.T, track *webrtc.TrackLocalStaticRTP, text string) {
	stop := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		pace := time.NewTicker(20 * time.Millisecond)
		defer pace.Stop()
		for n := uint16(1); ; n++ {
			select {
			case <-stop:
				return
			case <-pace.C:
				_ = track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: n, Timestamp: 960 * uint32(n)}, Payload: []byte(text)})
			}
		}
	})
	t.Cleanup(func() { close(stop); running.Wait() })
}

// talker is a viewer with a microphone.
func (r *rig) newTalker(t *testing.T, n int, text string) *page {
	v := r.newViewer(sessionID(n))
	track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "mic", "mic")
	require.NoError(t, err)
	for _, transceiver := range v.pc.GetTransceivers() {
		if transceiver.Kind() == webrtc.RTPCodecTypeAudio {
			require.NoError(t, transceiver.Stop())
		}
	}
	_, err = v.pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendrecv})
	require.NoError(t, err)
	p := v.openControl(t)
	v.callAs(signaling.RoleOwner)
	v.say(t, track, text)
	return p
}

func TestOneTalkerAtATime(t *testing.T) {
	speaker := &fakeSpeaker{heard: make(chan []byte, 1000), closed: make(chan struct{}, 1)}
	r := newRig(t, smallVideo(), func(c *Config) { c.OpenSpeaker = func() (Speaker, error) { return speaker, nil } })
	first, second := r.newTalker(t, 1, "first"), r.newTalker(t, 2, "second")
	assert.Equal(t, "free", first.expect("talk")["state"])
	assert.Equal(t, "free", second.expect("talk")["state"])
	assert.Empty(t, speaker.heard, "nobody has the turn")
	first.send(Request{Type: "talk", On: true})
	assert.Equal(t, "yours", first.expect("talk")["state"])
	assert.Equal(t, "busy", second.expect("talk")["state"])
	second.send(Request{Type: "talk", On: true})
	assert.Equal(t, "Someone else is talking.", second.expect("error")["message"])
	for range 5 {
		assert.Equal(t, "first", string(next(t, "speech", speaker.heard)))
	}
	first.send(Request{Type: "talk"})
	next(t, "end of the speaker", speaker.closed)
	assert.Equal(t, "free", second.expect("talk")["state"])
	for len(speaker.heard) > 0 {
		<-speaker.heard
	}
	second.send(Request{Type: "talk", On: true})
	assert.Equal(t, "yours", second.expect("talk")["state"])
	assert.Equal(t, "second", string(next(t, "speech", speaker.heard)))
	r.deliver(signaling.Message{Type: signaling.TypeBye, Session: sessionID(2), Reason: signaling.ReasonLeft})
	next(t, "end of the speaker with the session", speaker.closed)
}

// A viewer speaks only if the portal says so.
func TestWhoMayTalk(t *testing.T) {
	r := newRig(t, smallVideo(), func(c *Config) {
		c.OpenSpeaker = func() (Speaker, error) {
			return &fakeSpeaker{heard: make(chan []byte, 1000), closed: make(chan struct{}, 1)}, nil
		}
	})
	silent, heard := r.newViewer(sessionID(1)), r.newViewer(sessionID(2))
	quiet, loud := silent.openControl(t), heard.openControl(t)
	silent.callAs(signaling.RoleViewer)
	heard.callWith(signaling.Message{Role: signaling.RoleViewer, Talk: true})
	assert.Equal(t, "off", quiet.expect("talk")["state"])
	assert.Equal(t, "free", loud.expect("talk")["state"])
	quiet.send(Request{Type: "talk", On: true})
	assert.Contains(t, quiet.expect("error")["message"], "its owner decides that")
	loud.send(Request{Type: "talk", On: true})
	assert.Equal(t, "yours", loud.expect("talk")["state"])
}

func TestSpeakerThatDoesNotOpen(t *testing.T) {
	r := newRig(t, smallVideo(), func(c *Config) {
		c.OpenSpeaker = func() (Speaker, error) { return nil, errors.New("the speaker is unplugged") }
	})
	p := r.newTalker(t, 1, "hello")
	p.expect("talk")
	p.send(Request{Type: "talk", On: true})
	assert.Equal(t, "The speaker is unplugged.", p.expect("error")["message"])
}

func TestPrivacyCutsAndRefuses(t *testing.T) {
	r := newRig(t, smallVideo(), nil)
	v := r.newViewer(sessionID(1))
	v.call(nil)
	next(t, "key frame", v.keys)
	r.engine.SetPrivate("Privacy mode is on.")
	r.manager.Cut(t.Context(), signaling.ReasonPrivate)
	assert.Equal(t, signaling.ReasonPrivate, next(t, "bye", v.byes))
	r.awaitViewers(0)
	state, detail := r.engine.State()
	assert.Equal(t, []any{signaling.PicturePrivate, "Privacy mode is on."}, []any{state, detail})
	r.deliver(signaling.Message{Type: signaling.TypeOffer, Session: sessionID(2), SDP: offerSDP(t)})
	r.expectError(sessionID(2), signaling.CodePrivate)
	frames := r.engine.Stats().Frames
	r.engine.SetPrivate("")
	again := r.newViewer(sessionID(3))
	again.call(nil)
	next(t, "key frame", again.keys)
	assert.Greater(t, r.engine.Stats().Frames, frames)
}
