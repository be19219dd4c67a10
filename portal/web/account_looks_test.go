package web

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// accountScenes covers the pages about one's own account.
func accountScenes(p *portal) []scene {
	var list []scene
	add := func(name string, open func(g *page)) { list = append(list, scene{name, open}) }
	member, _ := p.member("owner")
	add("account", func(g *page) {
		phone := p.client()
		phone.head.Set("User-Agent", "Mozilla/5.0 (Linux; Android 13; Pixel 7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Mobile Safari/537.36")
		require.Equal(p.t, http.StatusSeeOther, phone.post("/login", fields("username", "owner", "password", password)).status)
		g.as(member).open("/account")
	})
	add("account-proof", func(g *page) { g.as(member).open("/account/proof") })
	return list
}

func TestAccountLooks(t *testing.T) {
	p := newPortal(t)
	checkScenes(p, accountScenes(p))
}
