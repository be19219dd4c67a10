package web

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
)

// thirdFingerprint is of no camera either.
var thirdFingerprint = strings.TrimSuffix(strings.Repeat("0C:", 32), ":")

// replaced pins one certificate and has the camera report another.
func (p *portal) replaced(camera, before, now string) {
	p.t.Helper()
	p.pin(camera, before)
	p.pin(camera, now) // only the first report is pinned
}

func TestReplacedCameraIsAccepted(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	path := "/cameras/" + camera + "/identity"
	p.pin(camera, otherFingerprint)
	assert.Contains(t, c.get(path).body, `data-state="same"`)
	assert.Contains(t, c.post(path, fields("fingerprint", otherFingerprint, "confirm", "ABABABAB")).body, "not the one that you were shown", "there is nothing to accept")
	p.pin(camera, thirdFingerprint)

	page := c.get(path).body
	for _, fingerprint := range []string{otherFingerprint, thirdFingerprint} {
		for _, group := range credential.FingerprintGroups(fingerprint) {
			assert.Contains(t, page, "<li>"+group+"</li>")
		}
	}
	assert.Contains(t, c.get("/home").body, "another certificate than before")
	refused := c.post(path, fields("fingerprint", thirdFingerprint, "confirm", "ABABABAB"))
	assert.Equal(t, http.StatusUnprocessableEntity, refused.status, "the old one was typed")
	assert.Contains(t, refused.body, "not how the new fingerprint ends")
	assert.Equal(t, http.StatusConflict, c.post(path, fields("fingerprint", otherFingerprint, "confirm", "0C0C0C0C")).status, "the page showed another one")
	assert.Contains(t, c.get(path).body, `data-state="changed"`)

	assert.Equal(t, http.StatusSeeOther, c.post(path, fields("fingerprint", thirdFingerprint, "confirm", "0c0c 0c0c")).status)
	assert.Contains(t, c.get(path).body, `data-state="same"`)
	kept, err := p.store.CameraByID(t.Context(), camera)
	require.NoError(t, err)
	assert.Equal(t, thirdFingerprint, kept.PinnedFingerprint)
	assert.Equal(t, http.StatusConflict, c.post(path, fields("fingerprint", thirdFingerprint, "confirm", "0C0C0C0C")).status, "twice")

	other, _ := p.member("other")
	assert.Equal(t, http.StatusNotFound, other.get(path).status)
	assert.Equal(t, http.StatusNotFound, other.post(path, fields("fingerprint", thirdFingerprint, "confirm", "0C0C0C0C")).status)
}

func TestReplacedCameraIsAcceptedByAPI(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	path := "/cameras/" + camera + "/identity"
	var body identityBody
	c.api(http.MethodGet, path, nil, &body)
	assert.Equal(t, identityBody{}, body)
	p.replaced(camera, otherFingerprint, thirdFingerprint)
	c.api(http.MethodGet, path, nil, &body)
	assert.Equal(t, identityBody{otherFingerprint, thirdFingerprint, true}, body)
	for _, wrong := range []string{"", "0C0C0C0C", otherFingerprint, "x"} {
		assert.Equal(t, http.StatusConflict, c.api(http.MethodPost, path, acceptBody{wrong}, nil).status, wrong)
	}
	assert.Equal(t, http.StatusOK, c.api(http.MethodPost, path, acceptBody{strings.ToLower(thirdFingerprint)}, &body).status)
	assert.Equal(t, identityBody{thirdFingerprint, thirdFingerprint, false}, body)
	other, _ := p.member("other")
	assert.Equal(t, http.StatusNotFound, other.api(http.MethodGet, path, nil, nil).status)
}

// TestLabelIsPinned: the certificate that a label names is pinned, whatever the camera reports.
func TestLabelIsPinned(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, _ := p.member("owner")
	id, code := p.camera()
	p.pin(id, thirdFingerprint) // reported before it was claimed
	wrong := c.post("/cameras/new", fields("camera_id", id, "claim_code", code, "fingerprint", "nonsense"))
	assert.Equal(t, http.StatusUnprocessableEntity, wrong.status)
	claimed := c.post("/cameras/new", fields("camera_id", id, "claim_code", code, "fingerprint", credential.ShortFingerprint(otherFingerprint)))
	require.Equal(t, http.StatusSeeOther, claimed.status, claimed.body)
	var body identityBody
	c.api(http.MethodGet, "/cameras/"+id+"/identity", nil, &body)
	assert.Equal(t, identityBody{otherFingerprint, thirdFingerprint, true}, body)

	id, code = p.camera()
	values := signUpForm("newcomer", id, code)
	values.Set("fingerprint", otherFingerprint)
	fresh := p.client()
	require.Equal(t, http.StatusSeeOther, fresh.post("/signup", values).status)
	p.presence.set(id, online())
	p.pin(id, thirdFingerprint)
	require.Equal(t, http.StatusSeeOther, fresh.post("/setup/confirm", nil).status)
	fresh.api(http.MethodGet, "/cameras/"+id+"/identity", nil, &body)
	assert.Equal(t, identityBody{otherFingerprint, thirdFingerprint, true}, body)

	id, code = p.camera()
	values = signUpForm("giver", id, code)
	values.Set("fingerprint", otherFingerprint)
	giver := p.client()
	require.Equal(t, http.StatusSeeOther, giver.post("/signup", values).status)
	require.Equal(t, http.StatusSeeOther, giver.post("/setup/cancel", nil).status)
	freed, err := p.store.CameraByID(t.Context(), id)
	require.NoError(t, err)
	assert.Empty(t, freed.PinnedFingerprint, "a sign-up that was given up leaves nothing")
}

