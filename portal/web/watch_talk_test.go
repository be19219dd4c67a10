package web

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/input"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

func floor(state string) string { return fmt.Sprintf(`{"type":"talk","state":%q}`, state) }

// giveFloor is a camera that gives the floor to whoever asks.
func giveFloor(say func(string), message map[string]any) {
	if message["type"] == "talk" {
		say(floor(map[bool]string{true: "yours", false: "free"}[message["on"] == true]))
	}
}

// listening opens the watch page of a camera with a speaker.
func listening(t *testing.T) (*fakeCamera, *page) {
	t.Helper()
	_, fake, g, _ := controlling(t, noControls, floor("free"))
	fake.control.setAnswer(giveFloor)
	g.microphone(browser.PermissionSettingGranted)
	g.shown("#talk", true)
	return fake, g
}

func (g *page) phase(want string) {
	g.t.Helper()
	g.until(fmt.Sprintf(`document.getElementById('talk').dataset.phase === %q`, want))
}

// hangsUp checks that an end of talking is one: the microphone is closed, and nothing of it is sent.
func (g *page) hangsUp(fake *fakeCamera, ends int, how string) {
	g.t.Helper()
	g.phase("idle")
	fake.waitToHear(ends, `"on":false`)
	assert.True(g.t, js[bool](g, `spied.tracks.every((track) => track.readyState === 'ended')`), how)
	g.until(`spied.pcs.every((pc) => pc.getSenders().every((sender) => sender.track === null))`)
	require.Eventually(g.t, func() bool {
		before := fake.voices()
		for range 4 { // frames, of which each takes as long as two packets of sound
			g.plays()
		}
		return fake.voices() == before
	}, waitDeadline, time.Millisecond, how)
}

// TestTalking holds the button: only then, and when camera and browser let it, sound goes out.
func TestTalking(t *testing.T) {
	t.Parallel()
	fake, g := listening(t)
	assert.Contains(t, fake.lastOffer(), "a=sendrecv", "a microphone fits in without another offer")
	g.plays()
	g.plays()
	assert.Zero(t, fake.voices())
	assert.Zero(t, js[int](g, `spied.asked`), "the browser is asked at the first press and not before")

	g.mouseDown("#talk")
	g.phase("talking")
	require.Eventually(t, func() bool { return fake.voices() > 10 }, waitDeadline, 10*time.Millisecond)
	assert.Equal(t, "true", js[string](g, `document.getElementById('talk').getAttribute('aria-pressed')`))
	assert.True(t, js[bool](g, `spied.constraints.audio.echoCancellation && !spied.constraints.video`))
	assert.InDelta(t, 0.125, js[float64](g, `document.getElementById('video').volume`), 0.001, "the picture's sound is low meanwhile")
	assert.Equal(t, []string{`{"type":"talk","on":true}`}, fake.control.heard("talk"))
	g.mouseUp() // not on the button any more
	g.hangsUp(fake, 1, "mouse")
	assert.InDelta(t, 1, js[float64](g, `document.getElementById('video').volume`), 0.001)
	assert.Len(t, fake.offered(), 1, "no negotiation")
}

