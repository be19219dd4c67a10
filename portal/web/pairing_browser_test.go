package web

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/pkg/signaling"
)

// TestPairingProofVector: paired.js computes what camerad/pairing does; the values are those of its test.
func TestPairingProofVector(t *testing.T) {
	t.Parallel()
	g := newPortal(t).page()
	g.open("/login")
	meeting := fmt.Sprintf(`{camera: '0123456789abcdefghjk', device: %q, own: %q,
		cameraNonce: new TextEncoder().encode('c'.repeat(32)), deviceNonce: new TextEncoder().encode('d'.repeat(32))}`,
		credential.FingerprintOf([]byte("device")), credential.FingerprintOf([]byte("camera")))
	hex := `.then((b) => [...b].map((v) => v.toString(16).padStart(2, '0')).join(''))`
	const device, camera = "8414cfea23b14353228a334d0204afc7cacb78ff808e27d0ce829554edfdd684", "2e5357e8652a69904ec653ec874664e265ea3ae1c7eff135d6a015274d75472c"
	assert.Equal(t, device, module[string](g, "paired.js", `m.prove('abcdefghjkmnpqrstvw0', 'device', `+meeting+`)`+hex))
	assert.Equal(t, camera, module[string](g, "paired.js", `m.prove('abcdefghjkmnpqrstvw0', 'camera', `+meeting+`)`+hex))
	verify := func(end, proof string) bool {
		return module[bool](g, "paired.js", fmt.Sprintf(`m.proves('abcdefghjkmnpqrstvw0', %q, %s, Uint8Array.from(%q.match(/../g), (h) => parseInt(h, 16)))`, end, meeting, proof))
	}
	assert.True(t, verify("camera", camera))
	assert.False(t, verify("camera", device), "a reflected one")
	assert.False(t, verify("camera", "00"))
	assert.Equal(t, "2PVT1PDCR8D0S9X79P8A", module[string](g, "paired.js", fmt.Sprintf(`m.deviceCode('0123456789abcdefghjk', %q)`, credential.FingerprintOf([]byte("device")))))
}

// TestCameraThatCannotProveItself: whoever answers as the camera and does not know the code is found out by
// the page, and nothing of it is kept.
func TestCameraThatCannotProveItself(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	p.presence.set(camera, online())
	fake := newFakeCamera(p)
	fake.pairing = func(say func(string), message map[string]any) {
		switch message["type"] {
		case "":
			say(strangersHello)
		case "pair":
			say(`{"type":"done","about":"pair","proof":"` + strings.Repeat("A", 43) + `="}`)
		}
	}
	g := p.page().as(c)
	g.open("/cameras/" + camera + "/pairing")
	g.state("unpaired")
	assert.Equal(t, 0, js[int](g, `document.querySelectorAll('form:not([action="/logout"])').length`), "the code is in no form")
	assert.False(t, js[bool](g, `document.getElementById('pairing-code').hasAttribute('name')`))
	g.fill("#pairing-code", "nonsense")
	g.click("#pair")
	g.says("#pairing-code-error", "does not look right")
	js[any](g, `document.getElementById('pairing-code').value = ''`)
	code := credential.NewCode()
	g.fill("#pairing-code", credential.FormatCode(code))
	g.click("#pair")
	g.says("#pairing-code-error", "does not know the pairing code")
	assert.Empty(t, js[string](g, `Object.keys(localStorage).join()`), "neither a certificate nor that it is paired")
	assert.NotContains(t, p.log.String(), code)
	for _, m := range fake.offersSDP() {
		assert.NotContains(t, m, "m=video", "no picture is asked for")
	}
}

// TestUnpairedIsToldSo: the refusal says what to do, and a cut-off view does not try again by itself.
func TestUnpairedIsToldSo(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	p.presence.set(camera, online())
	fake := newFakeCamera(p)
	g := p.page().as(c)
	g.open("/cameras/" + camera)
	g.state("live")
	fake.bye(signaling.ReasonUnpaired)
	g.state("refused")
	assert.Contains(t, g.text("#overlay-text"), "not one of them")
	fake.setRefusal(&signaling.Error{Code: signaling.CodeUnpaired, Message: "x"})
	g.open("/cameras/" + camera)
	g.state("refused")
	assert.Contains(t, g.text("#overlay-text"), "Only devices that are paired")
	g.click("#pairing-link")
	g.arrive("/cameras/" + camera + "/pairing")
	g.state("failed")
}

func TestUnpairedProgramsAreToldSo(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	p.presence.set(camera, online())
	p.cameras.set(func(f *fakeCameras) {
		f.err = &signaling.Error{Code: signaling.CodeUnpaired, Message: "Only paired ones."}
	})
	answer := c.api(http.MethodPost, "/cameras/"+camera+"/snapshot", map[string]any{"key": publicKey(t)}, nil)
	assert.Equal(t, http.StatusConflict, answer.status)
	assert.Contains(t, answer.body, "only-paired-devices")
	require.Equal(t, http.StatusForbidden, watchProblem(&signaling.Error{Code: signaling.CodeUnpaired}).(problem).Status)
}

