package web

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

// sharingScenes are the pages of sharing in their states.
func sharingScenes(f *family) []scene {
	p := f.portal
	alone, own := p.member("lee")
	sharing := "/cameras/" + f.camera + "/sharing"
	var secret string
	return []scene{
		{"sharing-empty", func(g *page) { g.as(alone).open("/cameras/" + own + "/sharing") }},
		{"sharing", func(g *page) {
			f.owner.post("/groups", url.Values{"name": {"Outside"}, "cameras": {f.camera}})
			f.owner.post("/cameras/"+f.camera+"/shares", fields("username", "grandma", "share_days", "7", "talk", "on",
				"zone", "Europe/Berlin", "hours.0.days", "mon", "hours.0.from", "09:00", "hours.0.to", "17:00"))
			f.owner.post("/cameras/"+f.camera+"/shares", fields("note", "The neighbours opposite"))
			_, secret = f.guestLink(24 * time.Hour)
			f.enter(secret).get("/guest/watch")
			g.as(f.owner).open(sharing)
			g.click("#guest-list summary")
		}},
		{"sharing-made", func(g *page) {
			g.as(f.owner).open(sharing)
			g.fill("#guest_name", "Sitter")
			g.click("#create-guest")
			g.until(`document.querySelector('#link')`)
		}},
		{"sharing-errors", func(g *page) {
			g.tolerate("422")
			g.as(f.owner).open(sharing)
			g.click("#share-form summary")
			g.fill("[name='hours.0.from']", "")
			g.click("[name='hours.0.days'] + span")
			g.click("#share")
			g.until(`document.querySelector('#share-form .error:not([hidden])')`)
		}},
		{"share", func(g *page) { g.as(f.owner).open("/cameras/" + f.camera + "/shares/" + f.share) }},
		{"groups", func(g *page) { g.as(f.owner).open("/groups") }},
		{"groups-empty", func(g *page) { g.as(alone).open("/groups") }},
		{"group", func(g *page) {
			id := between(g.t, f.owner.get("/groups").body, `data-group="`, `"`)
			g.as(f.owner).open("/groups/" + id)
		}},
		{"home-shared", func(g *page) {
			f.owner.post("/cameras/"+f.camera+"/shares", fields("username", "kim", "zone", "Europe/Berlin", "hours.0.days", "mon", "hours.0.from", "09:00", "hours.0.to", "17:00"))
			garden := p.secondCamera(f.owner, "Garden, behind the shed")
			closed := signaling.Days[(int(time.Now().UTC().Weekday())+2)%7]
			other := &family{portal: p, owner: f.owner, camera: garden}
			other.shareWith(f.viewer, object{"username": "kim", "zone": "UTC", "hours": []object{{"days": []string{closed}, "from": "12:00", "to": "12:30"}}})
			f.owner.post("/cameras/"+p.secondCamera(f.owner, "Old one")+"/transfer", fields("username", "kim"))
			g.as(f.viewer).open("/home")
		}},
		{"transfer", func(g *page) {
			f.owner.post("/cameras/"+f.camera+"/transfer", fields("username", "grandma"))
			g.as(f.owner).open("/cameras/" + f.camera + "/transfer")
		}},
		{"invite-nobody", func(g *page) { g.open("/invite#invite_" + "aaaaaaaaaaaaaaaaaaaaaaaaaa") }},
		{"invite", func(g *page) {
			var share shareBody
			f.owner.api(http.MethodPost, "/cameras/"+f.camera+"/shares", object{"note": "x"}, &share)
			u, err := url.Parse(share.Link)
			require.NoError(g.t, err)
			g.as(f.viewer).open("/invite#" + u.Fragment)
			g.until(`document.querySelector('#accept')`)
		}},
		{"audit", func(g *page) { g.as(f.owner).open("/cameras/" + f.camera + "/audit") }},
		{"audit-nothing", func(g *page) { g.as(f.owner).open("/account/audit?to=2020-01-01") }},
		{"tokens-none", func(g *page) { g.as(f.owner).open("/account/tokens") }},
		{"tokens-make", func(g *page) {
			g.tolerate("422")
			g.as(f.owner).open("/account/tokens/new")
			g.fill("#name", "Script")
			g.click("#create-token")
			g.until(`document.querySelector('#scopes .error')`)
		}},
		{"tokens-made", func(g *page) {
			g.as(f.owner).open("/account/tokens/new")
			g.fill("#name", "Script")
			g.click("#scopes input")
			g.click("#create-token")
			g.until(`document.querySelector('#token')`)
		}},
		{"guest-incomplete", func(g *page) {
			g.open("/guest")
			g.shown("#no-secret", true)
		}},
		{"guest-watch", func(g *page) {
			newFakeCamera(p)
			g.open("/guest#" + secret)
			g.state("live")
			require.Empty(g.t, js[string](g, `location.hash`))
		}},
		{"guest-ended", func(g *page) {
			g.tolerate("410")
			g.open("/guest#guest_aaaaaaaaaaaaaaaaaaaaaaaaaa")
			g.until(`document.body.textContent.includes('does not work any more')`)
		}},
	}
}

func TestSharingAccessibility(t *testing.T) {
	t.Parallel()
	f := newFamily(t)
	f.presence.set(f.camera, online())
	checkScenes(f.portal, sharingScenes(f))
}
