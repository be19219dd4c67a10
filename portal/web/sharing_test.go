package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/pkg/signaling"
)

// family is an owner, and a viewer with whom a camera is shared.
type family struct {
	*portal
	owner, viewer *client
	camera        string
	share         string
}

func newFamily(t *testing.T) *family {
	f := &family{portal: newPortal(t)}
	f.owner, f.camera = f.member("owner")
	f.viewer, _ = f.member("kim")
	f.share = f.shareWith(f.viewer, object{"username": "kim"})
	return f
}

// shareWith has a person accept a share of the family's camera.
func (f *family) shareWith(viewer *client, form object) string {
	f.t.Helper()
	var share shareBody
	answer := f.owner.api(http.MethodPost, "/cameras/"+f.camera+"/shares", form, &share)
	require.Equal(f.t, http.StatusCreated, answer.status, answer.body)
	require.Equal(f.t, http.StatusNoContent, viewer.api(http.MethodPost, "/invitations/"+share.ID+"/accept", nil, nil).status)
	return share.ID
}

func TestSharingOnPages(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	owner, camera := p.member("owner")
	viewer, _ := p.member("kim")
	page := "/cameras/" + camera + "/sharing"
	assert.Contains(t, owner.get(page).body, "You share this camera with nobody")
	answer := owner.post("/cameras/"+camera+"/shares", url.Values{
		"username": {"Kim"}, "share_days": {"7"}, "talk": {"on"}, "zone": {"Europe/Berlin"},
		"hours.0.days": signaling.Days, "hours.0.from": {"00:00"}, "hours.0.to": {"00:00"},
	})
	require.Equal(t, http.StatusCreated, answer.status, answer.body)
	assert.Contains(t, answer.body, "Not accepted yet")
	home := viewer.get("/home").body
	assert.Contains(t, home, "would like to share")
	share := between(t, home, `data-invitation="`, `"`)
	require.Equal(t, http.StatusSeeOther, viewer.post("/shares/"+share+"/accept", nil).status)
	home = viewer.get("/home").body
	assert.Contains(t, home, "Shared by <strong>owner</strong>")
	assert.Contains(t, home, "/cameras/"+camera)
	watch := viewer.get("/cameras/" + camera)
	require.Equal(t, http.StatusOK, watch.status)
	assert.NotContains(t, watch.body, "/cameras/"+camera+"/settings", "nothing that only the owner may")
	assert.NotContains(t, watch.body, "/identity")

	edit := owner.get("/cameras/" + camera + "/shares/" + share)
	assert.Contains(t, edit.body, `value="Europe/Berlin"`)
	assert.Contains(t, edit.body, "As it is: until")
	require.Equal(t, http.StatusUnprocessableEntity, owner.post("/cameras/"+camera+"/shares/"+share, fields("hours.0.from", "09:00")).status)
	require.Equal(t, http.StatusSeeOther, owner.post("/cameras/"+camera+"/shares/"+share, fields("share_days", "keep")).status)
	assert.Contains(t, owner.get(page).body, "Watches at any time, until")
	require.Equal(t, http.StatusSeeOther, viewer.post("/shares/"+share+"/leave", nil).status)
	assert.Equal(t, http.StatusNotFound, viewer.get("/cameras/"+camera).status)
	assert.Contains(t, owner.get(page).body, "You share this camera with nobody")
}

func TestInvitationByLinkOnPages(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	owner, camera := p.member("owner")
	viewer, _ := p.member("kim")
	answer := owner.post("/cameras/"+camera+"/shares", fields("note", "Grandma"))
	require.Equal(t, http.StatusCreated, answer.status, answer.body)
	link := between(t, answer.body, `id="link">`, `<`)
	require.True(t, strings.HasPrefix(link, p.url+"/invite#invite_"), link)
	_, secret, _ := strings.Cut(link, "#")
	require.NotContains(t, owner.get("/cameras/"+camera+"/sharing").body, secret, "shown once")
	assert.Contains(t, p.client().get("/invite").body, "Log in")
	look := viewer.post("/invite", fields("secret", secret))
	require.Equal(t, http.StatusOK, look.status)
	assert.Contains(t, look.body, "owner shares")
	assert.Equal(t, http.StatusConflict, owner.post("/invite", fields("secret", secret)).status, "one's own")
	require.Equal(t, http.StatusSeeOther, viewer.post("/invite/accept", fields("secret", secret)).status)
	assert.Equal(t, http.StatusOK, viewer.get("/cameras/"+camera).status)
	assert.Equal(t, http.StatusGone, viewer.post("/invite", fields("secret", secret)).status, "used up")
	for range tokenBurst {
		answer = viewer.post("/invite/accept", fields("secret", secret))
	}
	assert.Equal(t, http.StatusTooManyRequests, answer.status)
}

