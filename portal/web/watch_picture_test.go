package web

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"seccam/pkg/signaling"
)

func pictureState(state, detail string) string {
	return fmt.Sprintf(`{"type":"picture","state":%q,"detail":%q}`, state, detail)
}

// TestLostPictureIsWaitedFor has a camera whose source dies and returns: the session stays.
func TestLostPictureIsWaitedFor(t *testing.T) {
	t.Parallel()
	p, fake, g, camera := controlling(t, noControls)
	session := g.session()
	fake.freeze()
	fake.control.say(pictureState("lost", "the cable is unplugged"))
	g.state("waiting")
	assert.Equal(t, "The camera lost its picture", g.text("#overlay-title"))
	assert.Equal(t, "the cable is unplugged. The picture comes back by itself.", g.text("#overlay-text"))
	assert.True(t, js[bool](g, `document.getElementById('video').checkVisibility({ visibilityProperty: true })`), "the last picture stays in sight")
	p.presence.set(camera, signaling.Presence{Online: true, State: signaling.StateNoPicture, Text: "Online, but no picture"})
	g.says("[data-presence]", "no picture")
	fake.control.say(pictureState("starting", ""))
	g.says("#overlay-text", "Its source is starting.")
	g.stillFor(3500, "waiting")
	fake.control.say(pictureState("live", ""))
	fake.thaw()
	g.state("live")
	g.plays()
	assert.Equal(t, session, g.session())
	assert.Len(t, fake.offered(), 1)

	// A source that is started anew without a word that it was lost.
	fake.control.say(pictureState("starting", ""))
	fake.freeze()
	g.state("waiting")
	fake.thaw()
	g.state("live")
	assert.Len(t, fake.offered(), 1)

	// A camera that says live and sends nothing is not waited for.
	fake.freeze()
	fake.control.say(pictureState("lost", ""), pictureState("live", ""))
	g.until(`document.getElementById('player').dataset.session.endsWith('-2')`)
}

// stillFor checks that a state lasts, by the page's own clock.
func (g *page) stillFor(ms int, state string) {
	g.t.Helper()
	assert.Equal(g.t, "lasted", js[string](g, fmt.Sprintf(`new Promise((done) => {
		const main = document.getElementById('main');
		const timer = setTimeout(() => done('lasted'), %d);
		new MutationObserver(() => { if (main.dataset.state !== %q) { clearTimeout(timer); done(main.dataset.state) } })
			.observe(main, { attributeFilter: ['data-state'] });
	})`, ms, state)))
}

// TestLostPictureFromTheStart connects to a camera that says at once that it has none.
func TestLostPictureFromTheStart(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	fake := newFakeCamera(p)
	fake.frozen = true
	newFakeControl(fake, noControls, pictureState("lost", "The sensor does not answer."))
	g := p.page().as(c)
	g.open("/cameras/" + camera)
	g.state("waiting")
	assert.Equal(t, "The sensor does not answer. The picture comes back by itself.", g.text("#overlay-text"))
	fake.thaw()
	g.state("live")
	assert.Len(t, fake.offered(), 1)
}

// TestLostPictureIsBelieved has a camera that says so at once, and a connection that is interrupted
// meanwhile.
func TestLostPictureIsBelieved(t *testing.T) {
	t.Parallel()
	_, fake, g, _ := controlling(t, noControls)
	js[any](g, `(() => {
		const main = document.getElementById('main');
		spied.states = [];
		new MutationObserver(() => spied.states.push(main.dataset.state)).observe(main, { attributeFilter: ['data-state'] });
	})()`)
	fake.control.say(pictureState("lost", "x")) // and yet the frames go on
	g.until(`String(spied.states) === 'waiting,live'`)
	fake.freeze()
	fake.control.say(pictureState("lost", "x"))
	g.state("waiting")
	change := func(connection string) string {
		return js[string](g, fmt.Sprintf(`(() => {
			const pc = spied.pcs.find((pc) => pc.getReceivers()[0].track === document.getElementById('video').srcObject.getVideoTracks()[0]);
			Object.defineProperty(pc, 'connectionState', { value: %q, configurable: true });
			pc.onconnectionstatechange();
			return document.getElementById('main').dataset.state;
		})()`, connection))
	}
	assert.Equal(t, "recovering", change("disconnected"))
	assert.Equal(t, "waiting", change("connected"))
	g.stillFor(2000, "waiting") // longer than an interruption is left to end by itself
	assert.Len(t, fake.offered(), 1)
}

// TestWaitingEnds leaves the waiting by what is stronger: the portal says offline, the connection ends.
func TestWaitingEnds(t *testing.T) {
	t.Parallel()
	p, fake, g, camera := controlling(t, noControls)
	wait := func() {
		t.Helper()
		fake.freeze()
		fake.control.say(pictureState("lost", "x"))
		g.state("waiting")
	}
	wait()
	p.presence.set(camera, offline("Offline: the connection to the camera was lost"))
	g.state("offline")
	p.presence.set(camera, online())
	g.state("live")
	wait()
	fake.bye(signaling.ReasonFailed)
	g.until(`document.getElementById('player').dataset.session.endsWith('-3')`)
	g.state("live")
	wait()
	g.click("#play")
	g.state("idle")
	assert.True(t, strings.HasSuffix(string(fake.left()[len(fake.left())-1]), "-3"))
}