// TestWaysToHoldAndLetGo goes through them; each end closes the microphone.
func TestWaysToHoldAndLetGo(t *testing.T) {
	t.Parallel()
	fake, g := listening(t)
	script := func(text string) func() { return func() { js[any](g, text+`, 0`) } }
	ends := 0
	for _, c := range []struct {
		name        string
		hold, letGo func()
	}{
		{"key", func() { g.keyDown("t") }, func() { g.keyUp("t") }},
		{"space", func() { g.run(focus("#talk")); g.keyDown(" ") }, func() { g.keyUp(" ") }},
		{"enter", func() { g.run(focus("#talk")); g.press("Enter") }, func() { g.press("Enter") }},
		{"touch", func() { g.touch("#talk") }, func() { g.endTouch(input.DispatchTouchEventTypeTouchEnd) }},
		{"cancelled touch", func() { g.touch("#talk") }, func() { g.endTouch(input.DispatchTouchEventTypeTouchCancel) }},
		{"another window", func() { g.keyDown("t") }, script(`dispatchEvent(new Event('blur'))`)},
		{"another tab", func() { g.keyDown("t") }, script(`(Object.defineProperty(document, 'hidden', { value: true, configurable: true }), document.dispatchEvent(new Event('visibilitychange')), delete document.hidden)`)},
		{"another focus", func() { g.run(focus("#talk")); g.keyDown(" ") }, script(`document.getElementById('mute').focus()`)},
		{"unplugged", func() { g.keyDown("t") }, script(`spied.tracks.at(-1).dispatchEvent(new Event('ended'))`)},
	} {
		heard := fake.voices()
		c.hold()
		g.phase("talking")
		require.Eventually(t, func() bool { return fake.voices() > heard }, waitDeadline, 10*time.Millisecond, c.name)
		c.letGo()
		ends++
		g.hangsUp(fake, ends, c.name)
		g.keyUp("t")
		g.keyUp(" ")
		assert.Equal(t, "live", js[string](g, `document.getElementById('main').dataset.state`), "%s is not the player's key", c.name)
	}
	assert.Len(t, fake.control.heard(`"on":true`), ends)
}

// TestTapIsExplained presses too briefly to say anything, by a clock that stands still: a busy machine's clicks last.
func TestTapIsExplained(t *testing.T) {
	t.Parallel()
	fake, g := listening(t)
	js[any](g, `((now) => { performance.now = () => now; })(performance.now()), 0`)
	g.mouseDown("#talk")
	g.phase("talking")
	g.mouseUp()
	g.says("#talk-note", "Hold the button while you talk.")
	g.phase("idle")
	assert.True(t, js[bool](g, `spied.tracks.every((track) => track.readyState === 'ended')`))
	assert.Len(t, fake.control.heard(`"on":false`), len(fake.control.heard(`"on":true`)))
}

// TestOnlyOneTalks has somebody else on the line, first before the press and then just after.
func TestOnlyOneTalks(t *testing.T) {
	t.Parallel()
	fake, g := listening(t)
	fake.control.say(floor("busy"))
	g.says("#talk", "Busy")
	g.mouseDown("#talk")
	g.says("#talk-note", "Someone else is talking")
	g.mouseUp()
	assert.Zero(t, js[int](g, `spied.asked`), "the microphone is not needed to hear that")
	fake.control.say(floor("free"))
	g.says("#talk", "Hold to talk")
	fake.control.setAnswer(func(say func(string), message map[string]any) {
		if message["on"] == true {
			say(floor("busy"))
		}
	})
	g.mouseDown("#talk")
	g.until(`spied.asked === 1 && document.getElementById('talk').dataset.phase === 'idle'`)
	assert.Contains(t, g.text("#talk-note"), "Someone else is talking")
	assert.Zero(t, fake.voices())
	g.mouseUp()
	fake.control.say(floor("off"))
	g.shown("#talk", false)
}

// TestCameraDecidesWhoTalks ends talking from the camera's side: by another state, a refusal, silence
// and the end of the session.
func TestCameraDecidesWhoTalks(t *testing.T) {
	t.Parallel()
	fake, g := listening(t)
	fake.control.say(floor("yours"), fullStats) // to nobody who asked
	g.says("#stat-viewers", "3")
	g.phase("idle")
	g.mouseDown("#talk")
	g.phase("talking")
	fake.control.say(floor("free"))
	g.says("#talk-note", "The camera stopped listening")
	g.hangsUp(fake, 1, "free")
	g.mouseUp()

	fake.control.setAnswer(func(say func(string), message map[string]any) {
		if message["on"] == true {
			say(`{"type":"error","about":"talk","message":"The speaker is unplugged."}`)
		}
	})
	g.mouseDown("#talk")
	g.says("#talk-note", "The speaker is unplugged.")
	g.hangsUp(fake, 2, "refused")
	g.mouseUp()

	fake.control.setAnswer(nil)
	g.mouseDown("#talk")
	g.phase("calling")
	assert.Zero(t, js[int](g, `spied.pcs.flatMap((pc) => pc.getSenders()).filter((sender) => sender.track).length`), "nothing goes out before the camera's word")
	g.says("#talk-note", "The camera did not answer.")
	g.hangsUp(fake, 3, "silence")
	g.mouseUp()

	fake.control.setAnswer(giveFloor)
	g.mouseDown("#talk")
	g.phase("talking")
	fake.bye(signaling.ReasonFailed)
	g.says("#talk-note", "nobody hears you")
	g.phase("idle")
	assert.True(t, js[bool](g, `spied.tracks.every((track) => track.readyState === 'ended')`))
	g.mouseUp()
	g.state("live")
	g.until(`!document.getElementById('talk').disabled`)
	g.mouseDown("#talk") // in the new session
	g.phase("talking")
	g.mouseUp()
	g.click("#play")
	g.shown("#talk", false)
}

