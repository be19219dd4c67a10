package web

import (
	"fmt"
	"image/color"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/camerad/seal"
	"seccam/portal/remote"
)

// box is the selector of a camera's picture.
func box(camera string) string { return fmt.Sprintf(`[data-camera="%s"] [data-thumb]`, camera) }

// boxIs waits until a camera's picture is in a state.
func (g *page) boxIs(camera, state string) {
	g.t.Helper()
	g.until(fmt.Sprintf(`document.querySelector('%s').dataset.state === %q`, box(camera), state))
}

// pixel is the colour of the picture's corner, as three bytes.
func (g *page) pixel(camera string) []int {
	g.t.Helper()
	return js[[]int](g, fmt.Sprintf(`(() => {
		const canvas = document.createElement('canvas');
		const paint = canvas.getContext('2d');
		paint.drawImage(document.querySelector('%s > img'), 0, 0);
		return [...paint.getImageData(2, 2, 1, 1).data].slice(0, 3);
	})()`, box(camera)))
}

// fastMinutes makes timers of half a minute and more take a hundredth, with a clock that agrees.
const fastMinutes = `(() => {
	const real = { setTimeout: window.setTimeout.bind(window), now: Date.now };
	let ahead = 0;
	Date.now = () => real.now() + ahead;
	window.setTimeout = (run, ms, ...rest) => real.setTimeout(() => {
		if (ms >= 30000) ahead += ms * 0.99;
		run(...rest);
	}, ms >= 30000 ? ms / 100 : ms);
})()`

// blobIs tells whether the picture at a blob's address is still there.
const blobIs = `new Promise((done) => {
	const image = new Image();
	image.onload = () => done('there');
	image.onerror = () => done('gone');
	image.src = %q;
})`

func TestHomeShowsPictures(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	shed := p.secondCamera(c, "Shed")
	p.cameras.set(func(f *fakeCameras) { f.picture = jpegOf(t, color.RGBA{R: 200, G: 30, B: 60, A: 255}) })
	g := p.page().as(c)
	g.beforeEachPage(`document.addEventListener('DOMContentLoaded', () => { window.before = cards() });
		const cards = () => JSON.stringify([...document.querySelectorAll('.camera, .camera h2, .thumb')].map((e) => e.getBoundingClientRect()));`)
	g.open("/home")
	g.boxIs(camera, "shown")
	assert.InDeltaSlice(t, []int{200, 30, 60}, g.pixel(camera), 8, "the picture that the camera took")
	image := box(camera) + " > img"
	assert.Equal(t, "Latest picture of "+g.text(fmt.Sprintf(`[data-camera="%s"] h2`, camera)), js[string](g, fmt.Sprintf(`document.querySelector('%s').alt`, image)))
	assert.Contains(t, js[string](g, fmt.Sprintf(`document.querySelector('%s').src`, image)), "blob:"+p.url)
	assert.Equal(t, js[string](g, `before`), js[string](g, `cards()`), "nothing moved")
	g.boxIs(shed, "offline")
	assert.Equal(t, 0, js[int](g, fmt.Sprintf(`document.querySelectorAll('%s > img').length`, box(shed))))
	require.Equal(t, 1, p.cameras.snapshots(), "the one that is offline is not asked")
	asked := p.cameras.asked[0]
	assert.Equal(t, 640, asked.Width)
	assert.Len(t, asked.Key, seal.PointSize)

	again := p.page().as(c)
	again.open("/home")
	again.boxIs(camera, "shown")
	assert.NotEqual(t, asked.Key, p.cameras.asked[1].Key, "each page has a key of its own")
}

