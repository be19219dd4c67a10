package web

import (
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/portal/account"
)

var enrolmentToken = regexp.MustCompile(`seccam_enroll_[a-z2-7]{26}[0-9a-f]{8}`)

func enrolBody(token, camera string) object {
	return object{"token": token, "camera": camera, "fingerprint": credential.FingerprintOf([]byte(camera))}
}

func TestEnrolment(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	owner, _ := p.member("owner")
	assert.Contains(t, owner.get("/cameras/new").body, `href="/cameras/enroll"`)
	page := owner.post("/cameras/enroll", nil)
	require.Equal(t, http.StatusCreated, page.status)
	token := enrolmentToken.FindString(page.body)
	require.NotEmpty(t, token)
	assert.Contains(t, page.body, "sudo camerad enroll "+p.url)
	assert.NotContains(t, owner.get("/cameras/enroll").body, token, "it is shown once")

	device, camera := p.client(), credential.NewCode()
	body := enrolBody(token, camera)
	body["name"] = "Garden"
	var answer, again credential.EnrolResponse
	require.Equal(t, http.StatusOK, device.api(http.MethodPost, "/device/enroll", body, &answer).status)
	assert.Equal(t, credential.EnrolResponse{Camera: camera, DeviceKey: credential.DeviceKey(master, camera, 1).Hex()}, answer)
	require.Equal(t, http.StatusOK, device.api(http.MethodPost, "/device/enroll", body, &again).status)
	assert.Equal(t, answer, again, "the answer may have been lost")
	var got cameraBody
	require.Equal(t, http.StatusOK, owner.api(http.MethodGet, "/cameras/"+camera, nil, &got).status)
	assert.Equal(t, "Garden", got.Name)
	assert.Equal(t, credential.FingerprintOf([]byte(camera)), got.Presence.Fingerprint, "its certificate is pinned")
	claimed := 0
	for _, entry := range owner.auditOf(camera, "") {
		if entry.Kind == account.AuditClaimed {
			claimed++
		}
	}
	assert.Equal(t, 1, claimed, "it is recorded once")
	assert.NotContains(t, p.log.String(), token)
	assert.NotContains(t, p.log.String(), answer.DeviceKey)

	other := enrolBody(token, credential.NewCode())
	refused := device.api(http.MethodPost, "/device/enroll", other, nil)
	assert.Equal(t, http.StatusUnauthorized, refused.status, "the token is used")
	assert.Contains(t, refused.body, "make another one")
	imposter := enrolBody(token, camera)
	imposter["fingerprint"] = credential.FingerprintOf([]byte("another"))
	assert.Equal(t, http.StatusUnauthorized, device.api(http.MethodPost, "/device/enroll", imposter, nil).status, "with another certificate")
	require.NoError(t, p.store.Seen(t.Context(), map[string]time.Time{camera: p.clock.now()}))
	assert.Equal(t, http.StatusUnauthorized, device.api(http.MethodPost, "/device/enroll", body, nil).status, "it has connected since")
}

func TestEnrolmentRefusals(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	owner, camera := p.member("owner")
	device := p.client()
	token := func() string {
		var made struct {
			Token   string
			Expires time.Time `json:"expires_at"`
		}
		require.Equal(t, http.StatusCreated, owner.api(http.MethodPost, "/enrolments", object{}, &made).status)
		assert.WithinDuration(t, p.clock.now().Add(account.EnrolmentTime), made.Expires, time.Minute)
		return made.Token
	}
	enrol := func(body object) int { return device.api(http.MethodPost, "/device/enroll", body, nil).status }
	first := token()
	assert.Equal(t, http.StatusUnauthorized, enrol(enrolBody("", credential.NewCode())))
	assert.Equal(t, http.StatusUnauthorized, enrol(enrolBody(first[:len(first)-1], credential.NewCode())), "not copied whole")
	assert.Equal(t, http.StatusUnauthorized, enrol(enrolBody(first, camera)), "a camera that is there already")
	for field, value := range map[string]string{"camera": "x", "fingerprint": "", "name": string(make([]byte, 300))} {
		body := enrolBody(first, credential.NewCode())
		body[field] = value
		assert.Equal(t, http.StatusUnprocessableEntity, enrol(body), field)
	}
	p.clock.advance(account.EnrolmentTime)
	assert.Equal(t, http.StatusUnauthorized, enrol(enrolBody(first, credential.NewCode())), "it has expired")

	for range 10 {
		token()
	}
	assert.Equal(t, http.StatusUnprocessableEntity, owner.api(http.MethodPost, "/enrolments", object{}, nil).status, "too many that are unused")
	assert.Contains(t, owner.post("/cameras/enroll", nil).body, "were not used")
	p.forgive()
	status := http.StatusUnauthorized
	for range claimBurst + 1 {
		status = enrol(enrolBody("guess", credential.NewCode()))
	}
	assert.Equal(t, http.StatusTooManyRequests, status)
}
