package web

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"seccam/pkg/signaling"
	"seccam/portal/account"
	"seccam/portal/store"
)

// card is a camera as home shows it.
type card struct {
	Camera   store.Camera
	Presence signaling.Presence
}

type homeView struct {
	Cards   []card
	Notices []ownerNotice
}

// ownerNotice is something the owner should know, in words.
type ownerNotice struct {
	store.Notice
	Camera string // its name
}

func (s *server) home(c echo.Context, user *store.User) error {
	ctx := c.Request().Context()
	cameras, err := s.Accounts.Cameras(ctx, user.ID)
	if err != nil {
		return err
	}
	stored, err := s.Accounts.Notices(ctx, user.ID)
	if err != nil {
		return err
	}
	var v homeView
	names := map[string]string{}
	for _, camera := range cameras {
		v.Cards = append(v.Cards, card{camera, s.Presence.Of(camera.ID)})
		names[camera.ID] = cameraName(camera)
	}
	for _, notice := range stored {
		v.Notices = append(v.Notices, ownerNotice{notice, names[notice.CameraID]})
	}
	return s.render(c, http.StatusOK, "home", view{Title: "Your cameras", User: user, Script: "home.js", Data: v})
}

func (s *server) dismissNotice(c echo.Context, user *store.User) error {
	id, err := strconv.ParseInt(c.Param("notice"), 10, 64)
	if err != nil {
		return account.ErrNotFound
	}
	if err := s.Accounts.DismissNotice(c.Request().Context(), user.ID, id); err != nil {
		return err
	}
	return seeOther(c, "/home")
}
