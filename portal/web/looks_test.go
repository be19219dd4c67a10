package web

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// axePath is where `make` installs axe-core, from the module's root.
const axePath = "../../.tools/node_modules/axe-core/axe.min.js"

// shotsEnv names a folder for screenshots of every page; without it none are taken.
const shotsEnv = "SCREENSHOTS"

var windows = []struct {
	name          string
	width, height int64
	schemes       []string
	rules         string // those of axe; what is only about the page's structure is looked at once
}{
	{"desktop", 1280, 800, schemes("light"), "runOnly: ['color-contrast']"},
	{"phone", 360, 780, schemes("dark"), ""},
}

// schemes has a window checked in one colour scheme, since colours do not depend on the size; for screenshots in both.
func schemes(checked string) []string {
	if os.Getenv(shotsEnv) != "" {
		return []string{"light", "dark"}
	}
	return []string{checked}
}

// scene is one page in one situation.
type scene struct {
	name string
	open func(g *page)
}

// scenes covers every page, and the watch page in its states.
func scenes(p *portal) []scene {
	var list []scene
	add := func(name string, open func(g *page)) { list = append(list, scene{name, open}) }
	visit := func(path string) func(*page) { return func(g *page) { g.open(path) } }

	add("login", visit("/login?done=signed-out"))
	add("login-failed", func(g *page) {
		g.tolerate("401")
		g.open("/login")
		g.fill("#username", "owner")
		g.fill("#password", "wrong")
		g.click("#log-in")
		g.until(`document.querySelector('#failure')`)
	})
	add("signup", visit("/signup"))
	add("signup-errors", func(g *page) {
		g.tolerate("422")
		g.open("/signup")
		g.fill("#camera_id", "ABCDE-FGHJK-MNPQR-STVWX")
		g.fill("#username", "x")
		g.fill("#password", "robin1")
		g.click("#sign-up")
		g.until(`document.querySelector('#failure')`)
	})
	newcomer, fresh := p.newcomer("newcomer")
	add("setup", func(g *page) {
		g.as(newcomer).open("/setup")
		g.until(`document.querySelector('#setup-status').dataset.state === 'missing'`)
	})
	add("setup-seen", func(g *page) {
		p.presence.set(fresh, online())
		g.as(newcomer).open("/setup")
		g.until(`!document.querySelector('#next').disabled`)
	})
	member, camera := p.member("owner")
	empty, given := p.member("kim")
	require.Equal(p.t, http.StatusOK, empty.post("/cameras/"+given+"/release", nil).status)
	add("home-empty", func(g *page) { g.as(empty).open("/home") })
	add("home", func(g *page) {
		g.tolerate("422")
		p.secondCamera(member, "Garden, behind the shed")
		other, _ := p.newcomer("guesser")
		other.post("/signup", signUpForm("intruder", camera, given))
		g.as(member).open("/home")
	})
	add("claim", func(g *page) { g.as(member).open("/cameras/new") })
	add("settings", func(g *page) { g.as(member).open("/cameras/" + camera + "/settings") })
	add("release", func(g *page) { g.as(member).open("/cameras/" + camera + "/release") })
	add("not-found", func(g *page) {
		g.tolerate("404")
		g.as(member).open("/cameras/nothing")
	})
	add("watch-offline", func(g *page) {
		p.presence.set(camera, offline("Offline: the connection to the camera was lost; check its power and network"))
		g.as(member).open("/cameras/" + camera)
		g.state("offline")
	})
	add("watch-connecting", func(g *page) {
		p.presence.set(camera, online())
		g.as(member).open("/cameras/" + camera)
		g.state("connecting")
	})
	add("watch-live", func(g *page) {
		newFakeCamera(p)
		g.as(member).open("/cameras/" + camera)
		g.state("live")
		g.until(`document.querySelector('#player').dataset.path === 'direct'`)
	})
	add("watch-controls", func(g *page) {
		newFakeControl(newFakeCamera(p), allControls, floor("free"), fullStats)
		g.as(member).open("/cameras/" + camera)
		g.state("live")
		g.shown("#panel", true)
		g.click("#panel summary")
		g.says("#stat-viewers", "3")
	})
	add("watch-talking", func(g *page) {
		control := newFakeControl(newFakeCamera(p), noControls, floor("free"), fullStats)
		control.setAnswer(giveFloor)
		g.microphone(browser.PermissionSettingGranted)
		g.as(member).open("/cameras/" + camera)
		g.shown("#talk", true)
		g.keyDown("t")
		g.phase("talking")
	})
	add("watch-weak", func(g *page) {
		control := newFakeControl(newFakeCamera(p), noControls, floor("busy"))
		g.as(member).open("/cameras/" + camera)
		g.state("live")
		g.until(`document.querySelector('#player').dataset.path === 'direct'`)
		require.Eventually(p.t, func() bool {
			control.say(keyStats)
			return g.text("#weak-note") != ""
		}, waitDeadline, 50*time.Millisecond)
		g.keyDown("t")
		g.says("#talk-note", "Someone else")
	})
	add("watch-waiting", func(g *page) {
		fake := newFakeCamera(p)
		control := newFakeControl(fake, noControls, floor("free"))
		g.as(member).open("/cameras/" + camera)
		g.state("live")
		fake.freeze()
		control.say(pictureState("lost", "The camera's cable seems to be unplugged."))
		g.state("waiting")
	})
	add("watch-private", func(g *page) {
		p.presence.set(camera, privateNow("Privacy mode is on until Monday 07:00"))
		g.as(member).open("/cameras/" + camera)
		g.state("private")
	})
	add("watch-refused", func(g *page) {
		p.presence.set(camera, online())
		p.pin(camera, otherFingerprint)
		newFakeCamera(p)
		g.as(member).open("/cameras/" + camera)
		g.state("refused")
	})
	add("released", func(g *page) {
		g.as(member).open("/cameras/" + camera + "/release")
		g.click("#release")
		g.until(`document.querySelector('#claim-code')`)
	})
	return list
}

