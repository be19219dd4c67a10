package web

import (
	"fmt"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// focus gives an element the focus.
func focus(selector string) chromedp.Action[chromedp.Void] {
	return chromedp.Focus(chromedp.CSS(selector))
}

var virtualKeys = map[string]int64{
	"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, " ": 32, "Enter": 13, "t": 84, "Tab": 9,
}

func (g *page) key(kind input.DispatchKeyEventType, key string) {
	g.t.Helper()
	text := ""
	if kind == input.DispatchKeyEventTypeKeyDown {
		text = map[string]string{" ": " ", "Enter": "\r", "t": "t"}[key]
	}
	call(g, input.DispatchKeyEvent, input.DispatchKeyEventParams{
		Type: kind, Key: key, Text: text, WindowsVirtualKeyCode: virtualKeys[key],
	})
}

// keyDown presses a key and holds it.
func (g *page) keyDown(key string) { g.t.Helper(); g.key(input.DispatchKeyEventTypeKeyDown, key) }

// keyUp lets a key go.
func (g *page) keyUp(key string) { g.t.Helper(); g.key(input.DispatchKeyEventTypeKeyUp, key) }

func (g *page) press(key string) {
	g.t.Helper()
	g.keyDown(key)
	g.keyUp(key)
}

// middle is where a mouse or finger meets an element.
func (g *page) middle(selector string) (x, y float64) {
	g.t.Helper()
	at := js[[]float64](g, fmt.Sprintf(`(() => {
		const element = document.querySelector(%q);
		element.scrollIntoView({ block: 'nearest', behavior: 'instant' });
		const { x, y, width, height } = element.getBoundingClientRect();
		return [x + width / 2, y + height / 2];
	})()`, selector))
	return at[0], at[1]
}

func (g *page) mouse(kind input.DispatchMouseEventType, x, y float64) {
	g.t.Helper()
	call(g, input.DispatchMouseEvent, input.DispatchMouseEventParams{
		Type: kind, X: x, Y: y, Button: input.MouseButtonLeft, ClickCount: 1,
	})
}

// mouseDown presses the mouse on an element and holds it.
func (g *page) mouseDown(selector string) {
	g.t.Helper()
	x, y := g.middle(selector)
	g.mouse(chromedp.MousePressed, x, y)
}

// mouseUp lets the mouse go, in a corner of the page.
func (g *page) mouseUp() { g.t.Helper(); g.mouse(chromedp.MouseReleased, 1, 1) }

// touch puts a finger on an element.
func (g *page) touch(selector string) {
	g.t.Helper()
	x, y := g.middle(selector)
	call(g, input.DispatchTouchEvent, input.DispatchTouchEventParams{
		Type: input.DispatchTouchEventTypeTouchStart, TouchPoints: []*input.TouchPoint{{X: x, Y: y}},
	})
}

// endTouch lifts the finger, or lets the system take the touch away.
func (g *page) endTouch(kind input.DispatchTouchEventType) {
	g.t.Helper()
	call(g, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: kind, TouchPoints: []*input.TouchPoint{}})
}

// microphone says what this tab's browser answers when a page wants the microphone.
func (g *page) microphone(setting browser.PermissionSetting) {
	g.t.Helper()
	g.permit("microphone", setting)
}

// camera does the same for the page's camera.
func (g *page) camera(setting browser.PermissionSetting) {
	g.t.Helper()
	g.permit("camera", setting)
}

func (g *page) permit(what string, setting browser.PermissionSetting) {
	g.t.Helper()
	info := call(g, target.GetTargetInfo, target.GetTargetInfoParams{})
	_, err := chromedp.CallBrowser(g.ctx, browser.SetPermission, browser.SetPermissionParams{
		Permission: &browser.PermissionDescriptor{Name: what}, Setting: setting, Origin: g.p.url,
		BrowserContextID: info.TargetInfo.BrowserContextID,
	})
	require.NoError(g.t, err)
}
