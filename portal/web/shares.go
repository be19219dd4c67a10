package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"seccam/portal/account"
	"seccam/portal/store"
)

// Fields of the forms for shares and guest links, which share a page.
const (
	fieldShareDays = "share_days"
	fieldTalk      = "talk"
	fieldGroup     = "group_id"
	fieldGuestName = "guest_name"
	fieldGuestTime = "guest_hours"
)

// shareDays are how long a share may hold, as the form offers it; 0 is until it is ended.
var shareDays = []choice{{0, "Until you end it"}, {1, "1 day"}, {7, "7 days"}, {30, "30 days"}, {365, "1 year"}}

// guestHours are how long a guest link may hold.
var guestHours = []choice{{1, "1 hour"}, {4, "4 hours"}, {24, "1 day"}, {72, "3 days"}, {7 * 24, "7 days"}, {30 * 24, "30 days"}}

// choice is one option of a form's list.
type choice struct {
	Value int
	Text  string
}

// sharingView is the page about who may watch a camera.
type sharingView struct {
	Camera   *store.Camera
	Shares   []shareView
	Guests   []store.GuestLink
	Groups   []store.Group // that the camera is in
	Form     filledForm    // of a share
	Hours    []hoursRow
	Guest    filledForm
	Days     []choice
	Lengths  []choice
	Now      time.Time
	Link     string // of an invitation or a guest, right after it was made
	LinkFor  string
	LinkKind string // "invitation" or "guest"
	Invited  string // right after somebody was asked by name
}

// shareView is a share in words.
type shareView struct {
	store.Share
	Group string // name of the shared group, "" for the camera itself
	State string // "accepted", "waiting" or "over"
	Terms string
}

// HoursOpen reports whether there is something to see in the form's hours.
func (v sharingView) HoursOpen() bool {
	return len(v.Hours) > 1 || v.Form.Errors[account.FieldZone] != "" || v.Form.Errors[account.FieldHours] != ""
}

// Expired reports whether a moment is past.
func (v sharingView) Expired(t time.Time) bool { return !t.After(v.Now) }

func (s *server) sharingView(c echo.Context, user *store.User, camera *store.Camera) (v sharingView, err error) {
	ctx := c.Request().Context()
	v = sharingView{
		Camera: camera, Form: newForm(url.Values{}), Guest: newForm(url.Values{}), Hours: hoursRows(nil), Days: shareDays, Lengths: guestHours, Now: s.Now(),
	}
	groups, err := s.Accounts.Groups(ctx, user.ID)
	if err != nil {
		return v, err
	}
	names := map[string]string{}
	for _, group := range groups {
		names[group.ID] = group.Name
		if slices.Contains(group.Cameras, camera.ID) {
			v.Groups = append(v.Groups, group)
		}
	}
	shares, err := s.Accounts.SharesOf(ctx, user.ID, camera.ID)
	if err != nil {
		return v, err
	}
	for _, share := range shares {
		v.Shares = append(v.Shares, s.shareView(share, names))
	}
	v.Guests, err = s.Accounts.GuestLinks(ctx, user.ID, camera.ID)
	return v, err
}

func (s *server) shareView(share store.Share, groups map[string]string) shareView {
	v := shareView{Share: share, State: "waiting", Terms: termsText(share.Terms)}
	if share.GroupID != nil {
		v.Group = groups[*share.GroupID]
	}
	switch now := s.Now(); {
	case share.ExpiresAt != nil && !share.ExpiresAt.After(now), !share.Accepted() && !share.InviteUntil.After(now):
		v.State = "over"
	case share.Accepted():
		v.State = "accepted"
	}
	return v
}

// termsText says what a share allows.
func termsText(t store.Terms) string {
	text := "Watches at any time"
	if len(t.Hours) > 0 {
		text = "Watches " + hoursText(t.Hours) + " (" + t.Zone + ")"
	}
	if t.Talk {
		text += ", may talk"
	}
	if t.ExpiresAt != nil {
		text += ", until " + t.ExpiresAt.UTC().Format("2 January 2006, 15:04 UTC")
	}
	return text
}

func (s *server) sharing(c echo.Context, user *store.User, camera *store.Camera) error {
	v, err := s.sharingView(c, user, camera)
	if err != nil {
		return err
	}
	return s.renderSharing(c, http.StatusOK, user, v)
}

func (s *server) renderSharing(c echo.Context, status int, user *store.User, v sharingView) error {
	return s.render(c, status, "sharing", view{
		Title: "Sharing " + cameraName(*v.Camera), User: user, Script: "sharing.js", Data: v,
	})
}

