package web

import (
	"fmt"
	"strings"
	"testing"
	"time"

	cdppage "github.com/chromedp/cdproto/page"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

// What a camera with everything says of its controls.
const allControls = `{"type":"controls","controls":[
	{"name":"brightness","min":0,"max":255,"step":1,"value":128},
	{"name":"pan","min":-100,"max":100,"step":10,"relative":true},
	{"name":"tilt","min":-100,"max":100,"step":10,"relative":true},
	{"name":"zoom","min":-5,"max":5,"step":1,"relative":true},
	{"name":"white_balance","options":[0,1],"value":1},
	{"name":"rotation","options":[0,90,180,270],"value":0},
	{"name":"resolution","options":[1080,720,480,360],"value":720},
	{"name":"quality","options":[0,1,2],"value":1},
	{"name":"from the future","shape":"cube"}]}`

const (
	noControls = `{"type":"controls","controls":[]}`
	fullStats  = `{"type":"stats","quality":"full","codec":"H264","width":1280,"height":720,"fps":30,"bitrate":1900000,"available":2600000,"loss":0.014,"rtt":23,"viewers":3}`
	lowStats   = `{"type":"stats","quality":"low","codec":"H264","width":640,"height":360,"fps":30,"bitrate":400000,"available":450000,"loss":0.004,"rtt":80,"viewers":1}`
	keyStats   = `{"type":"stats","quality":"key_frames","codec":"H264","fps":1,"bitrate":90000,"available":120000,"loss":0,"rtt":80,"viewers":1}`
)

// spies counts the page's requests for a microphone, and keeps its connections and what it saves.
const spies = `
	window.spied = { asked: 0, tracks: [], pcs: [], saved: [] };
	const devices = navigator.mediaDevices;
	if (devices) {
		const real = devices.getUserMedia.bind(devices);
		devices.getUserMedia = async (constraints) => {
			spied.asked += 1;
			spied.constraints = constraints;
			const stream = await real(constraints);
			spied.tracks.push(...stream.getTracks());
			return stream;
		};
	}
	const Real = RTCPeerConnection;
	window.RTCPeerConnection = class extends Real { constructor(...all) { super(...all); spied.pcs.push(this); } };
	const make = URL.createObjectURL;
	URL.createObjectURL = (blob) => { spied.blob = blob; return make(blob); };
	HTMLAnchorElement.prototype.click = function () { spied.saved.push(this.download + ' ' + spied.blob.type + ' ' + spied.blob.size); };
`

// beforeEachPage runs a script in every page that the tab opens, before the page's own.
func (g *page) beforeEachPage(script string) {
	g.t.Helper()
	call(g, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: script})
}

// controlling opens the watch page of a camera that greets on its control channel.
func controlling(t *testing.T, greeting ...string) (*portal, *fakeCamera, *page, string) {
	t.Helper()
	p := newPortal(t)
	c, camera := p.member("owner")
	fake := newFakeCamera(p)
	newFakeControl(fake, greeting...)
	g := p.page().as(c)
	g.beforeEachPage(spies)
	g.open("/cameras/" + camera)
	g.state("live")
	return p, fake, g, camera
}

// shown waits until an element can be seen, or until it cannot.
func (g *page) shown(selector string, want bool) {
	g.t.Helper()
	g.until(fmt.Sprintf(`document.querySelector(%q).checkVisibility() === %t`, selector, want))
}

func (g *page) says(selector, text string) {
	g.t.Helper()
	g.until(fmt.Sprintf(`document.querySelector(%q).innerText.includes(%q)`, selector, text))
}

func TestPanelShowsWhatTheCameraOffers(t *testing.T) {
	t.Parallel()
	_, fake, g, _ := controlling(t, allControls)
	g.shown("#panel", true)
	assert.False(t, js[bool](g, `document.getElementById('panel').open`), "closed at first")
	g.click("#panel summary")
	g.until(`document.querySelector('#control-brightness').checkVisibility()`)
	assert.Equal(t, []string{"brightness", "white_balance", "rotation", "resolution", "quality"},
		js[[]string](g, `[...document.querySelectorAll('#panel [data-control]')].map((e) => e.dataset.control)`))
	assert.Equal(t, []string{"Tilt up", "Pan left", "Pan right", "Tilt down", "Zoom out", "Zoom in"},
		js[[]string](g, `[...document.querySelectorAll('#panel button')].map((e) => ({ top: e.getBoundingClientRect().top, left: e.getBoundingClientRect().left, title: e.title, zoom: e.title.startsWith('Zoom') })).sort((a, b) => a.zoom - b.zoom || a.top - b.top || a.left - b.left).map((e) => e.title)`))
	for name, words := range map[string][]string{
		"white_balance": {"Off", "On"}, "rotation": {"0°", "90°", "180°", "270°"},
		"resolution": {"1080p", "720p", "480p", "360p"}, "quality": {"Save data", "Balanced", "Best"},
	} {
		assert.Equal(t, words, js[[]string](g, fmt.Sprintf(`[...document.querySelectorAll('[data-control=%s] .segments span')].map((e) => e.textContent)`, name)))
	}
	assert.Equal(t, "720p", js[string](g, `document.querySelector('[data-control=resolution] :checked + span').textContent`))
	assert.Equal(t, "128", g.text(`[data-control=brightness] output`))

	fake.control.say(noControls)
	g.shown("#panel", false)
	fake.control.say(`{"type":"controls","controls":[{"name":"zoom","min":0,"max":10,"step":1,"value":3}]}`)
	g.shown("#control-zoom", true)
	assert.Equal(t, 1, js[int](g, `document.querySelectorAll('#panel [data-control], #panel button').length`), "only what is offered")
	g.open(js[string](g, `location.pathname`))
	g.shown("#control-brightness", true) // the panel is as it was left
}

