package e2e

import (
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCameraLostAndBackWithoutReload(t *testing.T) {
	l, c, person := newHousehold(t)
	p := newPage(t)
	p.openAs(person, "/cameras/"+c.id)
	p.await(isLive)
	p.awaitAdvance(10)
	loaded := eval[float64](p, `performance.timeOrigin`)

	c.process.kill()
	p.await(`document.querySelector('#player').dataset.state === 'offline'`)
	p.await(`document.body.innerText.includes('connection to the camera was lost')`)
	p.screenshot("offline")

	l.startCamera(c)
	p.await(isLive)
	p.awaitAdvance(10)
	require.InDelta(t, loaded, eval[float64](p, `performance.timeOrigin`), 0, "the page was not reloaded")

	c.process.stop() // a clean end says so
	p.await(`document.body.innerText.includes('shut down')`)
}

// The portal, and with it the embedded broker, restarts while somebody watches: the picture never
// stops, and signalling comes back by itself.
func TestPortalRestartsWhileWatching(t *testing.T) {
	for name, end := range map[string]func(*process){"stopped": (*process).stop, "killed": (*process).kill} {
		t.Run(name, func(t *testing.T) {
			l, c, person := newHousehold(t)
			p := newPage(t)
			p.openAs(person, "/cameras/"+c.id)
			p.await(isLive)
			p.awaitAdvance(10)
			session := eval[string](p, `document.querySelector('#player').dataset.session`)
			eval[bool](p, watchGaps)

			end(l.portal)
			p.awaitAdvance(60)
			l.startPortal()

			p.awaitAdvance(60)
			watcher := person.dial("")
			watcher.awaitStatus(c.id, true)
			p.awaitAdvance(30)

			require.Equal(t, session, eval[string](p, `document.querySelector('#player').dataset.session`), "it is the same view")
			require.Less(t, eval[float64](p, `window.longestGap`), 1500.0, "the picture never stopped (ms)")

			// Signalling is back: a new view can be started from the same page.
			p.click(`#play`)
			p.await(`document.querySelector('#player').dataset.state === 'idle'`)
			p.click(`#play`)
			p.await(isLive)
			p.awaitAdvance(10)
		})
	}
}

// watchGaps notes the longest time between two displayed frames in ms, in window.longestGap, and counts
// them in window.shownFrames.
const watchGaps = `(() => {
	const video = document.querySelector('video');
	let last = performance.now();
	window.longestGap = window.shownFrames = 0;
	const note = () => {
		window.shownFrames++;
		window.longestGap = Math.max(window.longestGap, performance.now() - last);
		last = performance.now();
		video.requestVideoFrameCallback(note);
	};
	video.requestVideoFrameCallback(note);
	return true;
})()`

// Abuse 39: a reconnecting camera whose old connection then closes stays online. The old process is
// frozen, as one whose network went away: its socket stays open until after the new one is connected. The new
// one has a copy of all its files, since two may not have the same.
func TestAbuse39_ReconnectingCameraStaysOnline(t *testing.T) {
	l, c, person := newHousehold(t)
	watcher := person.dial("")
	watcher.awaitStatus(c.id, true)
	for n := range 3 {
		frozen := c.process
		require.NoError(t, frozen.cmd.Process.Signal(syscall.SIGSTOP))
		folder := filepath.Join(t.TempDir(), "camera")
		require.NoError(t, exec.Command("cp", "-a", c.folder, folder).Run())
		c.folder, c.config = folder, filepath.Join(folder, "camerad.yml")
		l.startCamera(c)
		frozen.kill()
		requireWorks(t, person.dial(""), c.id, n+1) // by now the broker has noticed
	}
	for len(watcher.in) > 0 {
		if m := <-watcher.in; m.Presence != nil {
			require.True(t, m.Presence.Online, "shown offline: %s", m.Presence.Text)
		}
	}
}
