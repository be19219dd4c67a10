package web

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"seccam/pkg/browsertest"
)

// pageDeadline bounds everything a test does with one page; a busy machine needs some of it.
const pageDeadline = 60 * time.Second

// waitDeadline bounds one wait for the page to change.
const waitDeadline = 25 * time.Second

// insecureHost is a name of this machine that browsers do not trust over http, as a name in a LAN.
const insecureHost = "portal.test"

// chromium is the one browser of all tests; each test has a profile of its own in it.
var chromium struct {
	once  sync.Once
	ctx   context.Context
	close func() error
	err   error
}

func startChromium() {
	chromium.ctx, chromium.close, chromium.err = newChromium()
}

// newChromium starts one, with more options than the tests' own.
func newChromium(more ...chromedp.ExecAllocatorOption) (context.Context, func() error, error) {
	options := append(more, chromedp.Flag("host-resolver-rules", "MAP "+insecureHost+" 127.0.0.1"))
	return browsertest.Start(options...)
}

func TestMain(m *testing.M) {
	code := m.Run()
	if chromium.close != nil {
		if err := chromium.close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// call runs one command of the DevTools protocol.
func call[P, R any](g *page, command cdp.Command[P, R], params P) R {
	g.t.Helper()
	result, err := chromedp.Call(g.ctx, command, params)
	require.NoError(g.t, err)
	return result
}

// page is one tab with its own cookies. It fails the test for every complaint of the browser:
// uncaught errors, refused content, broken files.
type page struct {
	p     *portal
	t     *testing.T
	ctx   context.Context
	close func() // at the test's end, if not before

	mu         sync.Mutex
	complaints []string
	tolerated  []string
}

func (p *portal) page() *page {
	p.t.Helper()
	chromium.once.Do(startChromium)
	require.NoError(p.t, chromium.err)
	return p.pageIn(chromium.ctx)
}

// pageIn opens a page in another Chromium than that of all tests.
func (p *portal) pageIn(browser context.Context) *page {
	p.t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	require.NoError(p.t, chromedp.Do(ctx)) // a deadline on the first call would be the tab's
	bounded, stop := context.WithTimeout(ctx, pageDeadline)
	g := &page{p: p, t: p.t, ctx: bounded}
	g.close = sync.OnceFunc(func() {
		stop()
		cancel()
		g.mu.Lock()
		defer g.mu.Unlock()
		assert.Empty(p.t, g.complaints, "the browser complained")
	})
	require.NoError(p.t, chromedp.Listen(ctx, g.listen))
	call(g, log.Enable, cdp.Empty{})
	call(g, network.Enable, network.EnableParams{})
	p.t.Cleanup(g.close)
	return g
}

func (g *page) listen(event any) {
	switch e := event.(type) {
	case *cdpruntime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
		g.complain(text)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			g.complain(string(e.Entry.Source) + ": " + e.Entry.Text + " " + e.Entry.URL)
		}
	}
}

func (g *page) complain(text string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, fine := range g.tolerated {
		if strings.Contains(text, fine) {
			return
		}
	}
	g.complaints = append(g.complaints, text)
}

// tolerate expects complaints that contain one of these texts.
func (g *page) tolerate(texts ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tolerated = append(g.tolerated, texts...)
}

func (g *page) run(actions ...chromedp.Action[chromedp.Void]) {
	g.t.Helper()
	require.NoError(g.t, chromedp.Do(g.ctx, actions...))
}

func (g *page) open(path string) {
	g.t.Helper()
	g.run(chromedp.Navigate(g.p.url + path))
}

// as gives the page a client's login.
func (g *page) as(c *client) *page {
	g.t.Helper()
	return g.setCookie(c.cookie())
}

func (g *page) setCookie(login string) *page {
	g.t.Helper()
	u, err := url.Parse(g.p.url)
	require.NoError(g.t, err)
	httpOnly := true
	call(g, network.SetCookie, network.SetCookieParams{
		Name: "seccam_session", Value: login, Domain: u.Hostname(), Path: "/", HTTPOnly: &httpOnly,
	})
	return g
}

// scriptsOff turns the page's own scripts off; the test's still run.
func (g *page) scriptsOff() {
	g.t.Helper()
	call(g, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
}

// looks sets the window's size and the colour scheme.
func (g *page) looks(width, height int64, scheme string) {
	g.t.Helper()
	g.run(chromedp.EmulateViewport(width, height))
	call(g, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
}

// js evaluates an expression; promises are awaited.
func js[T any](g *page, expression string) T {
	g.t.Helper()
	value, err := chromedp.Run(g.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	require.NoError(g.t, err, expression)
	return value
}

// until waits until an expression is true, on whatever page the tab arrives meanwhile.
func (g *page) until(expression string) {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(g.ctx, waitDeadline)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		// An error is a page that is being left, or not there yet.
		done, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("(async () => Boolean(await ("+expression+")))()", chromedp.EvalAwaitPromise))
		if err == nil && done {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			require.Fail(g.t, "waited in vain", "for %s (%v); the page says: %s", expression, err, js[string](g, `document.body.innerText`))
		}
	}
}

// state waits until the watch page is in a state.
func (g *page) state(want string) {
	g.t.Helper()
	g.until(fmt.Sprintf(`document.getElementById('main').dataset.state === %q`, want))
}

func (g *page) text(selector string) string {
	g.t.Helper()
	return js[string](g, fmt.Sprintf(`document.querySelector(%q).innerText.trim()`, selector))
}

func (g *page) fill(selector, text string) {
	g.t.Helper()
	g.run(chromedp.SendKeys(chromedp.CSS(selector), text))
}

// click presses an element and, where that leads to another page, waits for it.
func (g *page) click(selector string) {
	g.t.Helper()
	g.run(chromedp.Click(chromedp.CSS(selector)))
}

// arrive waits for the page at a path.
func (g *page) arrive(path string) {
	g.t.Helper()
	g.until(fmt.Sprintf(`location.pathname === %q && document.readyState === 'complete'`, path))
}