// TestAbuse08_ViewerCallsOwnersActions asks, as somebody with whom a camera is shared, for everything that
// names it: they may look, and nothing else.
func TestAbuse08_ViewerCallsOwnersActions(t *testing.T) {
	t.Parallel()
	f := newFamily(t)
	may := map[string]bool{
		"GET /cameras/:id": true, "GET /cameras/:id/pairing": true, "GET /api/v1/cameras/:id": true, "POST /api/v1/cameras/:id/snapshot": true,
		"POST /api/v1/cameras/:id/whep": true, "PATCH /api/v1/cameras/:id/whep/:session": true, "DELETE /api/v1/cameras/:id/whep/:session": true,
	}
	for _, route := range f.server.echo.Routes() {
		if !strings.Contains(route.Path, ":id") || route.Method == "echo_route_not_found" ||
			route.Name == reserved || route.Method == http.MethodOptions {
			continue
		}
		answer := f.viewer.do(route.Method, strings.Replace(route.Path, ":id", f.camera, 1), "application/json", strings.NewReader(`{"name":"mine"}`))
		if may[route.Method+" "+route.Path] {
			assert.NotEqual(t, http.StatusForbidden, answer.status, "%s %s", route.Method, route.Path)
			continue
		}
		want := http.StatusForbidden
		if refusal := adminRefusal(route.Path); refusal != 0 {
			want = refusal
		}
		assert.Equal(t, want, answer.status, "%s %s", route.Method, route.Path)
		assert.NotContains(t, answer.body, credential.FormatCode(f.camera))
	}
	for _, path := range []string{"/cameras/" + f.camera + "/shares/" + f.share + "/end", "/cameras/" + f.camera + "/release"} {
		assert.Equal(t, http.StatusForbidden, f.viewer.post(path, nil).status)
	}
	assert.Equal(t, http.StatusOK, f.owner.get("/cameras/"+f.camera).status)
}

func TestSharedCamerasOverTheAPI(t *testing.T) {
	t.Parallel()
	f := newFamily(t)
	var list struct{ Cameras []cameraBody }
	require.Equal(t, http.StatusOK, f.viewer.api(http.MethodGet, "/cameras", nil, &list).status)
	require.Len(t, list.Cameras, 2)
	shared := list.Cameras[1]
	assert.Equal(t, signaling.RoleViewer, shared.Role)
	assert.Equal(t, "owner", shared.Owner)
	assert.Equal(t, f.share, shared.Share)
	require.Equal(t, http.StatusNoContent, f.viewer.api(http.MethodDelete, "/shares/"+f.share, nil, nil).status)
	assert.Equal(t, http.StatusNotFound, f.viewer.api(http.MethodGet, "/cameras/"+f.camera, nil, nil).status)
}

func TestOutsideTheHours(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	f := &family{portal: p}
	f.owner, f.camera = p.member("owner")
	f.viewer, _ = p.member("kim")
	tomorrow := signaling.Days[(int(time.Now().UTC().Weekday())+2)%7] // in any zone not today
	f.shareWith(f.viewer, object{"username": "kim", "zone": "UTC", "hours": []object{{"days": []string{tomorrow}, "from": "12:00", "to": "12:01"}}})
	answer := f.viewer.get("/cameras/" + f.camera)
	assert.Equal(t, http.StatusForbidden, answer.status)
	assert.Contains(t, answer.body, "again from")
	assert.Contains(t, f.viewer.get("/home").body, "Open again")
	for _, path := range []string{"/settings", "/sharing"} {
		assert.Equal(t, http.StatusForbidden, f.viewer.get("/cameras/"+f.camera+path).status)
	}
	var got problem
	f.viewer.api(http.MethodPost, "/cameras/"+f.camera+"/snapshot", object{}, &got)
	assert.Equal(t, "outside-hours", got.code())
}

