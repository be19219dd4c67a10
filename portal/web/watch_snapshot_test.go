package web

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestSnapshotOfTheCamera saves the camera's own picture, of whatever size.
func TestSnapshotOfTheCamera(t *testing.T) {
	t.Parallel()
	_, fake, g, _ := controlling(t, noControls)
	g.until(`!document.getElementById('snapshot').disabled && performance.getEntriesByType('resource').some((e) => e.name.endsWith('/remote.js'))`)
	photo := bytes.Repeat([]byte("photo "), 20_000)
	g.click("#snapshot")
	assert.JSONEq(t, `{"type":"snapshot"}`, fake.waitToHear(1, "snapshot")[0])
	fake.control.photo(photo, len(photo), "image/jpeg")
	g.until(`spied.saved.length === 1`)
	assert.Regexp(t, `^Camera-[0-9A-Z]{5}-\d{4}-\d\d-\d\dT\d{6}Z\.jpg image/jpeg 120000$`, js[string](g, `spied.saved[0]`))
	assert.True(t, js[bool](g, `spied.blob.text().then((text) => text === 'photo '.repeat(20_000))`))

	fallback := func(n int, about string) {
		t.Helper()
		g.until(fmt.Sprintf(`spied.saved.length === %d`, n))
		saved := js[string](g, fmt.Sprintf(`spied.saved[%d]`, n-1))
		assert.NotContains(t, saved, " 120000", about)
		assert.Contains(t, saved, ".jpg image/jpeg", about)
	}
	g.click("#snapshot")
	fake.waitToHear(2, "snapshot")
	fake.control.say(`{"type":"error","about":"snapshot","message":"The camera has no picture."}`)
	fallback(2, "refused")
	g.click("#snapshot")
	fake.waitToHear(3, "snapshot")
	fake.control.photo(photo, len(photo)-1, "image/jpeg")
	fallback(3, "more than announced")
	g.click("#snapshot")
	fake.waitToHear(4, "snapshot")
	fake.control.photo(photo, len(photo), "text/html")
	fallback(4, "not a picture")
	g.click("#snapshot")
	fake.waitToHear(5, "snapshot")
	fake.control.photo(photo[:partSize], len(photo), "image/jpeg")
	fallback(5, "an end that never comes")
}

// TestOlderCamera has a camera that opens the channel and says nothing, one that refuses it, and one
// without sound.
func TestOlderCamera(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*fakeCamera){
		"silent":   func(*fakeCamera) {},
		"refusing": func(c *fakeCamera) { c.change = refuseChannel },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPortal(t)
			c, camera := p.member("owner")
			fake := newFakeCamera(p)
			fake.soundless = true
			change(fake)
			g := p.page().as(c)
			g.beforeEachPage(spies)
			g.open("/cameras/" + camera)
			g.state("live")
			g.plays()
			g.click("#snapshot")
			g.until(`spied.saved.length === 1`)
			for _, id := range []string{"panel", "talk", "stat-quality"} {
				assert.False(t, js[bool](g, fmt.Sprintf(`document.getElementById(%q).checkVisibility()`, id)), id)
			}
			assert.True(t, js[bool](g, `document.getElementById('mute').disabled`))
			assert.Equal(t, "This camera sends no sound", js[string](g, `document.getElementById('mute').title`))
			assert.Zero(t, js[int](g, `performance.getEntriesByType('resource').filter((e) => /remote|panel|talk/.test(e.name)).length`), "loaded for nothing")
			assert.Len(t, fake.offered(), 1)
		})
	}
}

// refuseChannel makes an answer the one of a camera that knows no data channels.
func refuseChannel(sdp string) string {
	lines := strings.Split(sdp, "\r\n")
	application := false
	mid := ""
	for i, line := range lines {
		if strings.HasPrefix(line, "m=") {
			application = strings.HasPrefix(line, "m=application")
		}
		if application && strings.HasPrefix(line, "m=") {
			lines[i] = strings.Replace(line, " 9 ", " 0 ", 1)
		}
		if application && strings.HasPrefix(line, "a=mid:") {
			mid = strings.TrimPrefix(line, "a=mid:")
		}
	}
	for i, line := range lines {
		if strings.HasPrefix(line, "a=group:BUNDLE") {
			lines[i] = strings.Replace(line, " "+mid, "", 1)
		}
	}
	return strings.Join(lines, "\r\n")
}