// createShare answers with the page and not with a redirect: an invitation's link is stored nowhere.
func (s *server) createShare(c echo.Context, user *store.User, camera *store.Camera) error {
	values, err := form(c)
	if err != nil {
		return err
	}
	asked := account.ShareForm{
		Username: values.Get(account.FieldUsername), Note: values.Get(account.FieldNote), GroupID: values.Get(fieldGroup), Terms: s.termsOf(values),
	}
	share, secret, err := s.offerShare(c, user, camera, asked)
	wrong, err := fieldErrors(err)
	if err != nil {
		return err
	}
	v, err := s.sharingView(c, user, camera)
	if err != nil {
		return err
	}
	if wrong != nil {
		v.Form = newForm(values, account.FieldUsername, account.FieldNote, fieldGroup, fieldShareDays, fieldTalk, account.FieldZone)
		v.Form.Errors, v.Hours = renamed(wrong, account.FieldExpires, fieldShareDays), hoursRows(asked.Hours)
		return s.renderSharing(c, http.StatusUnprocessableEntity, user, v)
	}
	if secret == "" {
		v.Invited = share.Name
	} else {
		v.Link, v.LinkFor, v.LinkKind = s.linkTo("/invite", secret), share.Name, "invitation"
	}
	return s.renderSharing(c, http.StatusCreated, user, v)
}

// offerShare is the invitation itself, of the page and of the API.
func (s *server) offerShare(c echo.Context, user *store.User, camera *store.Camera, asked account.ShareForm) (*store.Share, string, error) {
	if err := s.throttle(c, s.limits.invite, strconv.FormatInt(user.ID, 10)); err != nil {
		return nil, "", err
	}
	return s.Accounts.Share(c.Request().Context(), user, camera.ID, asked)
}

// linkTo is an address whose secret is in its fragment, which browsers send to nobody.
func (s *server) linkTo(path, secret string) string { return origin(s.public) + path + "#" + secret }

// termsOf reads the terms of a share from a form.
func (s *server) termsOf(values url.Values) account.Terms {
	terms := account.Terms{Talk: values.Get(fieldTalk) != "", Hours: formHours(values), Zone: values.Get(account.FieldZone)}
	if days, err := strconv.Atoi(values.Get(fieldShareDays)); err == nil && days != 0 {
		end := s.Now().AddDate(0, 0, min(max(days, -1), 4000))
		terms.ExpiresAt = &end
	}
	return terms
}

// shareOf finds the share that the address names, of the camera that it names.
func (s *server) shareOf(c echo.Context, user *store.User, camera *store.Camera) (*store.Share, error) {
	shares, err := s.Accounts.SharesOf(c.Request().Context(), user.ID, camera.ID)
	if err != nil {
		return nil, err
	}
	for i := range shares {
		if shares[i].ID == c.Param("share") {
			return &shares[i], nil
		}
	}
	return nil, account.ErrNotFound
}

// shareEditView is the page on which a share's terms change.
type shareEditView struct {
	Camera *store.Camera
	Share  *store.Share
	Form   filledForm
	Hours  []hoursRow
	Days   []choice
}

func (s *server) sharePage(c echo.Context, user *store.User, camera *store.Camera) error {
	share, err := s.shareOf(c, user, camera)
	if err != nil {
		return err
	}
	values := url.Values{account.FieldZone: {share.Zone}}
	if share.Talk {
		values.Set(fieldTalk, "on")
	}
	if share.ExpiresAt != nil {
		values.Set(fieldShareDays, "keep")
	}
	return s.renderShare(c, http.StatusOK, user, shareEditView{
		camera, share, newForm(values, account.FieldZone, fieldTalk, fieldShareDays), hoursRows(share.Hours), shareDays,
	})
}

func (s *server) renderShare(c echo.Context, status int, user *store.User, v shareEditView) error {
	return s.render(c, status, "share", view{Title: "Share with " + v.Share.Name, User: user, Script: "sharing.js", Data: v})
}

func (s *server) changeShare(c echo.Context, user *store.User, camera *store.Camera) error {
	values, err := form(c)
	if err != nil {
		return err
	}
	share, err := s.shareOf(c, user, camera)
	if err != nil {
		return err
	}
	terms := s.termsOf(values)
	if values.Get(fieldShareDays) == "keep" {
		terms.ExpiresAt = share.ExpiresAt
	}
	wrong, err := fieldErrors(s.Accounts.ChangeShare(c.Request().Context(), user.ID, share.ID, terms))
	if err != nil {
		return err
	}
	if wrong != nil {
		f := newForm(values, account.FieldZone, fieldTalk, fieldShareDays)
		f.Errors = renamed(wrong, account.FieldExpires, fieldShareDays)
		return s.renderShare(c, http.StatusUnprocessableEntity, user, shareEditView{camera, share, f, hoursRows(terms.Hours), shareDays})
	}
	return seeOther(c, "/cameras/"+camera.ID+"/sharing?done=share-changed")
}

func (s *server) endShare(c echo.Context, user *store.User, camera *store.Camera) error {
	share, err := s.shareOf(c, user, camera)
	if err != nil {
		return err
	}
	if err := s.Accounts.EndShare(c.Request().Context(), user.ID, share.ID); err != nil {
		return err
	}
	return seeOther(c, "/cameras/"+camera.ID+"/sharing?done=share-ended")
}
