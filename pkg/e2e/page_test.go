package e2e

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// page is a tab in a browser context of its own: another person, as far as the portal can tell.
type page struct {
	t   complainer
	ctx context.Context
	// name is that of the test, for screenshots.
	name string
	// close ends the tab as closing its window does.
	close func()
}

func newPage(t *testing.T) *page {
	t.Helper()
	return newPageIn(t, startBrowser(t))
}

// newPageIn opens a tab of a browser.
func newPageIn(t *testing.T, browser context.Context) *page {
	t.Helper()
	ctx, stop := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	// The tab lives as long as the context of the first action, so that must not have a deadline.
	require.NoError(t, chromedp.Do(ctx))
	p := &page{t: t, ctx: ctx, close: stop}
	t.Cleanup(func() {
		if t.Failed() {
			p.screenshot("failed")
		}
		stop()
	})
	p.name = t.Name()
	return p
}

// openAs opens a page of the portal with a person's cookies.
func (p *page) openAs(person *client, path string) {
	p.t.Helper()
	for _, cookie := range person.cookies() {
		p.setCookie(person.base, cookie)
	}
	p.open(person.base + path)
}

func (p *page) setCookie(base string, cookie *http.Cookie) {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, network.SetCookie, network.SetCookieParams{
		Name: cookie.Name, Value: cookie.Value, URL: base, Secure: new(strings.HasPrefix(base, "https:")),
	})
	require.NoError(p.t, err)
}

func (p *page) open(url string) { p.t.Helper(); p.do(chromedp.Navigate(url)) }

func (p *page) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	err := chromedp.Do(ctx, steps...)
	for err != nil && strings.Contains(err.Error(), vanished) && ctx.Err() == nil {
		err = chromedp.Do(ctx, steps...)
	}
	require.NoError(p.t, err)
}

// vanished is what Chromium says of an element that was found on a page that has just been left: the step, which was
// not done, is tried on the next page.
const vanished = "Could not find node with given id"

func (p *page) fill(selector, text string) {
	p.t.Helper()
	p.do(chromedp.SendKeys(chromedp.CSS(selector), text))
}

func (p *page) click(selector string) {
	p.t.Helper()
	p.do(chromedp.Click(chromedp.CSS(selector)))
}

// eval returns the value of an expression, awaiting it if it is a promise.
func eval[T any](p *page, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	require.NoError(p.t, err, expression)
	return value
}

// await waits until an expression is true, also across navigations, which replace the page's
// JavaScript context and fail an evaluation that is under way.
func (p *page) await(expression string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	tick := time.NewTicker(40 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`Boolean(`+expression+`)`))
		if err == nil && ok {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			require.Failf(p.t, "it did not become true", "%s (last error: %v)\npage: %s", expression, err, p.text())
		}
	}
}

func (p *page) text() string {
	ctx, cancel := context.WithTimeout(p.ctx, 5*time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body.innerText`))
	if err != nil {
		return err.Error()
	}
	return text
}

// screenshot writes a picture into SCREENSHOTS, if that is set, for a person to look at.
func (p *page) screenshot(name string) {
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(p.ctx, 10*time.Second)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, p.name+"-"+name+".png"), picture, 0o600)
	}
	if err != nil {
		p.t.Errorf("screenshot: %v", err)
	}
}
