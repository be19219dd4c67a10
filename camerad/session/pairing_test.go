package session

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"seccam/camerad/pairing"
	"seccam/pkg/credential"
	"seccam/pkg/signaling"

	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// followBook does what the daemon does about changes.
func (r *rig) followBook(ctx context.Context) {
	for {
		changed := r.book.Changed()
		r.manager.Recheck(ctx)
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}

// device is a browser with a certificate that it keeps.
type device struct {
	*rig
	cfg   webrtc.Configuration
	print string
}

func (r *rig) newDevice() *device {
	r.t.Helper()
	certificate, err := newCertificate()
	require.NoError(r.t, err)
	identity, err := newIdentity(*certificate)
	require.NoError(r.t, err)
	return &device{rig: r, cfg: webrtc.Configuration{Certificates: []webrtc.Certificate{*certificate}}, print: identity.Fingerprint}
}

// watch begins a view, as the owner by the portal's word.
func (d *device) watch(n int) *viewer {
	d.t.Helper()
	v := d.newViewerWith(sessionID(n), "", d.cfg)
	v.callAs(signaling.RoleOwner)
	return v
}

// sees waits for the picture.
func (d *device) sees(n int) *viewer {
	d.t.Helper()
	v := d.watch(n)
	next(d.t, "key frame", v.keys)
	return v
}

// offered is the offer of a view by this device.
func (d *device) offered() string {
	d.t.Helper()
	pc, err := webrtc.NewPeerConnection(d.cfg)
	require.NoError(d.t, err)
	defer func() { _ = pc.GracefulClose() }()
	_, err = pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
	require.NoError(d.t, err)
	offer, err := pc.CreateOffer(nil)
	require.NoError(d.t, err)
	return offer.SDP
}

// call is a device's visit.
type call struct {
	*viewer
	device  *device
	channel *webrtc.DataChannel
	words   chan Word
	nonce   []byte
}

// visit opens a visit and waits for the camera's hello.
func (d *device) visit(n int) *call {
	d.t.Helper()
	var settings webrtc.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings)).NewPeerConnection(d.cfg)
	require.NoError(d.t, err)
	v := &viewer{rig: d.rig, id: sessionID(n), pc: pc}
	v.prepare()
	channel, err := pc.CreateDataChannel(PairingLabel, nil)
	require.NoError(d.t, err)
	c := &call{viewer: v, device: d, channel: channel, words: make(chan Word, 64)}
	channel.OnMessage(func(m webrtc.DataChannelMessage) {
		var w Word
		if err := json.Unmarshal(m.Data, &w); err != nil {
			d.t.Errorf("not JSON: %s", m.Data)
		}
		c.words <- w
	})
	v.call(nil)
	c.hello()
	return c
}

// hello waits for the next word on how things are.
func (c *call) hello() Word {
	c.t.Helper()
	for {
		w := next(c.t, "a word of the camera", c.words)
		if w.Nonce != nil {
			c.nonce = w.Nonce
		}
		if w.Type == "hello" {
			return w
		}
	}
}

// until waits for a hello that is as wanted.
func (c *call) until(what string, good func(Word) bool) Word {
	c.t.Helper()
	for {
		if w := c.hello(); good(w) {
			return w
		}
	}
}

// ask sends something and returns what became of it.
func (c *call) ask(a Ask) Word {
	c.t.Helper()
	require.NoError(c.t, c.channel.SendText(string(marshal(c.t, a))))
	for {
		w := next(c.t, "an answer to "+a.Type, c.words)
		if w.Nonce != nil {
			c.nonce = w.Nonce
		}
		if w.About == a.Type {
			return w
		}
	}
}

func (c *call) meeting(nonce []byte) pairing.Meeting {
	return pairing.Meeting{Camera: testCamera, Device: c.device.print, Own: c.rig.print, CameraNonce: c.nonce, DeviceNonce: nonce}
}

// proofOf is what a device sends that knows the code.
func (c *call) proofOf(code, name string) (Ask, pairing.Meeting) {
	nonce := make([]byte, pairing.NonceSize)
	_, _ = rand.Read(nonce)
	m := c.meeting(nonce)
	return Ask{Type: "pair", Name: name, Nonce: nonce, Proof: pairing.Proof(code, pairing.EndDevice, m)}, m
}

