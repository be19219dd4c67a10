package web

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
	"seccam/portal/remote"
)

// privacyCard opens the settings of a member's camera, and waits until the card knows.
func privacyCard(t *testing.T, settings signaling.PrivacySettings) (*portal, *page, string) {
	t.Helper()
	p := newPortal(t)
	c, camera := p.member("owner")
	p.cameras.set(func(f *fakeCameras) { f.settings = settings })
	g := p.page().as(c)
	g.open("/cameras/" + camera + "/settings")
	g.cardIs("ready")
	return p, g, camera
}

func (g *page) cardIs(state string) {
	g.t.Helper()
	g.until(fmt.Sprintf(`document.getElementById('privacy').dataset.state === %q`, state))
}

// savedAs waits until the camera has the settings.
func (p *portal) savedAs(want signaling.PrivacySettings) {
	p.t.Helper()
	require.Eventually(p.t, func() bool { return assert.ObjectsAreEqual(want, p.cameras.saved()) }, waitDeadline, 10*time.Millisecond,
		"wanted %+v, the camera has %+v", want, p.cameras.saved())
}

// inSpan sets a field of a row of the schedule as a person does.
func (g *page) inSpan(row int, field, value string) {
	g.t.Helper()
	js[any](g, fmt.Sprintf(`(() => {
		const input = document.querySelectorAll('.span')[%d].querySelector('[data-%s]');
		input.value = %q;
		input.dispatchEvent(new Event('input', { bubbles: true }));
	})()`, row, field, value))
}

var evenings = signaling.PrivacySettings{Zone: "America/New_York", Schedule: []signaling.PrivacySpan{
	{Days: []string{"mon", "tue"}, From: "18:00", To: "22:30"}, {Days: []string{"sun"}, From: "22:00", To: "07:00"},
}}

// The switch counts at once and leaves the schedule alone.
func TestPrivacySwitch(t *testing.T) {
	t.Parallel()
	p, g, camera := privacyCard(t, evenings)
	assert.Equal(t, "Privacy mode is off until 18:00", g.text("#privacy-state"))
	g.click("#privacy-on")
	on := evenings
	on.On = true
	p.savedAs(on)
	g.says("#privacy-note", "Saved.")
	assert.Equal(t, "Privacy mode is on", g.text("#privacy-state"))
	assert.Equal(t, "true", js[string](g, `document.getElementById('privacy-state').dataset.active`))
	p.presence.set(camera, privateNow("Privacy mode is on"))
	g.until(`document.querySelector('[data-presence]').dataset.state === 'private'`)
	g.click("#privacy-on")
	p.savedAs(evenings)
	g.says("#privacy-state", "Privacy mode is off")
	assert.Equal(t, http.StatusOK, p.client().get("/healthz").status)
}

func TestScheduleEditor(t *testing.T) {
	t.Parallel()
	p, g, _ := privacyCard(t, signaling.PrivacySettings{})
	assert.False(t, js[bool](g, `document.getElementById('save-schedule').checkVisibility()`), "there is nothing to save")
	g.click("#add-span")
	assert.Equal(t, js[string](g, `Intl.DateTimeFormat().resolvedOptions().timeZone`), js[string](g, `document.getElementById('zone').value`), "the browser's own")
	g.says("#privacy-note", "Not saved yet")
	g.says(".span", "Until 07:00 on the next day.")
	g.inSpan(0, "from", "09:00")
	g.inSpan(0, "to", "17:00")
	g.until(`document.querySelector('.span [data-next]').hidden`)
	for _, day := range []string{"sat", "sun"} {
		g.click(fmt.Sprintf(".span .chip:has([value=%s])", day))
	}
	js[any](g, `(() => { const zone = document.getElementById('zone'); zone.value = 'Asia/Tokyo'; zone.dispatchEvent(new Event('change', { bubbles: true })) })()`)
	g.click("#save-schedule")
	work := signaling.PrivacySpan{Days: []string{"mon", "tue", "wed", "thu", "fri"}, From: "09:00", To: "17:00"}
	p.savedAs(signaling.PrivacySettings{Zone: "Asia/Tokyo", Schedule: []signaling.PrivacySpan{work}})
	g.says("#privacy-note", "Saved.")

	g.click("#add-span")
	g.inSpan(1, "to", "22:00")
	g.says(".span:nth-child(2)", "For 24 hours")
	g.click(".span:first-child [data-remove]")
	assert.Equal(t, 1, js[int](g, `document.querySelectorAll('.span').length`))
	g.click("#save-schedule")
	p.savedAs(signaling.PrivacySettings{Zone: "Asia/Tokyo", Schedule: []signaling.PrivacySpan{{Days: signaling.Days, From: "22:00", To: "22:00"}}})
	g.until(`document.activeElement.id === 'save-schedule'`)

	g.click(".span [data-remove]")
	g.click("#save-schedule")
	p.savedAs(signaling.PrivacySettings{Zone: "Asia/Tokyo", Schedule: []signaling.PrivacySpan{}})
	g.until(`!document.getElementById('no-spans').hidden`)
}

