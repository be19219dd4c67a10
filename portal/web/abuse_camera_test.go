package web

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/portal/account"
)

func TestAbuse01_ClaimWithIDAlone(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, _ := p.member("owner")
	id, _ := p.camera()
	for _, code := range []string{"", id, credential.NewCode()} {
		answer := c.post("/cameras/new", fields("camera_id", id, "claim_code", code))
		assert.Equal(t, http.StatusUnprocessableEntity, answer.status, code)
		answer = c.api(http.MethodPost, "/cameras", object{"camera_id": id, "claim_code": code}, nil)
		assert.Equal(t, http.StatusUnprocessableEntity, answer.status, code)
		answer = p.client().post("/signup", signUpForm("intruder", id, code))
		assert.Equal(t, http.StatusUnprocessableEntity, answer.status, code)
	}
	assert.NotContains(t, c.get("/home").body, id)
}

// TestAbuse02_EnumerateIDs sees the same answer for a camera that does not exist, one that is owned,
// and one whose code is wrong, and is throttled.
func TestAbuse02_EnumerateIDs(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	c, _ := p.member("owner")
	_, owned := p.member("kim")
	free, _ := p.camera()
	code := credential.NewCode()
	var answers []string
	for _, id := range []string{free, owned, credential.NewCode()} {
		answer := c.api(http.MethodPost, "/cameras", object{"camera_id": id, "claim_code": code}, nil)
		require.Equal(t, http.StatusUnprocessableEntity, answer.status)
		answers = append(answers, answer.body)
	}
	assert.Equal(t, answers[0], answers[1])
	assert.Equal(t, answers[0], answers[2])
	last := reply{}
	for range claimBurst {
		last = c.post("/cameras/new", fields("camera_id", credential.NewCode(), "claim_code", code))
	}
	assert.Equal(t, http.StatusTooManyRequests, last.status)
	assert.NotEmpty(t, last.header.Get("Retry-After"))
	assert.Contains(t, last.body, "Please wait")
}

func TestAbuse03_TwoSimultaneousClaims(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	clients := make([]*client, 4)
	for i := range clients {
		clients[i], _ = p.member("owner" + string(rune('a'+i)))
	}
	id, code := p.camera()
	statuses := make([]int, len(clients))
	var group sync.WaitGroup
	for i, c := range clients {
		group.Go(func() {
			statuses[i] = c.api(http.MethodPost, "/cameras", object{"camera_id": id, "claim_code": code}, nil).status
		})
	}
	group.Wait()
	won := 0
	for _, status := range statuses {
		if status == http.StatusCreated {
			won++
		} else {
			assert.Equal(t, http.StatusUnprocessableEntity, status)
		}
	}
	assert.Equal(t, 1, won)
}

func TestAbuse04_ClaimOwnedCamera(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	owner, camera := p.member("owner")
	thief, _ := p.member("intruder")
	for range 2 {
		answer := thief.post("/cameras/new", fields("camera_id", camera, "claim_code", credential.NewCode()))
		assert.Equal(t, http.StatusUnprocessableEntity, answer.status)
	}
	home := owner.get("/home").body
	assert.Contains(t, home, "tried to claim your camera")
	assert.Contains(t, home, "2 times")
	notice := between(t, home, `data-notice="`, `"`)
	assert.Equal(t, http.StatusNotFound, thief.post("/notices/"+notice+"/dismiss", nil).status)
	assert.Equal(t, http.StatusSeeOther, owner.post("/notices/"+notice+"/dismiss", nil).status)
	assert.NotContains(t, owner.get("/home").body, "tried to claim your camera")
	assert.NotContains(t, thief.get("/home").body, camera)
}

func TestAbuse05_ReuseClaimCode(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	owner, _ := p.member("owner")
	other, _ := p.member("kim")
	id, code := p.camera()
	claim := fields("camera_id", id, "claim_code", code)
	require.Equal(t, http.StatusSeeOther, owner.post("/cameras/new", claim).status)
	assert.Equal(t, http.StatusUnprocessableEntity, other.post("/cameras/new", claim).status)
	require.Equal(t, http.StatusOK, owner.post("/cameras/"+id+"/release", nil).status)
	assert.Equal(t, http.StatusUnprocessableEntity, other.post("/cameras/new", claim).status, "after a release too")
}

