package web

import "testing"

// fleetScenes are the pages about cameras of people's own and about all cameras, in their states.
func fleetScenes(p *portal) []scene {
	owner, _ := p.member("owner")
	return []scene{
		{"enroll", func(g *page) { g.as(owner).open("/cameras/enroll") }},
		{"enroll-made", func(g *page) {
			g.as(owner).open("/cameras/enroll")
			g.click("#make-token")
			g.until(`document.querySelector('#token')`)
		}},
	}
}

func TestFleetAccessibility(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	checkScenes(p, fleetScenes(p))
}