func TestMicrophoneIsBlocked(t *testing.T) {
	t.Parallel()
	fake, g := listening(t)
	g.microphone(browser.PermissionSettingDenied)
	g.mouseDown("#talk")
	g.says("#talk-note", "The microphone is blocked. Allow it for this site")
	g.phase("idle")
	g.mouseUp()
	js[any](g, `(navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotFoundError') }, 0)`)
	g.mouseDown("#talk")
	g.says("#talk-note", "No microphone was found.")
	g.mouseUp()
	js[any](g, `(navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotReadableError') }, 0)`)
	g.mouseDown("#talk")
	g.says("#talk-note", "Another program may be using it.")
	g.mouseUp()
	assert.Empty(t, fake.control.heard(`"talk"`), "the camera is not asked for nothing")
}

// TestMicrophoneQuestion has a browser that asks its person, who has to let the button go to answer.
func TestMicrophoneQuestion(t *testing.T) {
	t.Parallel()
	fake, g := listening(t)
	js[any](g, `(() => { const real = navigator.mediaDevices.getUserMedia; navigator.mediaDevices.getUserMedia = (c) => new Promise((allow, block) => {
		spied.allow = () => allow(real(c));
		spied.block = () => block(new DOMException('', 'NotAllowedError'));
	}) })()`)
	g.mouseDown("#talk")
	g.phase("asking")
	g.says("#talk-note", "Allow the microphone in your browser")
	g.mouseUp()
	g.phase("idle")
	js[any](g, `(spied.allow(), 0)`)
	g.says("#talk-note", "The microphone is ready. Hold the button to talk.")
	assert.True(t, js[bool](g, `spied.tracks.length === 1 && spied.tracks[0].readyState === 'ended'`), "and closed until then")
	g.mouseDown("#talk")
	g.says("#talk-note", "Allow the microphone in your browser")
	g.mouseUp()
	js[any](g, `(spied.block(), 0)`)
	g.says("#talk-note", "The microphone is blocked.")
	assert.Empty(t, fake.control.heard(`"talk"`))
}

// TestMicrophoneNeedsHTTPS opens the page by a name over http, as in a LAN.
func TestMicrophoneNeedsHTTPS(t *testing.T) {
	t.Parallel()
	var address string
	p := newPortalWith(t, func(cfg *Config) {
		u, err := url.Parse(cfg.PublicURL)
		require.NoError(t, err)
		u.Host = insecureHost + ":" + u.Port()
		address = u.String()
		cfg.PublicURL = address
	})
	c, camera := p.member("owner")
	cookie := c.cookie()
	p.url = address
	newFakeControl(newFakeCamera(p), noControls, floor("free"))
	g := p.page()
	g.tolerate("Cross-Origin-Opener-Policy")
	g.setCookie(cookie)
	g.open("/cameras/" + camera)
	g.state("live")
	g.shown("#talk", true)
	assert.False(t, js[bool](g, `isSecureContext`))
	g.mouseDown("#talk")
	g.says("#talk-note", "only for pages that came by https")
	g.mouseUp()
}