// The camera's zone is shown, and what is wrong stands by its row.
func TestScheduleErrors(t *testing.T) {
	t.Parallel()
	p, g, _ := privacyCard(t, evenings)
	g.tolerate("422")
	assert.Equal(t, "America/New_York", js[string](g, `document.getElementById('zone').value`))
	for _, day := range []string{"mon", "tue"} {
		g.click(fmt.Sprintf(".span:first-child .chip:has([value=%s])", day))
	}
	g.inSpan(1, "to", "")
	g.click("#save-schedule")
	g.says(".span:nth-child(1) .error", "Choose at least one day.")
	g.says(".span:nth-child(2) .error", "Say when it ends")
	g.says("#privacy-note", "Not saved: look at what is marked.")
	assert.True(t, js[bool](g, `document.querySelector('.span:nth-child(2) [data-to]').hasAttribute('aria-invalid')`))
	assert.Equal(t, evenings, p.cameras.saved())
	g.inSpan(1, "to", "06:00")
	g.until(`document.querySelector('.span:nth-child(2) .error').hidden`)
	assert.False(t, js[bool](g, `document.querySelector('.span:nth-child(1) .error').hidden`), "the other row's stays")
}

// What was typed and not saved survives the switch, and news from the camera.
func TestUnsavedScheduleStays(t *testing.T) {
	t.Parallel()
	p, g, camera := privacyCard(t, evenings)
	g.inSpan(0, "from", "16:45")
	g.click("#privacy-on")
	g.says("#privacy-note", "Saved. The schedule is not saved yet.")
	p.presence.set(camera, offline("Offline"))
	g.cardIs("absent")
	p.presence.set(camera, privateNow("Privacy mode is on"))
	g.cardIs("ready")
	assert.Equal(t, "16:45", js[string](g, `document.querySelector('[data-from]').value`))
	g.click("#save-schedule")
	want := signaling.PrivacySettings{On: true, Zone: evenings.Zone, Schedule: []signaling.PrivacySpan{evenings.Schedule[0], evenings.Schedule[1]}}
	want.Schedule[0].From = "16:45"
	p.savedAs(want)
}

func TestPrivacyCardWhileTheCameraIsOffline(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	p.presence.set(camera, offline("Offline: the camera was shut down"))
	p.cameras.set(func(f *fakeCameras) { f.settings = evenings })
	g := p.page().as(c)
	g.open("/cameras/" + camera + "/settings")
	g.cardIs("absent")
	g.says("#privacy-trouble", "Offline: the camera was shut down. Its privacy settings can be changed when it is back")
	assert.Equal(t, "The camera is offline", g.text("#privacy-state"))
	assert.True(t, js[bool](g, `document.getElementById('privacy-form').hidden`))
	p.presence.set(camera, online())
	g.cardIs("ready")
	g.shown("#privacy-form", true)
	g.shown("#privacy-trouble", false)
	p.presence.set(camera, offline("Offline: the connection to the camera was lost"))
	g.cardIs("absent")
	assert.True(t, js[bool](g, `document.getElementById('privacy-on').disabled && document.getElementById('schedule').disabled`))
}

// Refusals and silence: nothing pretends to be saved.
func TestPrivacyThatIsNotSaved(t *testing.T) {
	t.Parallel()
	p, g, _ := privacyCard(t, evenings)
	g.tolerate("409", "504")
	p.cameras.set(func(f *fakeCameras) {
		f.err = &signaling.Error{Code: signaling.CodeReplayed, Message: "This change is too old. Nothing was changed; try again."}
	})
	g.click("#privacy-on")
	g.says("#privacy-note", "Not saved. This change is too old.")
	g.until(`!document.getElementById('privacy-on').checked`)
	assert.Equal(t, evenings, p.cameras.saved())

	p.cameras.set(func(f *fakeCameras) { f.err = remote.ErrNoAnswer })
	g.click("#privacy-on")
	g.says("#privacy-note", "may or may not have been made")
	p.cameras.set(func(f *fakeCameras) { f.err = nil; f.settings.On = true }) // it had been made
	g.until(`document.getElementById('privacy-on').checked`)
	g.says("#privacy-state", "Privacy mode is on")
}

func TestPrivacyCardAsksAgain(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	p.cameras.set(func(f *fakeCameras) { f.err = remote.ErrNoAnswer })
	g := p.page().as(c)
	g.tolerate("504")
	g.open("/cameras/" + camera + "/settings")
	g.cardIs("absent")
	g.says("#privacy-trouble", "did not answer in time")
	p.cameras.set(func(f *fakeCameras) { f.err = nil })
	g.click("#privacy-again")
	g.cardIs("ready")
}

// The schedule's edge comes while the page is open: the card follows.
func TestPrivacyCardFollowsTheSchedule(t *testing.T) {
	t.Parallel()
	p, g, camera := privacyCard(t, evenings)
	p.cameras.set(func(f *fakeCameras) { f.settings.On = true })
	p.presence.set(camera, privateNow("Privacy mode is on until 22:30"))
	g.says("#privacy-state", "Privacy mode is on")
	p.cameras.set(func(f *fakeCameras) { f.settings.On = false })
	p.presence.set(camera, online())
	g.says("#privacy-state", "Privacy mode is off")
}

func TestPrivacyCardWithoutScript(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	g := p.page().as(c)
	g.scriptsOff()
	g.open("/cameras/" + camera + "/settings")
	g.says("#privacy", "These settings need JavaScript")
	g.shown("#privacy-form", false)
}
