package web

import (
	"fmt"

	"github.com/stretchr/testify/require"
)

// configScenes are the page of what a camera is set to from afar in its states, one after the other.
func configScenes(p *portal, owner *client, camera string) []scene {
	path := "/cameras/" + camera + "/config"
	outcome := func(g *page, want string) {
		g.until(fmt.Sprintf(`document.getElementById('config').dataset.outcome === %q`, want))
	}
	desired := func() uint64 {
		state, err := p.configs.State(p.t.Context(), camera)
		require.NoError(p.t, err)
		return state.Revision
	}
	return []scene{
		{"config-wrong", func(g *page) {
			g.tolerate("422")
			p.presence.set(camera, online())
			p.report(camera, `"revision":0,"set":{},`+reportedValues)
			g.as(owner).open(path)
			g.fill("[name='video.width']", "641")
			g.fill("[name='video.fps']", "15")
			g.click("#save")
			g.until(`document.querySelector('#wrong')`)
		}},
		// What the camera makes of it comes to the page that waits, and takes nothing from its form.
		{"config-refused", func(g *page) {
			g.as(owner).open(path)
			g.fill("[name='video.width']", "640")
			g.fill("[name='video.key_frame_interval']", "2.5")
			g.click("#save")
			outcome(g, "pending")
			g.fill("[name='video.fps']", "12")
			p.report(camera, fmt.Sprintf(`"revision":0,"set":{},`+reportedValues+`,"refused":{"revision":%d,"reasons":{"video":"The source gave no picture so within 12s, and is as it was: v4l2: 640x720 is none of its sizes"}}`, desired()))
			outcome(g, "refused")
			require.Equal(g.t, "12", js[string](g, `document.getElementById('video.fps').value`))
			require.Contains(g.t, g.text("#said"), "refused")
			g.shown("#stale", false)
		}},
		{"config-applied", func(g *page) {
			p.presence.set(camera, offline("Offline: the camera was shut down"))
			g.as(owner).open(path)
			p.report(camera, fmt.Sprintf(`"revision":%d,"set":{},`+reportedValues, desired()))
			outcome(g, "applied")
			g.shown("#stale", false)
		}},
		{"config-stale", func(g *page) {
			g.tolerate("409")
			g.as(owner).open(path)
			user, err := p.store.UserByName(p.t.Context(), "owner")
			require.NoError(p.t, err)
			_, err = p.configs.Set(p.t.Context(), user.ID, camera, nil, map[string]any{"video.width": 1920.0, "max_viewers": 4.0})
			require.NoError(p.t, err)
			g.shown("#stale", true)
			g.click("#save")
			g.until(`document.querySelector('.other')`)
		}},
	}
}
