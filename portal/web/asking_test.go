package web

import (
	"crypto/ecdh"
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/camerad/seal"
	"seccam/pkg/signaling"
	"seccam/portal/remote"
)

func privateNow(text string) signaling.Presence {
	return signaling.Presence{Online: true, State: signaling.StatePrivate, Text: text}
}

func publicKey(t *testing.T) []byte {
	t.Helper()
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	require.NoError(t, err)
	return key.PublicKey().Bytes()
}

func TestSnapshotIsPassedOnSealed(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	key := publicKey(t)
	answer := c.api(http.MethodPost, "/cameras/"+camera+"/snapshot", object{"width": 320, "key": key}, nil)
	require.Equal(t, http.StatusOK, answer.status, answer.body)
	assert.Equal(t, "application/octet-stream", answer.header.Get("Content-Type"))
	assert.Equal(t, "no-store", answer.header.Get("Cache-Control"))
	assert.Equal(t, "nosniff", answer.header.Get("X-Content-Type-Options"))
	assert.Len(t, answer.body, len(p.cameras.picture)+seal.Overhead)
	assert.NotContains(t, answer.body, "\xff\xd8\xff", "a JPEG begins so")
	assert.NotContains(t, answer.body, string(p.cameras.picture[20:40]))
	assert.Equal(t, []signaling.SnapshotRequest{{Width: 320, Key: key}}, p.cameras.asked)
	assert.NotContains(t, p.log.String(), "key=")
}

func TestSnapshotNeedsAKey(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	good := publicKey(t)
	for name, tc := range map[string]struct {
		body  object
		field string
	}{
		"no key": {object{}, "key"}, "empty": {object{"key": ""}, "key"}, "short": {object{"key": good[:64]}, "key"}, "zeros": {object{"key": make([]byte, 65)}, "key"},
		"narrow": {object{"key": good, "width": 63}, "width"}, "wide": {object{"key": good, "width": 1281}, "width"}, "negative": {object{"key": good, "width": -1}, "width"},
	} {
		var got problem
		answer := c.api(http.MethodPost, "/cameras/"+camera+"/snapshot", tc.body, &got)
		assert.Equal(t, http.StatusUnprocessableEntity, answer.status, name)
		assert.NotEmpty(t, got.Errors[tc.field], name)
	}
	assert.Zero(t, p.cameras.snapshots())
}

// Every way in which a camera cannot answer has its own status and words.
func TestCamerasThatDoNotAnswer(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	type call func(out any) reply
	calls := map[string]call{
		"snapshot": func(out any) reply {
			return c.api(http.MethodPost, "/cameras/"+camera+"/snapshot", object{"key": publicKey(t)}, out)
		},
		"get": func(out any) reply { return c.api(http.MethodGet, "/cameras/"+camera+"/privacy", nil, out) },
		"put": func(out any) reply {
			return c.api(http.MethodPut, "/cameras/"+camera+"/privacy", object{"on": true}, out)
		},
	}
	refusal := func(code signaling.Code) error {
		return &signaling.Error{Code: code, Message: "Said by the camera.", RetryAfter: 3}
	}
	for _, tc := range []struct {
		err    error
		status int
		code   string
		detail string
	}{
		{remote.ErrNoAnswer, http.StatusGatewayTimeout, "no-answer", "gain"},
		{remote.ErrNotSent, http.StatusServiceUnavailable, "not-connected", "nothing was changed"},
		{refusal(signaling.CodePrivate), http.StatusConflict, "camera-private", "Said by the camera."},
		{refusal(signaling.CodeSourceLost), http.StatusConflict, "no-picture", "Said by the camera."},
		{refusal(signaling.CodeReplayed), http.StatusConflict, "camera-refused", "Said by the camera."},
		{refusal(signaling.CodeMethod), http.StatusConflict, "camera-refused", "Said by the camera."},
		{refusal(signaling.CodeInternal), http.StatusBadGateway, "camera-failed", "Said by the camera."},
		{refusal(signaling.CodeRateLimited), http.StatusTooManyRequests, "too-many-requests", "wait"},
		{errors.New("secret of ours"), http.StatusInternalServerError, "internal", "Try again"},
	} {
		p.cameras.set(func(f *fakeCameras) { f.err = tc.err })
		for name, call := range calls {
			var got problem
			answer := call(&got)
			assert.Equal(t, tc.status, answer.status, "%s: %v", name, tc.err)
			assert.Equal(t, tc.code, got.code(), name)
			assert.Contains(t, got.Detail, tc.detail, name)
			assert.NotContains(t, answer.body, "secret of ours")
		}
	}
	p.forgive()
	p.cameras.set(func(f *fakeCameras) { f.err = errors.New("it was asked") })
	p.presence.set(camera, offline("Offline: the camera was shut down"))
	for name, words := range map[string]string{"snapshot": "when it is back", "get": "kept in the camera", "put": "Nothing was changed. Bring the camera online"} {
		var got problem
		assert.Equal(t, http.StatusConflict, calls[name](&got).status, name)
		assert.Equal(t, "camera-offline", got.code())
		assert.Contains(t, got.Detail, "Offline: the camera was shut down. ")
		assert.Contains(t, got.Detail, words)
	}
	p.presence.set(camera, privateNow("Privacy mode is on until 07:00"))
	var got problem
	assert.Equal(t, http.StatusConflict, calls["snapshot"](&got).status)
	assert.Equal(t, "camera-private", got.code())
	assert.Equal(t, "Privacy mode is on until 07:00.", got.Detail)
}