func (f *family) guestLink(life time.Duration) (id, secret string) {
	f.t.Helper()
	var link guestLinkBody
	answer := f.owner.api(http.MethodPost, "/cameras/"+f.camera+"/guests", object{"name": "Sitter", "expires_at": f.clock.now().Add(life)}, &link)
	require.Equal(f.t, http.StatusCreated, answer.status, answer.body)
	_, secret, _ = strings.Cut(link.Link, "#")
	return link.ID, secret
}

// enter opens a guest link in a browser of its own.
func (f *family) enter(secret string) *client {
	f.t.Helper()
	guest := f.client()
	answer := guest.post("/guest", fields("secret", secret))
	require.Equal(f.t, http.StatusSeeOther, answer.status, answer.body)
	require.Equal(f.t, "/guest/watch", answer.header.Get("Location"))
	cookie := answer.header.Get("Set-Cookie")
	for _, want := range []string{"HttpOnly", "SameSite=Strict", "Path=/", "seccam_guest=visit_"} {
		require.Contains(f.t, cookie, want)
	}
	return guest
}

func TestGuestWatches(t *testing.T) {
	t.Parallel()
	f := newFamily(t)
	_, secret := f.guestLink(time.Hour)
	guest := f.enter(secret)
	watch := guest.get("/guest/watch")
	require.Equal(t, http.StatusOK, watch.status)
	assert.Contains(t, watch.body, "data-guest")
	for _, not := range []string{"/settings", "Log in", secret, "/home"} {
		assert.NotContains(t, watch.body, not)
	}
	var body guestBody
	require.Equal(t, http.StatusOK, guest.api(http.MethodGet, "/guest", nil, &body).status)
	assert.Equal(t, f.camera, body.Camera.ID)
	page := f.owner.get("/cameras/" + f.camera + "/sharing").body
	assert.Contains(t, page, "Used by 1 browser")
	assert.Contains(t, page, "127.0.0.1")
	assert.Contains(t, page, "2 times")
	assert.NotContains(t, page, secret)
	assert.NotContains(t, f.log.String(), secret)
}

// TestAbuse10_GuestLinkEnded has nothing left of a link that expired or was ended: neither the link, nor what a
// browser got for it.
func TestAbuse10_GuestLinkEnded(t *testing.T) {
	t.Parallel()
	f := newFamily(t)
	_, expires := f.guestLink(time.Hour)
	id, ends := f.guestLink(3 * time.Hour)
	first, second := f.enter(expires), f.enter(ends)
	f.clock.advance(time.Hour + time.Minute)
	require.Equal(t, http.StatusOK, second.get("/guest/watch").status)
	require.Equal(t, http.StatusNoContent, f.owner.api(http.MethodDelete, "/cameras/"+f.camera+"/guests/"+id, nil, nil).status)
	for secret, guest := range map[string]*client{expires: first, ends: second, "guest_x": f.client(), "": f.client()} {
		for _, answer := range []reply{
			guest.get("/guest/watch"), guest.post("/guest", fields("secret", secret)), guest.api(http.MethodGet, "/guest", nil, nil),
		} {
			assert.Equal(t, http.StatusGone, answer.status)
			assert.Contains(t, answer.body, "does not work any more")
		}
	}
	var answer reply
	for range tokenBurst {
		answer = f.client().post("/guest", fields("secret", expires))
	}
	assert.Equal(t, http.StatusTooManyRequests, answer.status)
}

