package web

import (
	"context"
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
	Cards       []card
	Shared      []sharedCard
	Invitations []askedView
	Offers      []store.Offered
	Notices     []ownerNotice
}

// sharedCard is a camera that somebody shares with the person.
type sharedCard struct {
	account.Shared
	Presence signaling.Presence
}

// askedView is an invitation with what it allows in words.
type askedView struct {
	store.Invitation
	Allows string
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
	if err := s.addOthers(ctx, user, &v); err != nil {
		return err
	}
	return s.render(c, http.StatusOK, "home", view{Title: "Your cameras", User: user, Script: "home.js", Data: v})
}

// addOthers adds what other people share with, or offer to, the person.
func (s *server) addOthers(ctx context.Context, user *store.User, v *homeView) error {
	shared, err := s.Accounts.SharedCameras(ctx, user.ID)
	if err != nil {
		return err
	}
	for _, one := range shared {
		v.Shared = append(v.Shared, sharedCard{one, s.Presence.Of(one.Camera.ID)})
	}
	invitations, err := s.Accounts.Invitations(ctx, user.ID)
	if err != nil {
		return err
	}
	for _, one := range invitations {
		v.Invitations = append(v.Invitations, askedView{one, termsText(one.Terms)})
	}
	v.Offers, err = s.Accounts.Offers(ctx, user.ID)
	return err
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