func TestPanelSetsControls(t *testing.T) {
	t.Parallel()
	_, fake, g, _ := controlling(t, allControls)
	g.click("#panel summary")
	g.shown("#control-brightness", true)
	g.run(focus("#control-brightness"))
	g.press("ArrowRight")
	assert.JSONEq(t, `{"type":"set","name":"brightness","value":129}`, fake.waitToHear(1, "brightness")[0])

	// Fifty moves of the slider within a moment are few messages, and the last one counts.
	js[any](g, `(() => { const input = document.getElementById('control-brightness'); for (let i = 1; i <= 50; i++) { input.value = 150 + i; input.dispatchEvent(new Event('input', { bubbles: true })) } })()`)
	require.Eventually(t, func() bool {
		heard := fake.control.heard("brightness")
		return strings.Contains(heard[len(heard)-1], "200")
	}, waitDeadline, 10*time.Millisecond)
	assert.LessOrEqual(t, len(fake.control.heard("brightness")), 3)
	assert.Equal(t, "200", g.text(`[data-control=brightness] output`))

	g.click(`[data-control=resolution] label:nth-child(4)`)
	assert.JSONEq(t, `{"type":"set","name":"resolution","value":360}`, fake.waitToHear(1, "resolution")[0])
	g.press("ArrowLeft") // in the group of radio buttons
	assert.JSONEq(t, `{"type":"set","name":"resolution","value":480}`, fake.waitToHear(2, "resolution")[1])
	g.click("#control-zoom-plus")
	assert.JSONEq(t, `{"type":"set","name":"zoom","value":1}`, fake.waitToHear(1, "zoom")[0])
	g.click("#control-pan-left")
	assert.JSONEq(t, `{"type":"set","name":"pan","value":-10}`, fake.waitToHear(1, "pan")[0])
	g.press("ArrowUp") // anywhere in the pad
	assert.JSONEq(t, `{"type":"set","name":"tilt","value":10}`, fake.waitToHear(1, "tilt")[0])
}

// TestHeldArrowMovesOnAndOn holds an arrow of the pad with the mouse, and then lets it go.
func TestHeldArrowMovesOnAndOn(t *testing.T) {
	t.Parallel()
	_, fake, g, _ := controlling(t, allControls)
	g.click("#panel summary")
	g.shown("#control-pan-right", true)
	g.mouseDown("#control-pan-right")
	fake.waitToHear(3, `"pan"`)
	g.mouseUp()
	g.run(focus("#control-zoom-plus"))
	zoom := 0
	next := func() {
		g.press("Enter")
		zoom++
		fake.waitToHear(zoom, `"zoom"`)
	}
	next()
	moves := len(fake.control.heard(`"pan"`))
	js[any](g, `new Promise((later) => setTimeout(later, 600)).then(() => 0)`) // three more moves would be due
	next()
	assert.Len(t, fake.control.heard(`"pan"`), moves)
}

// holdRest keeps what the panel does one second after a control was moved, until rest() is called.
const holdRest = `(() => {
	const real = setTimeout;
	window.setTimeout = (run, ms, ...more) => {
		if (ms !== 1000) return real(run, ms, ...more);
		window.rest = run;
		return real(() => {}, 1e8);
	};
})()`

// TestOthersChangesShow lets the camera say other values: of another viewer, or after a refusal.
func TestOthersChangesShow(t *testing.T) {
	t.Parallel()
	_, fake, g, _ := controlling(t, allControls)
	g.click("#panel summary")
	g.shown("#control-brightness", true)
	js[any](g, `document.getElementById('control-brightness').dataset.same = 'yes'`)
	fake.control.say(strings.NewReplacer(`"value":128`, `"value":77`, `"value":720`, `"value":480`).Replace(allControls))
	g.says(`[data-control=brightness] output`, "77")
	assert.Equal(t, "77", js[string](g, `document.getElementById('control-brightness').value`))
	assert.Equal(t, "480p", js[string](g, `document.querySelector('[data-control=resolution] :checked + span').textContent`))
	assert.Equal(t, "yes", js[string](g, `document.getElementById('control-brightness').dataset.same`), "the same elements")

	// What the camera says of before does not pull the slider out of the hand that moves it. The hand
	// rests when the test says so: this machine may need longer than a second for what comes between.
	js[any](g, holdRest)
	g.run(focus("#control-brightness"))
	g.press("ArrowRight")
	fake.waitToHear(1, `"value":78`)
	fake.control.say(strings.Replace(allControls, `"value":128`, `"value":77`, 1), fullStats)
	g.says("#stat-viewers", "3")
	assert.Equal(t, "78", g.text(`[data-control=brightness] output`))
	js[any](g, `rest()`)
	g.says(`[data-control=brightness] output`, "77")

	g.press("ArrowRight")
	fake.waitToHear(2, `"value":78`)
	fake.control.say(`{"type":"error","about":"set","message":"The camera is too hot to be brighter."}`)
	g.says("#panel-note", "too hot")
	assert.Equal(t, "77", g.text(`[data-control=brightness] output`))
}

