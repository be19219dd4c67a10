package web

import (
	"image/color"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
	"seccam/portal/remote"
)

// privacyScenes are the home page's pictures and the privacy card in their states.
func privacyScenes(p *portal) []scene {
	member, camera := p.member("owner")
	garden, shed, hall := p.secondCamera(member, "Garden"), p.secondCamera(member, "Shed, behind the old house"), p.secondCamera(member, "Hall")
	config := configScenes(p, member, shed)
	for _, id := range []string{camera, garden, hall} {
		p.presence.set(id, online())
	}
	settings := func(g *page) { g.as(member).open("/cameras/" + camera + "/settings") }
	ready := `document.getElementById('privacy').dataset.state === 'ready'`
	return append(config, []scene{
		{"home-pictures", func(g *page) {
			p.cameras.set(func(f *fakeCameras) { f.picture = jpegOf(g.t, color.RGBA{R: 70, G: 120, B: 90, A: 255}) })
			g.as(member).open("/home")
			g.until(`document.querySelectorAll('[data-thumb][data-state=shown] > img').length === 3`)
			p.presence.set(garden, privateNow("Privacy mode is on until Monday 07:00"))
			p.presence.set(hall, offline("Offline: the connection to the camera was lost; check its power and network"))
			p.presence.set(shed, offline("Offline: the camera was shut down"))
			g.until(`document.querySelector('[data-thumb][data-state=private]') && document.querySelectorAll('[data-thumb][data-state=offline]').length === 2`)
		}},
		{"settings-private", func(g *page) {
			p.presence.set(camera, privateNow("Privacy mode is on"))
			p.cameras.set(func(f *fakeCameras) { f.settings = signaling.PrivacySettings{On: true} })
			settings(g)
			g.until(ready)
		}},
		{"settings-schedule", func(g *page) {
			p.presence.set(camera, online())
			p.cameras.set(func(f *fakeCameras) {
				f.settings = signaling.PrivacySettings{Zone: "Europe/Berlin", Schedule: []signaling.PrivacySpan{
					{Days: []string{"mon", "tue", "wed", "thu", "fri"}, From: "17:30", To: "21:00"},
					{Days: []string{"sat", "sun"}, From: "22:00", To: "09:00"},
				}}
			})
			settings(g)
			g.until(ready)
		}},
		{"settings-not-saved", func(g *page) {
			g.tolerate("422")
			settings(g)
			g.until(ready)
			js[any](g, `document.querySelectorAll('.span')[1].querySelectorAll('.chip input').forEach((day) => { if (day.checked) day.click() })`)
			g.click("#save-schedule")
			g.until(`document.getElementById('privacy-note').textContent.includes('Not saved')`)
		}},
		{"settings-no-answer", func(g *page) {
			g.tolerate("504")
			p.cameras.set(func(f *fakeCameras) { f.err = remote.ErrNoAnswer })
			settings(g)
			g.until(`document.getElementById('privacy').dataset.state === 'absent'`)
			p.cameras.set(func(f *fakeCameras) { f.err = nil })
		}},
		{"settings-offline", func(g *page) {
			p.presence.set(camera, offline("Offline: the camera was shut down"))
			settings(g)
			g.until(`document.getElementById('privacy').dataset.state === 'absent'`)
		}},
	}...)
}

func TestPrivacyAccessibility(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	checkScenes(p, privacyScenes(p))
	require.Equal(t, http.StatusOK, p.client().get("/healthz").status)
}
