package web

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/portal/store"
)

// fleetScenes are the pages about cameras of people's own and about all cameras, in their states.
func fleetScenes(p *portal) []scene {
	owner, camera := p.member("owner")
	p.admin(owner, "owner")
	_, other := p.member("somebody-with-a-long-name")
	p.presence.set(other, offline("Offline: the camera was shut down"))
	var batch []store.NewCamera
	for range 60 {
		id, _ := newOne()
		batch = append(batch, store.NewCamera{ID: id, ClaimHash: []byte(id)})
	}
	require.NoError(p.t, p.store.ProvisionBatch(p.t.Context(), store.Operator{}, "2026-11 garden", batch))
	_, err := p.store.RevokeKey(p.t.Context(), store.Operator{Name: "admin token Factory", Address: "192.0.2.7"}, camera)
	require.NoError(p.t, err)
	require.NoError(p.t, p.store.SaveVitals(p.t.Context(), aDay(camera, p.clock.now())))
	p.report(camera, `"revision":0,"set":{},`+reportedValues)
	return []scene{
		{"enroll", func(g *page) { g.as(owner).open("/cameras/enroll") }},
		{"enroll-made", func(g *page) {
			g.as(owner).open("/cameras/enroll")
			g.click("#make-token")
			g.until(`document.querySelector('#token')`)
		}},
		{"fleet", func(g *page) { g.as(owner).open("/admin?sort=-claimed") }},
		{"fleet-nothing", func(g *page) { g.as(owner).open("/admin?q=nothing&online=true") }},
		{"fleet-wrong", func(g *page) {
			g.tolerate("422")
			g.as(owner).open("/admin?page=x")
		}},
		{"fleet-camera", func(g *page) {
			g.as(owner).open("/admin/cameras/" + camera)
			g.until(`document.querySelectorAll('#charts svg').length === 4`)
			at := p.clock.now().UTC()
			require.NoError(p.t, p.store.SaveVitals(p.t.Context(), store.Vitals{Events: []store.CameraEvent{{CameraID: camera, At: at, Kind: "restart", Text: "live"}}}))
			g.until(`document.querySelector('#events li:first-child .what').textContent.includes('live')`)
		}},
		{"fleet-camera-silent", func(g *page) { g.as(owner).open("/admin/cameras/" + other) }},
	}
}

// aDay is what a camera measured, with a gap, and what happened.
func aDay(camera string, now time.Time) store.Vitals {
	v := store.Vitals{Versions: map[string]string{camera: "1.4.0"}}
	for i := range 140 {
		if i > 60 && i < 75 {
			continue
		}
		at := now.UTC().Truncate(10 * time.Minute).Add(time.Duration(i-139) * 10 * time.Minute)
		v.Samples = append(v.Samples, store.Sample{
			CameraID: camera, At: at, FPS: 29 + math.Sin(float64(i)), Bitrate: 1.5e6 + 4e5*math.Sin(float64(i)/9), Viewers: i / 20 % 4,
			Temperature: 50 + 9*math.Sin(float64(i)/30),
		})
	}
	for i, text := range []string{"camerad 1.4.0 has started", "no picture: the camera's cable seems to be unplugged", "there is a picture again"} {
		v.Events = append(v.Events, store.CameraEvent{CameraID: camera, At: now.UTC().Add(time.Duration(i-9) * time.Hour), Kind: []string{"started", "source_lost", "source_back"}[i], Text: text})
	}
	return v
}

func TestFleetAccessibility(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	checkScenes(p, fleetScenes(p))
}