func TestFiguresOfTheCamera(t *testing.T) {
	t.Parallel()
	_, fake, g, _ := controlling(t, noControls)
	g.shown("#stat-bitrate", true)
	assert.False(t, js[bool](g, `document.getElementById('stat-quality').checkVisibility()`), "no room for what is not said")
	fake.control.say(fullStats)
	g.says("#stat-quality", "Full")
	assert.Equal(t, "H264", js[string](g, `document.getElementById('stat-quality').title`))
	assert.Equal(t, "2.60 Mbit/s", g.text("#stat-available"))
	assert.Equal(t, "1 %", g.text("#stat-loss"))
	assert.Equal(t, "3", g.text("#stat-viewers"))
	fake.control.say(lowStats)
	g.says("#stat-quality", "Smaller")
	assert.Equal(t, "under 1 %", g.text("#stat-loss"))
	fake.control.say(`{"type":"stats","quality":"new","viewers":"many"}`)
	g.until(`['quality', 'available', 'loss', 'viewers'].every((name) => document.getElementById('stat-' + name).innerText === '–')`)
	g.click("#play")
	g.state("idle")
	assert.Equal(t, "–", g.text("#stat-quality"))
}

// TestWeakConnectionIsSaid sends the statistics of a connection that becomes weak and recovers.
func TestWeakConnectionIsSaid(t *testing.T) {
	t.Parallel()
	_, fake, g, _ := controlling(t, noControls)
	once := func(stats string, until func() bool) { // the camera says it when it changes
		t.Helper()
		fake.control.say(stats)
		require.Eventually(t, until, waitDeadline, 50*time.Millisecond)
	}
	note := func() string { return js[string](g, `document.getElementById('weak-note').innerText`) }
	once(fullStats, func() bool { return g.text("#stat-quality") == "Full" })
	assert.Empty(t, note())
	once(lowStats, func() bool { return note() == "Weak connection: showing a smaller picture so that it keeps moving." })
	once(keyStats, func() bool {
		return note() == "Weak connection: this camera cannot send less, so you see about one picture a second."
	})
	once(fullStats, func() bool { return note() == "" })
	once(lowStats, func() bool { return note() != "" })
	fake.bye(signaling.ReasonFailed)
	g.until(`document.getElementById('player').dataset.session.endsWith('-2')`)
	g.state("live")
	assert.Empty(t, note(), "another session, another way")
}

// TestNonsenseOnTheControlChannel has a camera that says what a page cannot know or bear.
func TestNonsenseOnTheControlChannel(t *testing.T) {
	t.Parallel()
	_, fake, g, _ := controlling(t, noControls)
	g.until(`performance.getEntriesByType('resource').some((e) => e.name.endsWith('/steady.js'))`)
	fake.control.photo([]byte("nobody asked for this"), 21, "image/jpeg")
	fake.control.photo([]byte("and this is too much"), 5, "image/jpeg")
	fake.control.say(`{`, `null`, `[]`, `5`, `""`, `{"type":5}`, `{"type":"toString"}`, `{"type":"new"}`, `{"type":"talk"}`,
		`{"type":"talk","state":"shouting"}`, `{"type":"picture"}`, `{"type":"picture","state":"new","detail":5}`, `{"type":"error"}`,
		`{"type":"error","about":"talk","message":{}}`, `{"type":"stats"}`, `{"type":"stats","quality":"toString","loss":null}`,
		`{"type":"controls"}`, `{"type":"controls","controls":[null,{"name":"constructor","min":-1,"max":1,"step":1,"relative":true}]}`,
		`{"type":"controls","controls":[{"name":"gain","min":0,"max":9,"step":1,"value":4,"new":true}]}`)
	g.until(`document.querySelector('[data-control=gain] output')?.textContent === '4'`)
	assert.False(t, js[bool](g, `document.getElementById('talk').checkVisibility()`))
	assert.Zero(t, js[int](g, `spied.saved.length`))
	g.plays()
	assert.Equal(t, "live", js[string](g, `document.getElementById('main').dataset.state`))
	assert.Len(t, fake.offered(), 1)
}
