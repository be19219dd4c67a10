package web

import (
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"seccam/pkg/signaling"
	"seccam/portal/account"
	"seccam/portal/store"
)

// setupView is the page of an unfinished sign-up.
type setupView struct {
	CameraID string
	Presence signaling.Presence
	Seen     bool
	Since    int64     // when the sign-up began, Unix milliseconds; seen since then counts
	Until    time.Time // when it expires
	Left     time.Duration
	LeftText string // minutes and seconds
	NotSeen  bool   // Next was pressed too early
	Portal   string // the portal's address, for the camera's configuration
}

func (s *server) setupPage(c echo.Context, user *store.User) error {
	return s.renderSetup(c, http.StatusOK, user, false)
}

func (s *server) renderSetup(c echo.Context, status int, user *store.User, notSeen bool) error {
	cameras, err := s.Accounts.Cameras(c.Request().Context(), user.ID)
	if err != nil {
		return err
	}
	if len(cameras) == 0 {
		return account.ErrExpired
	}
	v := setupView{
		CameraID: cameras[0].ID, Presence: s.Presence.Of(cameras[0].ID), NotSeen: notSeen,
		Since: user.CreatedAt.UnixMilli(), Until: *user.PendingUntil, Portal: origin(s.public),
	}
	v.Seen = v.Presence.Online || v.Presence.LastSeen >= v.Since
	v.Left = user.PendingUntil.Sub(s.Now())
	v.LeftText = minutesAndSeconds(v.Left)
	return s.render(c, status, "setup", view{Title: "Connect your camera", User: user, Script: "setup.js", Data: v})
}

// minutesAndSeconds formats a time left as m:ss.
func minutesAndSeconds(left time.Duration) string {
	return time.Time{}.Add(max(left, 0)).Format("4:05")
}

func (s *server) confirmSetup(c echo.Context, user *store.User) error {
	err := s.Accounts.Confirm(c.Request().Context(), user.ID)
	if errors.Is(err, account.ErrNotSeen) {
		return s.renderSetup(c, http.StatusConflict, user, true)
	}
	if err != nil {
		return err
	}
	return seeOther(c, "/home?done=signed-up")
}

func (s *server) cancelSetup(c echo.Context, user *store.User) error {
	if err := s.Accounts.Cancel(c.Request().Context(), user.ID); err != nil {
		return err
	}
	if err := s.endLogin(c); err != nil {
		return err
	}
	return seeOther(c, "/login?done=cancelled")
}