// TestAbuse07_ForeignCameraOnEveryRoute asks for another user's camera, and for one that does not
// exist, on every route that names one.
func TestAbuse07_ForeignCameraOnEveryRoute(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	_, camera := p.member("owner")
	stranger, _ := p.member("intruder")
	routes := 0
	for _, route := range p.server.echo.Routes() {
		if !strings.Contains(route.Path, ":id") || route.Method == "echo_route_not_found" ||
			route.Name == reserved || route.Method == http.MethodOptions { // the same to everybody
			continue
		}
		routes++
		var bodies []string
		for _, id := range []string{camera, credential.NewCode(), "nonsense"} {
			answer := stranger.do(route.Method, strings.Replace(route.Path, ":id", id, 1), "application/json", strings.NewReader(`{"name":"mine"}`))
			want := http.StatusNotFound
			if refusal := adminRefusal(route.Path); refusal != 0 {
				want = refusal
			}
			assert.Equal(t, want, answer.status, "%s %s", route.Method, route.Path)
			bodies = append(bodies, answer.body)
		}
		assert.Equal(t, bodies[0], bodies[1], "%s %s", route.Method, route.Path)
		nobody := p.client().do(route.Method, strings.Replace(route.Path, ":id", camera, 1), "application/json", nil)
		assert.Contains(t, []int{http.StatusSeeOther, http.StatusUnauthorized}, nobody.status, "%s %s", route.Method, route.Path)
	}
	assert.Greater(t, routes, 40, "what is not looked at is not refused")
}

// TestAbuse38_ClientSuppliedIdentity sends the fields by which a careless server would take someone
// for another, or a sign-up for finished.
func TestAbuse38_ClientSuppliedIdentity(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	victim, victims := p.member("owner")
	c, own := p.member("intruder")
	claimed, code := p.camera()
	identity := object{
		"user_id": 1, "userId": 1, "owner_id": 1, "OwnerID": 1, "id": victims, "ID": victims, "user": "owner", "pending": false, "PendingUntil": nil,
	}
	with := func(more object) object {
		for key, value := range identity {
			more[key] = value
		}
		return more
	}
	require.Equal(t, http.StatusCreated, c.api(http.MethodPost, "/cameras", with(object{"camera_id": claimed, "claim_code": code}), nil).status)
	assert.NotContains(t, victim.get("/home").body, claimed)
	require.Equal(t, http.StatusOK, c.api(http.MethodPatch, "/cameras/"+own, with(object{"name": "Stolen"}), nil).status)
	assert.NotContains(t, victim.get("/home").body, "Stolen")
	form := fields("name", "Stolen too", "user_id", "1", "id", victims, "owner_id", "1")
	require.Equal(t, http.StatusSeeOther, c.post("/cameras/"+own+"/rename?id="+victims+"&user_id=1", form).status)
	assert.NotContains(t, victim.get("/home").body, "Stolen")

	id, newCode := p.camera()
	newcomer := p.client()
	var account accountBody
	signUp := with(object{"username": "guesser", "camera_id": id, "claim_code": newCode, "password": password, "password_confirm": password})
	require.Equal(t, http.StatusCreated, newcomer.api(http.MethodPost, "/signup", signUp, &account).status)
	assert.True(t, account.Pending)
	assert.Equal(t, "guesser", account.Username)
}

func TestPasswordRulesOverTheAPI(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	id, code := p.camera()
	for _, bad := range []string{"", "short 1", "Password1234", "1234567890", "my owner is 1 bird", strings.Repeat("a1", 65)} {
		var got problem
		answer := p.client().api(http.MethodPost, "/signup", object{
			"username": "Owner", "camera_id": id, "claim_code": code, "password": bad, "password_confirm": bad}, &got)
		assert.Equal(t, http.StatusUnprocessableEntity, answer.status, bad)
		assert.Contains(t, got.Errors, account.FieldPassword, bad)
	}
}
