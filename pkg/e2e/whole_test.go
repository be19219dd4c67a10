package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The page's own state machine says what it shows.
const (
	isLive    = `document.querySelector('#player').dataset.state === 'live'`
	isPlaying = `document.querySelector('video').currentTime > 0`
)

// frameNumberJS reads the test pattern's frame counter off the picture: 16 black or white blocks of a
// height/18 each, at the bottom left, the highest bit first.
const frameNumberJS = `(() => {
	const video = document.querySelector('video');
	const canvas = document.createElement('canvas');
	canvas.width = video.videoWidth; canvas.height = video.videoHeight;
	const paint = canvas.getContext('2d');
	paint.drawImage(video, 0, 0);
	const block = Math.floor(video.videoHeight / 18), y = video.videoHeight - block / 2;
	let number = 0;
	for (let bit = 0; bit < 16; bit++) {
		const [r] = paint.getImageData(bit * block + block / 2, y, 1, 1).data;
		number = number * 2 + (r > 127 ? 1 : 0);
	}
	return number;
})()`

// awaitAdvance waits until the picture is at least n frames further on, and returns its number.
func (p *page) awaitAdvance(n int) int {
	p.t.Helper()
	before := eval[int](p, frameNumberJS)
	p.await(`((` + frameNumberJS + ` - ` + itoa(before) + ` + 65536) % 65536) >= ` + itoa(n))
	return eval[int](p, frameNumberJS)
}

// A person signs up, sees the camera connect, presses Next and watches; and so in a second browser.
func TestWholePath(t *testing.T) {
	l := newLab(t)
	c := l.provision()
	p := newPage(t)
	p.open(l.url)
	p.await(`location.pathname === '/login'`)
	p.click(`a[href="/signup"]`)
	p.await(`location.pathname === '/signup'`)
	p.fill(`[name=username]`, "owner")
	p.fill(`[name=camera_id]`, c.id)
	p.fill(`[name=claim_code]`, c.code)
	p.fill(`[name=password]`, testPassword)
	p.fill(`[name=password_confirm]`, testPassword)
	p.screenshot("signup")
	p.click(`#sign-up`)
	p.await(`location.pathname === '/setup'`)
	require.True(t, eval[bool](p, `document.querySelector('#next').disabled`), "Next waits for the camera")
	p.screenshot("setup-waiting")

	l.startCamera(c)
	p.await(`document.querySelector('#setup-status').dataset.state === 'seen'`) // pushed, not reloaded
	p.screenshot("setup-seen")
	p.click(`#next`)
	p.await(`location.pathname === '/home'`)
	p.await(`document.body.innerText.includes('Online')`)
	p.screenshot("home")
	p.click(`a[href="/cameras/` + c.id + `"]`)
	p.await(isLive + ` && ` + isPlaying)
	p.awaitAdvance(30)
	require.Positive(t, eval[float64](p, hearSound), "there is sound")
	p.screenshot("watch")

	second := newPage(t)
	second.open(l.url + "/login")
	second.fill(`[name=username]`, "OWNER") // names are the same in any case
	second.fill(`[name=password]`, testPassword)
	second.do(submit(`form`))
	second.await(`location.pathname === '/home'`)
	second.open(l.url + "/cameras/" + c.id)
	second.await(isLive + ` && ` + isPlaying)
	second.awaitAdvance(15)
	p.awaitAdvance(15)
	second.close()
	p.awaitAdvance(30)
	require.Equal(t, "direct", eval[string](p, `document.querySelector('#player').dataset.path`))
}

// hearSound listens to the audio track until it is not silent, and returns its loudest sample.
const hearSound = `(async () => {
	const context = new AudioContext();
	const analyser = context.createAnalyser();
	context.createMediaStreamSource(document.querySelector('video').srcObject).connect(analyser);
	const samples = new Float32Array(analyser.fftSize);
	for (;;) {
		await new Promise(requestAnimationFrame);
		analyser.getFloatTimeDomainData(samples);
		const loudest = Math.max(...samples.map(Math.abs));
		if (loudest > 0.001) { await context.close(); return loudest; }
	}
})()`