// A page that somebody looks at asks every minute, one that nobody looks at does not.
func TestPicturesAreAskedForAgain(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	g := p.page().as(c)
	g.beforeEachPage(fastMinutes)
	g.open("/home")
	g.boxIs(camera, "shown")
	first := js[string](g, fmt.Sprintf(`document.querySelector('%s > img').src`, box(camera)))
	p.cameras.set(func(f *fakeCameras) { f.picture = jpegOf(t, color.RGBA{R: 10, G: 200, B: 20, A: 255}) })
	g.until(fmt.Sprintf(`document.querySelector('%s > img').src !== %q`, box(camera), first))
	assert.InDeltaSlice(t, []int{10, 200, 20}, g.pixel(camera), 8)
	assert.Equal(t, 1, js[int](g, fmt.Sprintf(`document.querySelectorAll('%s > img').length`, box(camera))))
	g.tolerate("ERR_FILE_NOT_FOUND")
	assert.Equal(t, "gone", js[string](g, fmt.Sprintf(blobIs, first)), "the old picture is let go")

	js[any](g, `(() => { Object.defineProperty(document, 'hidden', { value: true, configurable: true }); document.dispatchEvent(new Event('visibilitychange')) })()`)
	before := p.cameras.snapshots()
	js[any](g, `new Promise((done) => setTimeout(done, 90000))`)
	assert.LessOrEqual(t, p.cameras.snapshots(), before+1, "one may have been on its way")
	quiet := p.cameras.snapshots()
	js[any](g, `new Promise((done) => setTimeout(done, 90000))`)
	assert.Equal(t, quiet, p.cameras.snapshots())
	js[any](g, `(() => { delete document.hidden; document.dispatchEvent(new Event('visibilitychange')) })()`)
	require.Eventually(t, func() bool { return p.cameras.snapshots() > quiet }, waitDeadline, 10*time.Millisecond)
}

func TestPicturesFollowThePresence(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	g := p.page().as(c)
	g.open("/home")
	g.boxIs(camera, "shown")
	p.presence.set(camera, offline("Offline: the camera was shut down"))
	g.boxIs(camera, "offline")
	assert.Equal(t, "Last picture just now", g.text(box(camera)+" [data-age]"))
	assert.Equal(t, 1, js[int](g, fmt.Sprintf(`document.querySelectorAll('%s > img').length`, box(camera))), "the last one of this page stays")
	source := js[string](g, fmt.Sprintf(`document.querySelector('%s > img').src`, box(camera)))

	asked := p.cameras.snapshots()
	p.presence.set(camera, privateNow("Privacy mode is on until 07:00"))
	g.boxIs(camera, "private")
	assert.Equal(t, 0, js[int](g, `document.querySelectorAll('[data-thumb] > img').length`), "a private camera's picture is forgotten")
	g.tolerate("ERR_FILE_NOT_FOUND")
	assert.Equal(t, "gone", js[string](g, fmt.Sprintf(blobIs, source)))
	assert.Equal(t, "Privacy mode is on until 07:00", g.text(fmt.Sprintf(`[data-camera="%s"] [data-presence]`, camera)))
	assert.Equal(t, asked, p.cameras.snapshots())

	p.presence.set(camera, online())
	g.boxIs(camera, "shown")
	assert.Equal(t, asked+1, p.cameras.snapshots(), "asked at once when it is back")
}

// A picture that comes after privacy mode began is not shown.
func TestPictureThatComesTooLate(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	entered, release := make(chan struct{}), make(chan struct{})
	p.cameras.set(func(f *fakeCameras) {
		f.during = func() { entered <- struct{}{}; <-release }
	})
	g := p.page().as(c)
	g.open("/home")
	<-entered
	g.boxIs(camera, "loading")
	p.presence.set(camera, privateNow("Privacy mode is on"))
	g.boxIs(camera, "private")
	close(release)
	g.until(`performance.getEntriesByType('resource').some((r) => r.name.endsWith('/snapshot') && r.responseEnd > 0)`)
	js[any](g, `new Promise((done) => setTimeout(done, 200))`)
	g.boxIs(camera, "private")
	assert.Equal(t, 0, js[int](g, `document.querySelectorAll('[data-thumb] > img').length`))
}

func TestPicturesThatDoNotCome(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	for name, change := range map[string]func(f *fakeCameras){
		"no answer":  func(f *fakeCameras) { f.err = remote.ErrNoAnswer },
		"no picture": func(f *fakeCameras) { f.picture = []byte("this is no JPEG") },
		"nothing":    func(f *fakeCameras) { f.picture = nil },
	} {
		t.Run(name, func(t *testing.T) {
			p.cameras.set(func(f *fakeCameras) { f.err = nil; change(f) })
			g := p.page().as(c)
			g.tolerate("504")
			g.open("/home")
			g.until(`performance.getEntriesByType('resource').some((r) => r.name.endsWith('/snapshot') && r.responseEnd > 0)`)
			g.boxIs(camera, "empty")
			assert.Equal(t, 0, js[int](g, `document.querySelectorAll('[data-thumb] > img').length`))
			assert.True(t, js[bool](g, `document.getElementById('connection').hidden`), "it is no news")
		})
	}
}

