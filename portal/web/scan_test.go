package web

import (
	"bytes"
	"fmt"
	"image"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/boombuler/barcode/qr"
	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
)

// label is what a camera's QR code says.
func (p *portal) label(camera, code, pairing string) string {
	return fmt.Sprintf("%s/claim#id=%s&code=%s&fp=%s&pair=%s", p.url, camera, code, credential.ShortFingerprint(otherFingerprint), pairing)
}

// asVideo writes pictures as a video that Chromium takes for what a camera sees (YUV4MPEG2).
func asVideo(t *testing.T, pictures ...*image.Gray) string {
	t.Helper()
	const width, height = 640, 480
	var b bytes.Buffer
	fmt.Fprintf(&b, "YUV4MPEG2 W%d H%d F10:1 Ip A1:1 C420jpeg\n", width, height)
	for _, picture := range pictures {
		frame := bytes.Repeat([]byte{128}, width*height*3/2)
		for y := range height {
			for x := range width {
				at := image.Pt(x, y).Add(picture.Rect.Size().Div(2)).Sub(image.Pt(width/2, height/2))
				if frame[y*width+x] = 200; at.In(picture.Rect) {
					frame[y*width+x] = uint8(16 + int(picture.GrayAt(at.X, at.Y).Y)*219/255)
				}
			}
		}
		b.WriteString("FRAME\n")
		b.Write(frame)
	}
	file := filepath.Join(t.TempDir(), "camera.y4m")
	require.NoError(t, os.WriteFile(file, b.Bytes(), 0o600))
	return file
}

// filming starts a Chromium whose camera sees pictures, over and over.
func filming(t *testing.T, pictures ...*image.Gray) func(p *portal) *page {
	t.Helper()
	ctx, stop, err := newChromium(chromedp.Flag("use-fake-ui-for-media-stream", true),
		chromedp.Flag("use-file-for-fake-video-capture", asVideo(t, pictures...)))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, stop()) })
	return func(p *portal) *page { return p.pageIn(ctx) }
}

func pictureOf(t *testing.T, text string, s shot) *image.Gray {
	t.Helper()
	code, err := qr.Encode(text, qr.M, qr.Unicode)
	require.NoError(t, err)
	return photograph(code, s, rand.New(rand.NewPCG(7, 8)))
}

// TestScanTheLabel signs up with a label that the device's camera sees. The portal gets all of it but the pairing
// code, which the page of paired devices has then.
func TestScanTheLabel(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	camera, code := p.camera()
	pairing := credential.NewCode()
	other := strings.Replace(p.label(camera, code, pairing), p.url, "https://other.example", 1)
	s := shot{module: 5, angle: 8, light: 255}
	g := filming(t, pictureOf(t, "just a text", s), pictureOf(t, other, s), pictureOf(t, p.label(camera, code, pairing), shot{module: 5, angle: -20, light: 255}))(p)
	g.open("/signup")
	g.click("#scan-open")
	g.until(`document.querySelector('#camera_id').value !== ''`)
	assert.False(t, js[bool](g, `document.querySelector('#scan').open`))
	assert.Equal(t, credential.FormatCode(camera), js[string](g, `document.querySelector('#camera_id').value`))
	assert.Equal(t, credential.FormatCode(code), js[string](g, `document.querySelector('#claim_code').value`))
	assert.Equal(t, credential.ShortFingerprint(otherFingerprint), js[string](g, `document.querySelector('#fingerprint').value`))
	assert.NotContains(t, strings.ToLower(js[string](g, `document.documentElement.outerHTML`)), pairing)

	g.fill("#username", "owner")
	g.fill("#password", password)
	g.fill("#password_confirm", password)
	g.click("#sign-up")
	g.arrive("/setup")
	p.presence.set(camera, online())
	g.until(`!document.querySelector('#next').disabled`)
	g.click("#next")
	g.arrive("/home")
	kept, err := p.store.CameraByID(t.Context(), camera)
	require.NoError(t, err)
	assert.Equal(t, otherFingerprint, kept.PinnedFingerprint, "as the label says")

	fake := newFakeCamera(p)
	fake.pairing = func(say func(string), message map[string]any) {
		if message["type"] == "" {
			say(strangersHello)
		}
	}
	g.open("/cameras/" + camera + "/pairing")
	g.state("unpaired")
	assert.Equal(t, credential.FormatCode(pairing), js[string](g, `document.querySelector('#pairing-code').value`))
	assert.NotContains(t, p.log.String(), pairing)
}