func (r *rig) code() string {
	r.t.Helper()
	code, err := r.book.Code()
	require.NoError(r.t, err)
	return code
}

// paired makes a device that is paired by the code.
func (r *rig) paired(n int, name string) *device {
	r.t.Helper()
	d := r.newDevice()
	c := d.visit(n)
	ask, meeting := c.proofOf(r.code(), name)
	w := c.ask(ask)
	require.Equal(r.t, "done", w.Type, w.Message)
	require.True(r.t, pairing.Proves(r.code(), pairing.EndCamera, meeting, w.Proof), "the camera proves itself, too")
	c.bye()
	return d
}

func TestPairedDevicesAlone(t *testing.T) {
	r := newRig(t, smallVideo(), nil)
	stranger := r.newDevice()
	watching := stranger.sees(1)
	own := r.paired(2, "Own phone")
	mine := own.sees(3)

	c := own.visit(4)
	require.Equal(t, "done", c.ask(Ask{Type: "only", On: true}).Type)
	assert.Equal(t, signaling.ReasonUnpaired, next(t, "a bye", watching.byes), "who is not paired is cut off")
	drain(mine.frames)
	next(t, "frame of the paired one", mine.frames)
	stranger.isRefused(5)

	w := c.until("on", func(w Word) bool { return w.Only })
	require.Len(t, w.Devices, 1)
	assert.Equal(t, "Own phone", w.Devices[0].Name)
	assert.True(t, w.Devices[0].You)
	require.Equal(t, "done", c.ask(Ask{Type: "only"}).Type)
	stranger.sees(6)
}

// isRefused has it try to watch, for which it is not paired.
func (d *device) isRefused(n int) {
	d.t.Helper()
	refusal := next(d.t, "a refusal", d.watch(n).refusals)
	require.Equal(d.t, signaling.CodeUnpaired, refusal.Code)
	require.Contains(d.t, refusal.Message, "paired")
}

func TestPairedDeviceAddsAnother(t *testing.T) {
	r := newRig(t, smallVideo(), nil)
	first := r.paired(1, "First")
	second := r.newDevice()
	waiting := second.visit(2)
	c := first.visit(3)
	code := pairing.DeviceCode(testCamera, second.print)
	assert.Equal(t, "error", c.ask(Ask{Type: "add", Code: code, Name: " "}).Type, "a name is needed")
	assert.Contains(t, c.ask(Ask{Type: "add", Code: code[1:], Name: "Second"}).Message, "Not a valid code")
	require.Equal(t, "done", c.ask(Ask{Type: "add", Code: credential.FormatCode(code), Name: "Second"}).Type)
	waiting.until("paired", func(w Word) bool { return w.Paired && len(w.Devices) == 2 })
	list := c.until("two", func(w Word) bool { return len(w.Devices) == 2 }).Devices

	require.Equal(t, "done", c.ask(Ask{Type: "only", On: true}).Type)
	view := second.sees(4)
	require.Equal(t, "done", c.ask(Ask{Type: "remove", ID: list[1].ID}).Type)
	assert.Equal(t, signaling.ReasonUnpaired, next(t, "a bye", view.byes), "its live view ends")
	assert.Contains(t, c.ask(Ask{Type: "remove", ID: list[1].ID}).Message, "no such device")
	assert.Contains(t, c.ask(Ask{Type: "remove", ID: list[0].ID}).Message, "last device")
	assert.Equal(t, "error", waiting.ask(Ask{Type: "only"}).Type, "a removed device says nothing any more")
}

func TestDeviceRenewsItsCertificate(t *testing.T) {
	r := newRig(t, smallVideo(), nil)
	before, after := r.paired(1, "Phone"), r.newDevice()
	c := before.visit(2)
	require.Equal(t, "done", c.ask(Ask{Type: "only", On: true}).Type)
	assert.Equal(t, "error", c.ask(Ask{Type: "renew", Fingerprint: "nonsense"}).Type)
	require.Equal(t, "done", c.ask(Ask{Type: "renew", Fingerprint: after.print}).Type)
	before.sees(3).bye() // the answer may have been lost: the old one still holds
	after.sees(4)
	require.Eventually(t, func() bool {
		d, _ := r.book.Device(after.print)
		return d.Fingerprint == after.print
	}, deadline, tick)
	before.sees(5).bye() // in another tab
	last := r.newDevice()
	again := after.visit(6)
	require.Equal(t, "done", again.ask(Ask{Type: "renew", Fingerprint: last.print}).Type)
	before.isRefused(7)
}

