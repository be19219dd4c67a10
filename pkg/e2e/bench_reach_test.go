//go:build bench

package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// How long the way to a far end takes, there and back.
const farRTT = 100 * time.Millisecond

const reachRuns = 20

// Everything that one end sends and gets, to the portal and to the other end, takes a long way.
func TestBenchRoundTrips(t *testing.T) {
	for _, far := range []string{"viewer", "camera"} {
		t.Run(far, func(t *testing.T) {
			middle := newNamespace(t)
			middle.bridge("lan")
			hosts := map[string]*host{
				"portal": newHost(middle, "port1", "lan"),
				"near":   newHost(middle, "port2", "lan"),
				"far":    longCable(middle, "port3", "lan", farRTT/2),
			}
			for i, name := range []string{"portal", "near", "far"} {
				hosts[name].address = "10.77.0." + itoa(i+1)
				hosts[name].give(hosts[name].address + "/24")
			}
			hosts["viewer"], hosts["camera"] = hosts["near"], hosts["near"]
			hosts[far] = hosts["far"]

			l := newLabOn(t, hosts["portal"])
			c := l.provision()
			c.where = hosts["camera"]
			l.startCamera(c)
			p := newPageIn(t, browserOn(t, hosts["viewer"]))
			p.openAs(l.signUp("owner", c), "/cameras/"+c.id)
			p.await(isLive)
			var times []float64
			for range reachRuns {
				times = append(times, eval[float64](p, clickToFrame))
			}
			name := "click_to_first_displayed_frame_" + far + "_100_ms_away"
			median := reportPercentiles(name, times)
			report(name+"_round_trips", median/ms(farRTT), "RTT")
		})
	}
}

// Addresses change, the camera is cut off, the relay restarts, and the viewer's computer sleeps, over and over.
func TestBenchRecovery(t *testing.T) {
	w := watchFrom(t, restricted, restricted)
	for name, disturb := range map[string]func() float64{
		"viewers_address_changed": func() float64 { return w.gapAfter(func() { w.home.move(w.host) }) },
		"viewers_router_changed":  func() float64 { return w.gapAfter(w.home.readdress) },
		"cameras_address_changed": func() float64 { return w.gapAfter(func() { w.camera.site.move(w.camera.where) }) },
		"cameras_router_changed":  func() float64 { return w.gapAfter(w.camera.site.readdress) },
		"camera_cut_off":          func() float64 { return w.moveAfter(w.camera.where.unplug()) },
		"viewer_asleep": func() float64 {
			w.host.signal(unix.SIGSTOP)
			return w.moveAfter(func() { w.host.signal(unix.SIGCONT) })
		},
	} {
		t.Run(name, func(*testing.T) { repeat(name, disturb) })
	}
	t.Run("relay_restarted", func(t *testing.T) {
		relay := watchFrom(t, symmetric, symmetric)
		repeat("relay_restarted", func() float64 {
			relay.portal.kill()
			return relay.moveWhen(relay.startPortal)
		})
	})
}

func repeat(name string, disturb func() float64) {
	var times []float64
	for range reachRuns {
		times = append(times, disturb())
	}
	reportPercentiles("recovery_"+name, times)
}

// outage is how long an interruption lasts that is repeated: the tests of the same have it last longer.
const outage = 3 * time.Second

// gapAfter is the longest time without a frame after a change, in ms.
func (w *ongoing) gapAfter(change func()) float64 {
	w.t.Helper()
	moment := w.now()
	change()
	w.awaitAdvance(120)
	gap := w.longestGap(moment)
	require.Less(w.t, gap, ms(patience))
	return gap
}

// moveAfter is how soon the picture moves again once an interruption that has begun is over, in ms.
func (w *ongoing) moveAfter(back func()) float64 {
	w.t.Helper()
	w.last(outage)
	return w.moveWhen(back)
}

// moveWhen counts from the moment after back.
func (w *ongoing) moveWhen(back func()) float64 {
	w.t.Helper()
	moment := w.now()
	back()
	took := w.movesSince(moment)
	w.awaitAdvance(60)
	return took
}