func TestAccessibility(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	checkScenes(p, scenes(p))
}

// checkScenes runs axe-core on every scene, on a desktop and a phone.
func checkScenes(p *portal, scenes []scene) {
	t := p.t
	axe, err := os.ReadFile(axePath)
	require.NoError(t, err, "axe-core is missing: .ci/deps test installs it")
	for _, scene := range scenes {
		g := p.page()
		g.looks(windows[0].width, windows[0].height, "light")
		scene.open(g)
		js[any](g, string(axe)+";0")
		for _, window := range windows {
			for _, scheme := range window.schemes {
				g.looks(window.width, window.height, scheme)
				name := fmt.Sprintf("%s %s %s", scene.name, window.name, scheme)
				assert.Empty(t, js[string](g, violations(window.rules)), name)
				assert.LessOrEqual(t, js[int](g, `document.documentElement.scrollWidth - innerWidth`), 0, "%s scrolls sideways", name)
				shoot(g, scene.name+"-"+window.name+"-"+scheme)
			}
		}
		g.close() // or it would go on asking, for what later scenes take away
	}
}

// violations is a script that lists those that matter, in words. rules are an option of axe's that chooses among its
// rules; all are looked at without. Colours are compared after their transitions.
func violations(rules string) string {
	return `(async () => {
	await Promise.all(document.getAnimations().filter((a) => a instanceof CSSTransition).map((a) => a.finished.catch(() => {})));
	const { violations } = await axe.run(document, { resultTypes: ['violations'], ` + rules + ` });
	return violations.filter((v) => ['serious', 'critical'].includes(v.impact))
		.map((v) => v.id + ': ' + v.nodes.map((n) => n.target + ' ' + n.failureSummary).join('; ')).join('\n');
})()`
}

func shoot(g *page, name string) {
	folder := os.Getenv(shotsEnv)
	if folder == "" {
		return
	}
	png, err := chromedp.Run(g.ctx, chromedp.FullScreenshot(100))
	require.NoError(g.t, err)
	require.NoError(g.t, os.WriteFile(filepath.Join(folder, name+".png"), png, 0o600))
}