// One account's requests are bounded at once and in time; another's do not wait for them.
func TestRequestsToCamerasAreBounded(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	other, others := p.member("kim")
	entered, release := make(chan struct{}, 10), make(chan struct{})
	p.cameras.set(func(f *fakeCameras) {
		f.during = func() { entered <- struct{}{}; <-release }
	})
	key := publicKey(t)
	ask := func(c *client, camera string) reply {
		return c.api(http.MethodPost, "/cameras/"+camera+"/snapshot", object{"key": key}, nil)
	}
	var group sync.WaitGroup
	for range maxAsking {
		group.Go(func() { assert.Equal(t, http.StatusOK, ask(c, camera).status) })
	}
	for range maxAsking {
		<-entered
	}
	late := ask(c, camera)
	assert.Equal(t, http.StatusTooManyRequests, late.status)
	assert.Equal(t, "2", late.header.Get("Retry-After"))
	group.Go(func() { assert.Equal(t, http.StatusOK, ask(other, others).status) })
	<-entered
	close(release)
	group.Wait()
	p.cameras.set(func(f *fakeCameras) { f.during = nil })
	assert.Empty(t, p.server.asking.busy)

	last := reply{}
	for range callBurst {
		last = ask(c, camera)
	}
	assert.Equal(t, http.StatusTooManyRequests, last.status)
	p.clock.advance(callEvery)
	assert.Equal(t, http.StatusOK, ask(c, camera).status)
}

// Abuse 7: a camera that changes hands while it is asked: what comes back is not for who asked.
func TestAbuse07_CameraReleasedWhileItIsAsked(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	p.cameras.set(func(f *fakeCameras) {
		f.during = func() {
			p.cameras.set(func(f *fakeCameras) { f.during = nil }) // a release calls the camera, too
			assert.Equal(t, http.StatusOK, c.api(http.MethodDelete, "/cameras/"+camera, nil, nil).status)
		}
	})
	answer := c.api(http.MethodPost, "/cameras/"+camera+"/snapshot", object{"key": publicKey(t)}, nil)
	assert.Equal(t, http.StatusNotFound, answer.status)

	second := p.secondCamera(c, "Shed")
	p.presence.set(second, online())
	p.cameras.set(func(f *fakeCameras) {
		f.settings.On = true
		f.during = func() {
			p.cameras.set(func(f *fakeCameras) { f.during = nil })
			assert.Equal(t, http.StatusOK, c.api(http.MethodDelete, "/cameras/"+second, nil, nil).status)
		}
	})
	assert.Equal(t, http.StatusNotFound, c.api(http.MethodGet, "/cameras/"+second+"/privacy", nil, nil).status)
}

// Abuse 7 and 14: another user's camera does not exist, and another site's page gets nowhere.
func TestAbuse07_ForeignCameraIsNeverAsked(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	owner, camera := p.member("owner")
	stranger, _ := p.member("intruder")
	for _, who := range []*client{stranger, p.client()} {
		want := http.StatusNotFound
		if who != stranger {
			want = http.StatusUnauthorized
		}
		assert.Equal(t, want, who.api(http.MethodPost, "/cameras/"+camera+"/snapshot", object{"key": publicKey(t)}, nil).status)
		assert.Equal(t, want, who.api(http.MethodGet, "/cameras/"+camera+"/privacy", nil, nil).status)
		assert.Equal(t, want, who.api(http.MethodPut, "/cameras/"+camera+"/privacy", object{"on": true}, nil).status)
	}
	owner.head = http.Header{"Sec-Fetch-Site": {"cross-site"}}
	assert.Equal(t, http.StatusForbidden, owner.api(http.MethodPost, "/cameras/"+camera+"/snapshot", object{"key": publicKey(t)}, nil).status)
	assert.Equal(t, http.StatusForbidden, owner.api(http.MethodPut, "/cameras/"+camera+"/privacy", object{"on": false}, nil).status)
	assert.Zero(t, p.cameras.snapshots())
	assert.False(t, p.cameras.saved().On)
	newcomer, fresh := p.newcomer("newcomer")
	assert.Equal(t, http.StatusForbidden, newcomer.api(http.MethodGet, "/cameras/"+fresh+"/privacy", nil, nil).status, "the sign-up is not finished")
}