func TestVisitsAreBounded(t *testing.T) {
	r := newRig(t, smallVideo(), func(c *Config) { c.MaxViewers = 1 })
	watching := r.newDevice().sees(1)
	visits := []*call{}
	for n := range maxVisits {
		visits = append(visits, r.newDevice().visit(10+n)) // who watches takes no place of theirs
	}
	assert.Equal(t, 1, r.manager.Viewers())
	d := r.newDevice()
	r.deliver(signaling.Message{Type: signaling.TypeOffer, Session: sessionID(20), SDP: d.visitOffer()})
	r.expectError(sessionID(20), signaling.CodeBusy)
	for _, v := range visits {
		v.bye()
	}
	require.Eventually(t, func() bool {
		r.deliver(signaling.Message{Type: signaling.TypeOffer, Session: sessionID(21), SDP: d.visitOffer()})
		m := next(t, "an answer", r.box(sessionID(21)))
		return m.Type == signaling.TypeAnswer
	}, deadline, tick)
	drain(watching.frames)
	next(t, "frame", watching.frames)
}

func (d *device) visitOffer() string {
	pc, err := webrtc.NewPeerConnection(d.cfg)
	require.NoError(d.t, err)
	defer func() { _ = pc.GracefulClose() }()
	_, err = pc.CreateDataChannel(PairingLabel, nil)
	require.NoError(d.t, err)
	offer, err := pc.CreateOffer(nil)
	require.NoError(d.t, err)
	return offer.SDP
}

var fingerprintLine = regexp.MustCompile(`a=fingerprint:sha-256 [0-9A-Fa-f:]+\r\n`)

// TestHostilePortalCannotWatch: whoever controls the portal or the broker sends the camera what they like
// and reads everything but what DTLS protects. While only paired devices may watch they see nothing.
func TestHostilePortalCannotWatch(t *testing.T) {
	r := newRig(t, smallVideo(), func(c *Config) { c.FailedTimeout = 100 * time.Millisecond })
	own := r.paired(1, "Phone")
	c := own.visit(2)
	require.Equal(t, "done", c.ask(Ask{Type: "only", On: true}).Type)
	attacker := r.newDevice()
	line := func(print string) string { return "a=fingerprint:sha-256 " + print + "\r\n" }

	for name, sdp := range map[string]string{
		"an own certificate":          attacker.offered(),
		"two, the paired one first":   strings.Replace(attacker.offered(), line(attacker.print), line(own.print)+line(attacker.print), 1),
		"two, the paired one last":    strings.Replace(attacker.offered(), line(attacker.print), line(attacker.print)+line(own.print), 1),
		"the paired one in the media": attacker.offered() + line(own.print),
		"another hash":                strings.Replace(attacker.offered(), line(attacker.print), "a=fingerprint:sha-512 AB:CD\r\n", 1),
		"none":                        fingerprintLine.ReplaceAllString(attacker.offered(), ""),
		"none that is read":           strings.Replace(own.offered(), line(own.print), " a=fingerprint:sha-256 "+own.print+"\r\n", 1),
	} {
		t.Run(name, func(t *testing.T) {
			id := viewerID.Session(100 + len(name))
			r.deliver(signaling.Message{Type: signaling.TypeOffer, Session: id, SDP: sdp, Role: signaling.RoleOwner, Grant: "any"})
			m := next(t, "a refusal", r.box(id))
			require.Equal(t, signaling.TypeError, m.Type)
			assert.Contains(t, []signaling.Code{signaling.CodeUnpaired, signaling.CodeBadMessage}, m.Error.Code)
		})
	}

	t.Run("the paired one's fingerprint with an own certificate", func(t *testing.T) {
		v := attacker.newViewerWith(sessionID(200), "", attacker.cfg)
		offer, err := v.pc.CreateOffer(nil)
		require.NoError(t, err)
		r.deliver(signaling.Message{Type: signaling.TypeOffer, Session: v.id, SDP: strings.ReplaceAll(offer.SDP, attacker.print, own.print)})
		require.NoError(t, v.pc.SetLocalDescription(offer))
		v.ready <- struct{}{}
		next(t, "a bye", v.byes) // DTLS wants the key, too
		assert.Empty(t, v.frames)
	})

	t.Run("a restart in a paired one's session", func(t *testing.T) {
		mine := own.sees(201)
		r.deliver(signaling.Message{Type: signaling.TypeOffer, Session: mine.id, SDP: attacker.offered(), Role: signaling.RoleOwner})
		drain(mine.frames)
		next(t, "frame of the paired one", mine.frames)
	})

	t.Run("forged words on a visit of its own", func(t *testing.T) {
		visit := attacker.visit(202)
		for _, ask := range []Ask{
			{Type: "only"}, {Type: "only", On: true}, {Type: "add", Code: pairing.DeviceCode(testCamera, attacker.print), Name: "x"},
			{Type: "remove", ID: r.book.Devices()[0].ID}, {Type: "renew", Fingerprint: attacker.print},
		} {
			assert.Contains(t, visit.ask(ask).Message, "not paired", ask.Type)
		}
		assert.Empty(t, visit.meetingKnown(), "it is not told who watches")
	})

	t.Run("pictures in a visit", func(t *testing.T) {
		// The offer says that it is a visit and asks for video by another spelling.
		sdp := attacker.visitOffer() + strings.ReplaceAll(attacker.offered()[strings.Index(attacker.offered(), "m=video"):], "m=video", "m=Video")
		r.deliver(signaling.Message{Type: signaling.TypeOffer, Session: sessionID(203), SDP: sdp})
		m := next(t, "an answer or a refusal", r.box(sessionID(203)))
		assert.NotContains(t, m.SDP, "a=sendonly")
		assert.NotContains(t, m.SDP, "a=sendrecv")
	})

	assert.True(t, r.book.Only())
	assert.Len(t, r.book.Devices(), 1)
	own.sees(300)
}