// A picture that stays away for long is shown with its age, though its camera is online.
func TestOldPicturesSayTheirAge(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	g := p.page().as(c)
	g.tolerate("504")
	g.beforeEachPage(fastMinutes)
	g.open("/home")
	g.boxIs(camera, "shown")
	p.cameras.set(func(f *fakeCameras) { f.err = remote.ErrNoAnswer })
	g.boxIs(camera, "old")
	assert.True(t, js[bool](g, fmt.Sprintf(`document.querySelector('%s [data-age]').checkVisibility()`, box(camera))))
	p.cameras.set(func(f *fakeCameras) { f.err = nil })
	g.boxIs(camera, "shown")
	assert.False(t, js[bool](g, fmt.Sprintf(`document.querySelector('%s [data-age]').checkVisibility()`, box(camera))))
}

// What was sealed for another page or camera, or was changed on its way, is not shown.
func TestPicturesOfOthersAreNotShown(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	g := p.page()
	g.open("/login")
	camera, other := "d5tx0bdn8j6hcmav70kg", "a2pj4eh0snwm90sde7zt"
	js[any](g, fmt.Sprintf(`import(%q).then(async (m) => { window.one = await m.PageKey.create(); window.two = await m.PageKey.create() }).then(() => 0)`, p.assetURL("sealed.js")))
	var key []byte
	for _, b := range js[[]int](g, `[...atob(one.text)].map((c) => c.charCodeAt(0))`) {
		key = append(key, byte(b))
	}
	sealed, err := seal.Seal([]byte("a picture"), key, camera)
	require.NoError(t, err)
	open := func(who, camera string, sealed []byte) string {
		return js[string](g, fmt.Sprintf(`%s.open(new Uint8Array(%s), %q).then((data) => new TextDecoder().decode(data), () => 'closed')`,
			who, quoted(t, slices.Collect(ints(sealed))), camera))
	}
	assert.Equal(t, "a picture", open("one", camera, sealed))
	assert.Equal(t, "closed", open("two", camera, sealed))
	assert.Equal(t, "closed", open("one", other, sealed))
	for _, at := range []int{0, 1, 40, seal.PointSize, seal.PointSize + 5, len(sealed) - 20, len(sealed) - 1} {
		changed := slices.Clone(sealed)
		changed[at] ^= 1
		assert.Equal(t, "closed", open("one", camera, changed), "byte %d", at)
	}
	for _, length := range []int{0, 10, seal.PointSize, seal.Overhead - 1, len(sealed) - 1} {
		assert.Equal(t, "closed", open("one", camera, sealed[:length]), "%d bytes", length)
	}
}

func ints(data []byte) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for _, b := range data {
			if !yield(int(b)) {
				return
			}
		}
	}
}

// Two cameras are asked at a time, the others after them.
func TestFewCamerasAreAskedAtOnce(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	for i := range 4 {
		p.presence.set(p.secondCamera(c, fmt.Sprint("Camera ", i)), online())
	}
	running, most, release := make(chan struct{}, 10), 0, make(chan struct{})
	p.cameras.set(func(f *fakeCameras) {
		f.during = func() {
			running <- struct{}{}
			<-release
			<-running
		}
	})
	g := p.page().as(c)
	g.open("/home")
	require.Eventually(t, func() bool { return len(running) == 2 }, waitDeadline, 10*time.Millisecond)
	js[any](g, `new Promise((done) => setTimeout(done, 300))`)
	most = len(running)
	close(release)
	g.until(`document.querySelectorAll('[data-thumb][data-state=shown]').length === 5`)
	assert.Equal(t, 2, most)
	assert.Equal(t, 5, p.cameras.snapshots())
	g.boxIs(camera, "shown")
}

// Without https there is no cryptography, and so no pictures, and no complaint.
func TestNoPicturesWithoutHTTPS(t *testing.T) {
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
	g := p.page()
	g.tolerate("Cross-Origin-Opener-Policy")
	g.setCookie(cookie)
	g.open("/home")
	g.until(fmt.Sprintf(`document.querySelector('[data-camera="%s"] [data-presence]').dataset.state === 'online'`, camera))
	p.waitForSockets(1)
	assert.False(t, js[bool](g, `isSecureContext`))
	g.boxIs(camera, "empty")
	assert.Zero(t, p.cameras.snapshots())
}