// TestAbuse29_PortalChangesItsPin: the browser remembers what it has seen, so that a portal or a database
// under someone else's control cannot name another certificate unnoticed.
func TestAbuse29_PortalChangesItsPin(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	fake := newFakeCamera(p)
	p.pin(camera, fake.fingerprint())
	g := p.page().as(c)
	g.open("/cameras/" + camera)
	g.state("live")

	owner, err := p.store.UserByName(t.Context(), "owner")
	require.NoError(t, err)
	hostile := newFakeCamera(p)
	p.pin(camera, hostile.fingerprint())
	require.NoError(t, p.store.AcceptFingerprint(t.Context(), owner.ID, camera, fake.fingerprint(), hostile.fingerprint()))
	p.signals.pushStatus(camera)
	g.state("refused") // while it is watched
	g.open("/cameras/" + camera)
	g.state("refused") // and anew
	assert.Contains(t, g.text("#overlay-text"), "another certificate for this camera than the one that this browser has seen")
	assert.Empty(t, hostile.offered(), "it was not even asked")
	g.click("#identity-link")
	g.arrive("/cameras/" + camera + "/identity")
	g.until(`!document.querySelector('#seen-differs').hidden`)
	groups := credential.FingerprintGroups(fake.fingerprint())
	assert.Equal(t, strings.Join(groups, ""), strings.Join(strings.Fields(g.text("#seen-print")), ""))

	g.fill("#believe", groups[7])
	g.click("#believe-button")
	g.until(`!document.querySelector('#believe-error').hidden`)
	js[any](g, `document.querySelector('#believe').value = ''`)
	g.fill("#believe", strings.ToLower(credential.FingerprintGroups(hostile.fingerprint())[7]))
	g.click("#believe-button")
	g.until(`document.querySelector('#seen-differs').hidden`)
	g.open("/cameras/" + camera)
	g.state("live")
}

// TestAcceptedHere: whoever accepts a replaced camera is not asked again by the browser they did it with.
func TestAcceptedHere(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	p.pin(camera, newFakeCamera(p).fingerprint())
	g := p.page().as(c)
	g.open("/cameras/" + camera)
	g.state("live")
	replaced := newFakeCamera(p)
	p.pin(camera, replaced.fingerprint())
	g.open("/cameras/" + camera)
	g.state("refused")
	g.click("#identity-link")
	g.arrive("/cameras/" + camera + "/identity")
	g.fill("#confirm", credential.FingerprintGroups(replaced.fingerprint())[7])
	g.click("#accept")
	g.until(`location.search === '?done=identity'`)
	g.open("/cameras/" + camera)
	g.state("live")
}

// identityScenes are the page about a camera's certificate in its states.
func identityScenes(p *portal) []scene {
	member, camera := p.member("owner")
	path := "/cameras/" + camera + "/identity"
	return []scene{
		{"identity-none", func(g *page) { g.as(member).open(path) }},
		{"identity-same", func(g *page) {
			p.pin(camera, otherFingerprint)
			g.as(member).open("/login")
			js[any](g, `localStorage.setItem('seccam.camera.`+camera+`', '`+otherFingerprint+`')`)
			g.open(path)
			g.until(`!document.querySelector('#seen-same').hidden`)
		}},
		{"identity-seen-another", func(g *page) {
			g.as(member).open("/login")
			js[any](g, `localStorage.setItem('seccam.camera.`+camera+`', '`+thirdFingerprint+`')`)
			g.open(path)
			g.until(`!document.querySelector('#seen-differs').hidden`)
			g.fill("#believe", "1234")
			g.click("#believe-button")
		}},
		{"identity-changed", func(g *page) {
			g.tolerate("422")
			p.pin(camera, thirdFingerprint)
			g.as(member).open(path)
			g.click("#accept")
			g.until(`document.querySelector('#confirm[aria-invalid]')`)
		}},
		{"home-changed", func(g *page) { g.as(member).open("/home") }},
		{"watch-changed", func(g *page) {
			newFakeCamera(p)
			g.as(member).open("/cameras/" + camera)
			g.state("refused")
		}},
	}
}

func TestIdentityLooks(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	checkScenes(p, identityScenes(p))
}