// meetingKnown is what the last hello told of devices.
func (c *call) meetingKnown() []KnownDevice {
	for {
		select {
		case w := <-c.words:
			if w.Type == "hello" {
				return w.Devices
			}
		default:
			return nil
		}
	}
}

// TestHostilePortalCannotPair: a proof is of one connection. Somebody in the middle of two has two others,
// and what was sent on one is worth nothing on another.
func TestHostilePortalCannotPair(t *testing.T) {
	r := newRig(t, smallVideo(), nil)
	victim, attacker := r.newDevice(), r.newDevice()
	visit := victim.visit(1)
	proof, meeting := visit.proofOf(r.code(), "Victim")

	t.Run("in the middle", func(t *testing.T) {
		middle := attacker.visit(2)
		// The victim believes that the attacker is the camera: it proves what it sees.
		m := meeting
		m.CameraNonce, m.Own = middle.nonce, attacker.print
		relayed := Ask{Type: "pair", Name: "x", Nonce: m.DeviceNonce, Proof: pairing.Proof(r.code(), pairing.EndDevice, m)}
		assert.Contains(t, middle.ask(relayed).Message, "not this camera's")
		middle.bye()
	})
	t.Run("replayed", func(t *testing.T) {
		require.Equal(t, "done", visit.ask(proof).Type)
		assert.Equal(t, "error", visit.ask(proof).Type, "on the same connection, whose nonce is used up")
		other := attacker.visit(3)
		assert.Equal(t, "error", other.ask(proof).Type, "on another one")
		other.bye()
	})
	t.Run("reflected", func(t *testing.T) {
		other := attacker.visit(4)
		ask, m := other.proofOf(r.code(), "x")
		ask.Proof = pairing.Proof(r.code(), pairing.EndCamera, m)
		assert.Equal(t, "error", other.ask(ask).Type, "the camera's own proof is not a device's")
		other.bye()
	})
	t.Run("guessed", func(t *testing.T) {
		other := attacker.visit(5)
		for range maxTries {
			ask, _ := other.proofOf(credential.NewCode(), "x")
			assert.Equal(t, "error", other.ask(ask).Type)
		}
		ask, _ := other.proofOf(r.code(), "x")
		assert.Contains(t, other.ask(ask).Message, "too often", "also with the right one")
	})
	list := r.book.Devices()
	require.Len(t, list, 1)
	assert.Equal(t, victim.print, list[0].Fingerprint)
}