// TestAbuse08_GuestsSeeNothingElse asks with a guest's cookie for everything else.
func TestAbuse08_GuestsSeeNothingElse(t *testing.T) {
	t.Parallel()
	f := newFamily(t)
	_, secret := f.guestLink(time.Hour)
	guest := f.enter(secret)
	for _, route := range f.server.echo.Routes() {
		if !strings.Contains(route.Path, ":id") || route.Method == "echo_route_not_found" ||
			route.Name == reserved || route.Method == http.MethodOptions {
			continue
		}
		answer := guest.do(route.Method, strings.Replace(route.Path, ":id", f.camera, 1), "application/json", nil)
		assert.Contains(t, []int{http.StatusSeeOther, http.StatusUnauthorized}, answer.status, "%s %s", route.Method, route.Path)
	}
}

func TestGroupsOnPages(t *testing.T) {
	t.Parallel()
	f := newFamily(t)
	second := f.secondCamera(f.owner, "Garden")
	assert.Contains(t, f.owner.get("/groups").body, "There is no group yet")
	require.Equal(t, http.StatusUnprocessableEntity, f.owner.post("/groups", fields("name", "")).status)
	require.Equal(t, http.StatusSeeOther, f.owner.post("/groups", url.Values{"name": {"Outside"}, "cameras": {second}}).status)
	list := f.owner.get("/groups").body
	assert.Contains(t, list, "Garden")
	group := between(t, list, `data-group="`, `"`)
	f.shareWith(f.viewer, object{"username": "kim", "group_id": group})
	assert.Equal(t, http.StatusOK, f.viewer.get("/cameras/"+second).status)
	assert.Contains(t, f.owner.get("/cameras/"+second+"/sharing").body, "by the group Outside")
	require.Equal(t, http.StatusSeeOther, f.owner.post("/groups/"+group, url.Values{"name": {"Outside"}}).status)
	assert.Equal(t, http.StatusNotFound, f.viewer.get("/cameras/"+second).status)
	assert.Equal(t, http.StatusNotFound, f.viewer.get("/groups/"+group).status)
	require.Equal(t, http.StatusSeeOther, f.owner.post("/groups/"+group+"/delete", nil).status)
	var groups struct{ Groups []groupBody }
	require.Equal(t, http.StatusOK, f.owner.api(http.MethodGet, "/groups", nil, &groups).status)
	assert.Empty(t, groups.Groups)
	var made groupBody
	require.Equal(t, http.StatusCreated, f.owner.api(http.MethodPost, "/groups", object{"name": "All", "cameras": []string{f.camera}}, &made).status)
	require.Equal(t, http.StatusOK, f.owner.api(http.MethodPut, "/groups/"+made.ID, object{"name": "All", "cameras": []string{}}, &made).status)
	require.Equal(t, http.StatusNoContent, f.owner.api(http.MethodDelete, "/groups/"+made.ID, nil, nil).status)
}

func TestTransferOnPages(t *testing.T) {
	t.Parallel()
	f := newFamily(t)
	page := "/cameras/" + f.camera + "/transfer"
	require.Equal(t, http.StatusUnprocessableEntity, f.owner.post(page, fields("username", "owner")).status)
	require.Equal(t, http.StatusSeeOther, f.owner.post(page, fields("username", "kim")).status)
	assert.Contains(t, f.owner.get(page).body, "You offered it to <strong>kim</strong>")
	require.Equal(t, http.StatusSeeOther, f.owner.post(page+"/withdraw", nil).status)
	assert.NotContains(t, f.viewer.get("/home").body, "would like to give you")
	var offer transferBody
	require.Equal(t, http.StatusOK, f.owner.api(http.MethodPut, page, object{"username": "kim"}, &offer).status)
	offered := between(t, f.viewer.get("/home").body, `data-offer="`, `"`)
	assert.Equal(t, offer.ID, offered)
	f.presence.set(f.camera, online())
	f.cameras.set(func(c *fakeCameras) { c.settings = signaling.PrivacySettings{On: true} })
	require.Equal(t, http.StatusSeeOther, f.viewer.post("/transfers/"+offered+"/accept", nil).status)
	assert.Equal(t, http.StatusNotFound, f.owner.get("/cameras/"+f.camera).status)
	assert.Equal(t, http.StatusOK, f.viewer.get("/cameras/"+f.camera+"/settings").status)
	assert.Equal(t, signaling.PrivacySettings{}, f.cameras.saved(), "its schedule is not for the next owner")
	require.Equal(t, http.StatusNotFound, f.viewer.api(http.MethodGet, page, nil, nil).status)

	back := object{"username": "owner"}
	require.Equal(t, http.StatusOK, f.viewer.api(http.MethodPut, page, back, &offer).status)
	var offers struct{ Transfers []transferBody }
	require.Equal(t, http.StatusOK, f.owner.api(http.MethodGet, "/transfers", nil, &offers).status)
	require.Len(t, offers.Transfers, 1)
	require.Equal(t, http.StatusNoContent, f.owner.api(http.MethodPost, "/transfers/"+offer.ID+"/decline", nil, nil).status)
	require.Equal(t, http.StatusNotFound, f.owner.api(http.MethodPost, "/transfers/"+offer.ID+"/accept", nil, nil).status)
	require.Equal(t, http.StatusNoContent, f.viewer.api(http.MethodDelete, page, nil, nil).status)
	require.Equal(t, http.StatusOK, f.viewer.api(http.MethodPut, page, back, &offer).status)
	var camera cameraBody
	require.Equal(t, http.StatusOK, f.owner.api(http.MethodPost, "/transfers/"+offer.ID+"/accept", nil, &camera).status)
	assert.Equal(t, f.camera, camera.ID)
}

