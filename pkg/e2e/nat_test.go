package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The classes of paths, as the page calls them.
const (
	direct  = "direct"
	relayed = "relayed"
)

// expected is the class of the path between two networks.
func expected(viewer, camera kind) string {
	blocked := func(k kind) bool { return k == udpBlocked || k == only443 }
	cone := func(k kind) bool { return k != symmetric }
	switch {
	case viewer == ipv6Only || camera == ipv6Only:
		if has6(viewer) && has6(camera) {
			return direct
		}
		return relayed
	case byTCP(viewer, camera):
		return direct
	case blocked(viewer) || blocked(camera):
		return relayed
	case cone(viewer) && cone(camera) || easy(viewer) || easy(camera):
		return direct
	}
	return relayed
}

// byTCP tells whether the camera is reached by TCP alone, which it takes and does not try itself.
func byTCP(viewer, camera kind) bool { return viewer == udpBlocked && camera == openNet }

// has6 tells whether a network has IPv6.
func has6(k kind) bool { return k == openNet || k == ipv6Only }

// easy tells whether a network lets anyone in, whatever the other does.
func easy(k kind) bool { return k == openNet || k == fullCone }

// sameLAN is a viewer beside the camera, behind its router.
const sameLAN kind = "same LAN"

// pair is a viewer's and a camera's kind of network.
type pair struct{ viewer, camera kind }

// somePairs represent all.
var somePairs = []pair{
	{sameLAN, restricted}, {openNet, openNet}, {restricted, restricted}, {symmetric, symmetric},
	{udpBlocked, openNet}, {only443, symmetric}, {ipv6Only, restricted},
}

func allPairs() []pair {
	pairs := []pair{{sameLAN, restricted}}
	for _, viewer := range kinds {
		for _, camera := range kinds {
			pairs = append(pairs, pair{viewer, camera})
		}
	}
	return pairs
}

// seen is what a pair came to.
type seen struct {
	path   string
	before []string // other paths that were seen
	first  float64  // ms from the click to the first frame
}

func (s seen) String() string {
	if s.path == "" {
		return "NONE"
	}
	return fmt.Sprintf("%s %.2f s", s.path, s.first/1000)
}

// A view works between any two networks, direct where that is possible, and else relayed.
func TestNetworks(t *testing.T) {
	n := newNATLab(t, "")
	pairs := somePairs
	if allNetworks() {
		pairs = allPairs()
	}
	cameras := map[kind]*watched{}
	views := map[kind][]kind{}
	for _, p := range pairs {
		if cameras[p.camera] == nil {
			cameras[p.camera] = n.newCamera(p.camera)
		}
		views[p.viewer] = append(views[p.viewer], p.camera)
	}
	results := map[pair]seen{}
	for _, viewer := range append([]kind{sameLAN}, kinds...) {
		if len(views[viewer]) > 0 {
			n.tryNetwork(viewer, views[viewer], cameras, results)
		}
	}
	t.Logf("click to first frame, viewers in rows, cameras in columns:\n%s", table(results))
}

// tryNetwork has a viewer in a network of a kind watch cameras in others.
func (n *natLab) tryNetwork(viewer kind, to []kind, cameras map[kind]*watched, results map[pair]seen) {
	n.t.Run(string(viewer), func(t *testing.T) {
		var home *site
		if viewer == sameLAN {
			home = cameras[to[0]].site
		} else {
			home = n.internet.newSite(t, viewer)
		}
		browser := n.browser(t, home.host(t))
		for _, camera := range to {
			t.Run(string(camera), func(t *testing.T) {
				p := pair{viewer, camera}
				results[p] = seen{}
				want := direct
				if viewer != sameLAN {
					want = expected(viewer, camera)
				}
				results[p] = watchPath(t, browser, cameras[camera], want)
				require.Equal(t, want, results[p].path)
				if byTCP(viewer, camera) {
					return // the relay is found sooner, and left
				}
				if want == relayed || easy(viewer) || easy(camera) {
					require.Empty(t, results[p].before, "the path changed")
				} // else the relay may be found sooner than the way through two routers, and is left then
				require.Less(t, results[p].first, 3000.0, "ms from the click to the first frame")
			})
		}
	})
}

// watchPath opens a view, and returns its paths and how soon the picture came.
func watchPath(t *testing.T, browser context.Context, w *watched, want string) seen {
	t.Helper()
	p := traced(t, newPageIn(t, browser))
	p.openAs(w.person, "/cameras/"+w.id)
	p.await(isLive)
	eval[bool](p, notePaths)
	p.awaitAdvance(30)
	p.await(`window.paths.at(-1) === '` + want + `'`)
	paths := eval[[]string](p, `window.paths`)
	return seen{paths[len(paths)-1], paths[:len(paths)-1], eval[float64](p, `performance.getEntriesByName('seccam:first-frame')[0].startTime -
		performance.getEntriesByName('seccam:click')[0].startTime`)}
}

// notePaths collects the classes of paths that the page shows, in window.paths.
const notePaths = `(() => {
	const player = document.querySelector('#player');
	window.paths = [];
	const note = () => {
		const { path } = player.dataset;
		if (path && path !== window.paths.at(-1)) window.paths.push(path);
	};
	note();
	new MutationObserver(note).observe(player, { attributeFilter: ['data-path'] });
	return true;
})()`

// table is for people, and for docs/network.md.
func table(results map[pair]seen) string {
	var out strings.Builder
	row := func(first kind, cell func(kind) string) {
		fmt.Fprintf(&out, "| %-15s", first)
		for _, camera := range kinds {
			fmt.Fprintf(&out, " | %-15s", cell(camera))
		}
		out.WriteString(" |\n")
	}
	row("viewer \\ camera", func(k kind) string { return string(k) })
	row(kind(strings.Repeat("-", 15)), func(kind) string { return strings.Repeat("-", 15) })
	for _, viewer := range append([]kind{sameLAN}, kinds...) {
		row(viewer, func(camera kind) string {
			if result, ok := results[pair{viewer, camera}]; ok {
				return result.String()
			}
			return ""
		})
	}
	return out.String()
}