// TestPrivacyWhileWatching switches privacy mode on while a view is on, by each way that a page may
// learn it, and off again.
func TestPrivacyWhileWatching(t *testing.T) {
	t.Parallel()
	p, fake, g, camera := controlling(t, noControls)
	on := func(how string, tries int, tell func()) {
		t.Helper()
		before := len(fake.offered())
		fake.setRefusal(&signaling.Error{Code: signaling.CodePrivate, Message: "Privacy mode is on."})
		tell()
		g.state("private")
		assert.Equal(t, "Privacy mode is on", g.text("#overlay-title"), how)
		assert.Equal(t, "The owner switched this camera off for now.", g.text("#overlay-text"), how)
		assert.True(t, js[bool](g, `document.getElementById('privacy-link').checkVisibility()`), how)
		assert.False(t, js[bool](g, `document.getElementById('video').checkVisibility({ visibilityProperty: true })`), "%s: no picture is left", how)
		p.presence.set(camera, privateNow("Privacy mode is on"))
		g.says("[data-presence]", "Privacy mode is on")
		assert.Len(t, fake.offered(), before+tries, how)
		fake.setRefusal(nil)
		p.presence.set(camera, online())
		g.state("live")
		assert.Len(t, fake.offered(), before+tries+1, how)
		assert.False(t, js[bool](g, `document.getElementById('privacy-link').checkVisibility()`), how)
	}
	on("bye", 0, func() { fake.bye(signaling.ReasonPrivate) })
	on("control channel", 0, func() { fake.control.say(pictureState("private", "")) })
	on("refusal", 1, func() { fake.bye(signaling.ReasonFailed) })
	on("presence, after the frames stopped", 0, func() { p.presence.set(camera, privateNow("Privacy mode is on")); fake.freeze() })
	on("page load", 0, func() {
		p.presence.set(camera, privateNow("Privacy mode is on"))
		g.open("/cameras/" + camera)
	})
	g.click("#play")
	g.state("idle")
	p.presence.set(camera, privateNow("Privacy mode is on"))
	fake.setRefusal(&signaling.Error{Code: signaling.CodePrivate, Message: "Privacy mode is on."})
	g.click("#play")
	g.state("private")
	g.click("#privacy-link")
	g.arrive("/cameras/" + camera + "/settings")
}

// TestOffer looks at what a page offers: codecs for every camera, feedback, a channel and room for a
// microphone. The browser lists its codecs in an order that is not the page's.
func TestOffer(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	fake := newFakeCamera(p)
	g := p.page().as(c)
	g.beforeEachPage(`const all = RTCRtpReceiver.getCapabilities.bind(RTCRtpReceiver);
		RTCRtpReceiver.getCapabilities = (kind) => ({ ...all(kind), codecs: all(kind).codecs.reverse() });`)
	g.open("/cameras/" + camera)
	g.state("live")
	offer := fake.lastOffer()
	sections := map[string]string{}
	for _, section := range strings.Split(offer, "\r\nm=")[1:] {
		kind, _, _ := strings.Cut(section, " ")
		sections[kind] = section
	}
	assert.Len(t, sections, 3)
	assert.Contains(t, sections["application"], "webrtc-datachannel")
	assert.Contains(t, sections["video"], "a=recvonly")
	assert.Contains(t, sections["audio"], "a=sendrecv")
	for _, kind := range []string{"video", "audio"} {
		assert.Contains(t, sections[kind], "transport-wide-cc-extensions", kind)
		assert.Contains(t, sections[kind], "transport-cc\r\n", kind)
	}
	var codecs []string
	for _, line := range strings.Split(sections["video"], "\r\n") {
		if format, found := strings.CutPrefix(line, "a=rtpmap:"); found {
			codec, _, _ := strings.Cut(strings.Fields(format)[1], "/")
			codecs = append(codecs, codec)
		}
	}
	assert.Equal(t, "H264", codecs[0])
	assert.Greater(t, indexOf(codecs, "VP8"), indexOf(codecs, "H264"))
	for _, other := range []string{"VP9", "AV1"} {
		assert.Greater(t, indexOf(codecs, other), indexOf(codecs, "VP8"), other)
	}
	all := js[[]string](g, `[...new Set(RTCRtpReceiver.getCapabilities('video').codecs.map((codec) => codec.mimeType.slice(6)))]`)
	assert.Subset(t, codecs, all, "nothing that the browser has is left out")
	first := sections["video"][strings.Index(sections["video"], "a=fmtp:"):]
	assert.Regexp(t, `^a=fmtp:\d+ [^\r]*packetization-mode=1;profile-level-id=42e01f`, first)
}

func indexOf(list []string, word string) int {
	for i, item := range list {
		if item == word {
			return i
		}
	}
	return -1
}

// TestBrowserWithoutH264 has a browser that knows VP8 only: it says so, and is served.
func TestBrowserWithoutH264(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	fake := newFakeCamera(p)
	g := p.page().as(c)
	g.beforeEachPage(`const all = RTCRtpReceiver.getCapabilities.bind(RTCRtpReceiver);
		RTCRtpReceiver.getCapabilities = (kind) => ({ ...all(kind), codecs: all(kind).codecs.filter((codec) => /VP8|rtx|opus/i.test(codec.mimeType)) });`)
	g.open("/cameras/" + camera)
	g.state("live")
	assert.NotContains(t, fake.lastOffer(), "H264")
	assert.Contains(t, fake.lastOffer(), "VP8/90000")
}