// TestLabelOpenedByAPhone: the address in the code opens the right form, filled in, also by way of a log-in.
func TestLabelOpenedByAPhone(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	p.member("owner")
	camera, code := p.camera()
	fragment := strings.TrimPrefix(p.label(camera, code, credential.NewCode()), p.url)
	g := p.page()
	g.open(fragment)
	g.arrive("/signup")
	g.until(`document.querySelector('#claim_code').value !== ''`)
	assert.Empty(t, js[string](g, `location.hash`), "the address keeps nothing of it")
	js[any](g, `(() => { const i = document.querySelector('#camera_id'); i.value = i.value.replace(/.$/, 'Z'); i.dispatchEvent(new Event('input')); })()`)
	assert.Empty(t, js[string](g, `document.querySelector('#fingerprint').value`), "the certificate is of the label's camera only")

	g.open(fragment)
	g.until(`location.hash === '' && document.querySelector('#claim_code').value !== ''`)
	g.click("#log-in-link")
	g.arrive("/login")
	g.fill("#username", "owner")
	g.fill("#password", password)
	g.click("#log-in")
	g.arrive("/cameras/new")
	g.until(`document.querySelector('#claim_code').value !== ''`)
	g.click("#claim")
	g.arrive("/home")
	g.until(`document.querySelectorAll('[data-camera]').length === 2`)
	g.open("/home")
	g.arrive("/home") // and not to the form again
}

// TestLabelsAreRead in all their forms.
func TestLabelsAreRead(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	g := p.page()
	g.open("/login")
	camera, code := p.camera()
	good := p.label(camera, code, credential.NewCode())
	read := func(text string) string {
		return module[string](g, "label.js", fmt.Sprintf(`(() => { try { return 'camera ' + m.readScanned(%q).camera.toLowerCase(); } catch (e) { return e.message; } })()`, text))
	}
	assert.Equal(t, "camera "+camera, read(good))
	assert.Contains(t, read(strings.Replace(good, p.url, "https://other.example", 1)), "another portal: other.example")
	for _, text := range []string{"", "text", p.url, p.url + "/claim", p.url + "/claim#id=x", strings.Replace(good, "/claim", "/login", 1), "javascript:alert(1)#id=" + camera} {
		assert.Contains(t, read(text), "not a camera's label", text)
	}
	u, err := url.Parse(good)
	require.NoError(t, err)
	fields, err := url.ParseQuery(u.Fragment)
	require.NoError(t, err)
	assert.Len(t, fields, 4)
}

// scanScenes are the dialog in its states.
func scanScenes(p *portal) []scene {
	return []scene{
		{"scan-refused", func(g *page) {
			g.camera(browser.PermissionSettingDenied)
			g.open("/signup")
			g.click("#scan-open")
			g.until(`document.querySelector('#scan').dataset.state === 'refused'`)
		}},
		{"scan-looking", func(g *page) {
			g.camera(browser.PermissionSettingGranted)
			g.open("/signup")
			g.click("#scan-open")
			g.until(`document.querySelector('#scan').dataset.state === 'looking'`)
		}},
		{"signup-from-label", func(g *page) {
			camera, code := p.camera()
			g.open(strings.TrimPrefix(p.label(camera, code, credential.NewCode()), p.url))
			g.says("#label-note", "Filled in")
		}},
	}
}

func TestScanLooks(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	checkScenes(p, scanScenes(p))
}

// TestCameraIsForThisSiteOnly: scanning needs the page's camera; no frame of another site gets it.
func TestCameraIsForThisSiteOnly(t *testing.T) {
	t.Parallel()
	answer := newPortal(t).client().get("/signup")
	assert.Equal(t, http.StatusOK, answer.status)
	assert.Contains(t, answer.header.Get("Permissions-Policy"), "camera=(self)")
}