func TestPrivacyOverTheAPI(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	path := "/cameras/" + camera + "/privacy"
	var got privacyBody
	require.Equal(t, http.StatusOK, c.api(http.MethodGet, path, nil, &got).status)
	assert.Equal(t, privacyBody{Settings: signaling.PrivacySettings{Schedule: []signaling.PrivacySpan{}}, Text: "Privacy mode is off"}, got)

	want := signaling.PrivacySettings{Zone: "Europe/Berlin", Schedule: []signaling.PrivacySpan{{Days: []string{"mon", "sun"}, From: "22:00", To: "07:00"}}}
	require.Equal(t, http.StatusOK, c.api(http.MethodPut, path, want, &got).status)
	assert.Equal(t, want, got.Settings)
	assert.Equal(t, "Privacy mode is off until 22:00", got.Text)
	assert.EqualValues(t, 1_800_000_000, got.Until.Unix())
	assert.Equal(t, want, p.cameras.saved())
	require.Equal(t, http.StatusOK, c.api(http.MethodPut, path, object{"on": true}, &got).status)
	assert.True(t, got.Active)
	assert.Contains(t, p.log.String(), "privacy mode changed")
	assert.Contains(t, p.log.String(), "camera="+camera)
	assert.NotContains(t, p.log.String(), "22:00", "when people are at home is not for the log")
}

func TestPrivacyIsValidated(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	span := func(days []string, from, to string) object {
		return object{"on": false, "zone": "UTC", "schedule": []object{{"days": days, "from": from, "to": to}}}
	}
	many := make([]object, signaling.MaxSpans+1)
	for i := range many {
		many[i] = object{"days": []string{"mon"}, "from": "00:00", "to": "01:00"}
	}
	p.cameras.set(func(f *fakeCameras) { f.settings.On = true })
	for field, body := range map[string]object{
		"on": {}, "zone": {"on": false, "zone": "Mars/Base"}, "schedule": {"on": false, "zone": "UTC", "schedule": many},
		"schedule.0.days": span(nil, "22:00", "07:00"), "schedule.0.from": span([]string{"mon"}, "", "07:00"), "schedule.0.to": span([]string{"mon"}, "22:00", "7"),
	} {
		var got problem
		answer := c.api(http.MethodPut, "/cameras/"+camera+"/privacy", body, &got)
		assert.Equal(t, http.StatusUnprocessableEntity, answer.status, field)
		assert.NotEmpty(t, got.Errors[field], "%s: %s", field, answer.body)
	}
	for _, body := range []string{``, `{`, `null`, `[]`, `{"on":"no"}`, `{"on":false,"schedule":{}}`, `{"on":false,"schedule":[1]}`, strings.Repeat(`{"a":`, 10_000)} {
		answer := c.do(http.MethodPut, apiPrefix+"/cameras/"+camera+"/privacy", "application/json", strings.NewReader(body))
		assert.Equal(t, http.StatusBadRequest, answer.status, "%.40s", body)
	}
	answer := c.do(http.MethodPut, apiPrefix+"/cameras/"+camera+"/privacy", "text/plain", strings.NewReader(`{"on":false}`))
	assert.Equal(t, http.StatusUnsupportedMediaType, answer.status)
	assert.True(t, p.cameras.saved().On, "nothing of it changed anything")
}

// Abuse 6: when the last owner was at home is not for the next one.
func TestAbuse06_ReleaseForgetsTheSchedule(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, camera := p.member("owner")
	second := p.secondCamera(c, "Shed")
	p.presence.set(second, online())
	night := signaling.PrivacySettings{On: true, Zone: "UTC", Schedule: []signaling.PrivacySpan{{Days: []string{"mon"}, From: "22:00", To: "07:00"}}}
	p.cameras.set(func(f *fakeCameras) { f.settings = night })
	require.Equal(t, http.StatusOK, c.post("/cameras/"+camera+"/release", nil).status)
	assert.Equal(t, signaling.PrivacySettings{}, p.cameras.saved())
	p.cameras.set(func(f *fakeCameras) { f.settings = night })
	require.Equal(t, http.StatusOK, c.api(http.MethodDelete, "/cameras/"+second, nil, nil).status)
	assert.Equal(t, signaling.PrivacySettings{}, p.cameras.saved())

	third := p.secondCamera(c, "Hall")
	p.presence.set(third, online())
	p.cameras.set(func(f *fakeCameras) { f.err = remote.ErrNoAnswer })
	assert.Equal(t, http.StatusOK, c.post("/cameras/"+third+"/release", nil).status, "it is released all the same")
	assert.Contains(t, p.log.String(), "may have kept its privacy settings")
}