// What a stranger's name is told about must look the same whether or not there is such a name.
func TestInvitationsOverTheAPI(t *testing.T) {
	t.Parallel()
	f := newFamily(t)
	shares := "/cameras/" + f.camera + "/shares"
	var real, none shareBody
	require.Equal(t, http.StatusCreated, f.owner.api(http.MethodPost, shares, object{"username": "kim"}, &real).status)
	require.Equal(t, http.StatusCreated, f.owner.api(http.MethodPost, shares, object{"username": "nobody-1"}, &none).status)
	var asked struct{ Invitations []invitationBody }
	require.Equal(t, http.StatusOK, f.viewer.api(http.MethodGet, "/invitations", nil, &asked).status)
	require.Len(t, asked.Invitations, 1)
	require.Equal(t, http.StatusNoContent, f.viewer.api(http.MethodPost, "/invitations/"+real.ID+"/decline", nil, nil).status)
	var list struct{ Shares []shareBody }
	require.Equal(t, http.StatusOK, f.owner.api(http.MethodGet, shares, nil, &list).status)
	require.Len(t, list.Shares, 3)
	state := map[string]string{}
	for _, share := range list.Shares {
		state[share.ID] = share.State
	}
	assert.Equal(t, state[real.ID], state[none.ID])
	var link shareBody
	require.Equal(t, http.StatusCreated, f.owner.api(http.MethodPost, shares, object{"note": "x"}, &link).status)
	_, secret, _ := strings.Cut(link.Link, "#")
	require.Equal(t, http.StatusNoContent, f.viewer.api(http.MethodPost, "/invitations/accept", object{"secret": secret}, nil).status)
	require.Equal(t, http.StatusGone, f.viewer.api(http.MethodPost, "/invitations/accept", object{"secret": secret}, nil).status)
	var one shareBody
	require.Equal(t, http.StatusOK, f.owner.api(http.MethodGet, shares+"/"+link.ID, nil, &one).status)
	assert.Equal(t, "accepted", one.State)
	require.Equal(t, http.StatusOK, f.owner.api(http.MethodPut, shares+"/"+link.ID, object{"talk": true}, &one).status)
	assert.True(t, one.Talk)
	require.Equal(t, http.StatusNoContent, f.owner.api(http.MethodDelete, shares+"/"+link.ID, nil, nil).status)
	require.Equal(t, http.StatusNotFound, f.owner.api(http.MethodGet, shares+"/"+link.ID, nil, nil).status)
	var answer reply
	for range inviteBurst {
		answer = f.owner.api(http.MethodPost, shares, object{"username": "kim"}, nil)
	}
	assert.Equal(t, http.StatusTooManyRequests, answer.status)
}