// pairingScenes are the page of paired devices in its states.
func pairingScenes(p *portal) []scene {
	member, camera := p.member("owner")
	path := "/cameras/" + camera + "/pairing"
	hello := func(word string) {
		p.presence.set(camera, online())
		fake := newFakeCamera(p)
		fake.pairing = func(say func(string), message map[string]any) {
			if message["type"] == "" {
				say(strings.ReplaceAll(word, "\n", ""))
			} else {
				say(fmt.Sprintf(`{"type":"error","about":%q,"message":"The camera's disk is full."}`, message["type"]))
			}
		}
	}
	return []scene{
		{"pairing-offline", func(g *page) {
			p.presence.set(camera, offline("Offline: the camera was shut down"))
			g.as(member).open(path)
			g.state("offline")
		}},
		{"pairing-asking", func(g *page) {
			p.presence.set(camera, online())
			p.signals.setHandler(nil)
			g.as(member).open(path)
			g.state("asking")
		}},
		{"pairing-failed", func(g *page) {
			p.presence.set(camera, online())
			newFakeCamera(p).setRefusal(&signaling.Error{Code: signaling.CodeBusy, Message: "Others are pairing their devices with this camera. Try again in a moment."})
			g.as(member).open(path)
			g.state("failed")
		}},
		{"pairing-unpaired", func(g *page) {
			hello(strangersHello)
			g.as(member).open(path)
			g.state("unpaired")
			g.fill("#pairing-code", "1234")
			g.click("#pair")
		}},
		{"pairing-paired", func(g *page) {
			hello(pairedHello)
			g.as(member).open(path)
			g.state("paired")
			g.click("#devices li:last-child button")
			g.click("#only")
			g.says("#only-note", "disk is full")
			g.click("#pairing + * ~ details summary")
		}},
		{"watch-unpaired", func(g *page) {
			p.presence.set(camera, func() signaling.Presence { o := online(); o.OnlyPaired = true; return o }())
			newFakeCamera(p).setRefusal(&signaling.Error{Code: signaling.CodeUnpaired, Message: "x"})
			g.as(member).open("/cameras/" + camera)
			g.state("refused")
		}},
		{"home-paired", func(g *page) { g.as(member).open("/home") }},
	}
}

func TestPairingLooks(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	checkScenes(p, pairingScenes(p))
}

// offersSDP lists the SDP of every offer.
func (c *fakeCamera) offersSDP() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.sdps...)
}

// TestCertificateIsRenewed: while a paired browser watches, the certificate by which the camera knows it is replaced
// long before it expires; what the camera was told is what is kept and used from then on.
func TestCertificateIsRenewed(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	p.presence.set(camera, online())
	fake := newFakeCamera(p)
	announced := make(chan string, 4)
	fake.pairing = func(say func(string), message map[string]any) {
		switch message["type"] {
		case "":
			say(strings.ReplaceAll(pairedHello, "\n", ""))
		case "renew":
			announced <- message["fingerprint"].(string)
			say(`{"type":"done","about":"renew"}`)
		}
	}
	g := p.page().as(c)
	g.open("/login")
	keep := func(days int) {
		module[any](g, "own.js", fmt.Sprintf(`RTCPeerConnection.generateCertificate({ name: 'ECDSA', namedCurve: 'P-256', expires: %d * 86400000 })
			.then((certificate) => m.keepRecord({ camera: %q, certificate, paired: true }))`, days, camera))
	}
	kept := func() string {
		return module[string](g, "own.js", fmt.Sprintf(`m.ownRecord(%q).then((r) => r.certificate.getFingerprints()[0].value.toUpperCase())`, camera))
	}
	keep(300)
	fresh := kept()
	g.open("/cameras/" + camera)
	g.state("live")
	assert.Contains(t, strings.ToUpper(fake.lastOffer()), "SHA-256 "+fresh, "a paired browser watches by its certificate")
	assert.Empty(t, announced, "it is good for long")

	keep(200)
	before := kept()
	g.open("/cameras/" + camera)
	g.state("live")
	g.until(fmt.Sprintf(`import(%q).then((m) => m.ownRecord(%q)).then((r) => r.certificate.expires - Date.now() > 360 * 86400000)`, p.assetURL("own.js"), camera))
	after := kept()
	assert.NotEqual(t, before, after)
	assert.Equal(t, after, <-announced)
	g.open("/cameras/" + camera)
	g.state("live")
	assert.Contains(t, strings.ToUpper(fake.lastOffer()), "SHA-256 "+after)
}

// TestPairingPageComesBack: without the portal, and without the camera, the page says so and goes on by itself.
func TestPairingPageComesBack(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	p.presence.set(camera, online())
	fake := newFakeCamera(p)
	fake.pairing = func(say func(string), message map[string]any) {
		if message["type"] == "" {
			say(strangersHello)
		}
	}
	g := p.page().as(c)
	g.tolerate("WebSocket", "503")
	p.signals.setRefuse(true)
	g.open("/cameras/" + camera + "/pairing")
	g.says("#trouble-text", "portal cannot be reached")
	p.signals.setRefuse(false)
	g.state("unpaired")

	fake.drop() // without a word
	p.presence.set(camera, offline("Offline: the camera was shut down"))
	g.open("/cameras/" + camera + "/pairing")
	g.state("offline")
	p.presence.set(camera, online())
	g.state("unpaired")
}
