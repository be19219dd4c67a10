package web

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"seccam/pkg/signaling"
	"seccam/portal/account"
	"seccam/portal/store"
)

// privacySettings is what a page or program sets. On is required: absent is not off.
type privacySettings struct {
	On       *bool                   `json:"on"`
	Schedule []signaling.PrivacySpan `json:"schedule"`
	Zone     string                  `json:"zone"`
}

func (p privacySettings) settings() (signaling.PrivacySettings, error) {
	settings := signaling.PrivacySettings{Schedule: p.Schedule, Zone: p.Zone}
	wrong := account.FieldErrors(settings.Problems())
	if p.On == nil {
		wrong["on"] = "Say whether privacy mode is on now: true or false."
	} else {
		settings.On = *p.On
	}
	if len(wrong) > 0 {
		return settings, wrong
	}
	return settings, nil
}

// privacyBody is the state of a camera's privacy mode.
type privacyBody struct {
	Settings signaling.PrivacySettings `json:"settings"`
	Active   bool                      `json:"active"`
	Until    *time.Time                `json:"until,omitempty"` // when Active changes by itself
	Text     string                    `json:"text"`
}

func newPrivacyBody(reply signaling.PrivacyReply) privacyBody {
	body := privacyBody{Settings: reply.Settings, Active: reply.Active, Text: reply.Text}
	if reply.Until != 0 {
		until := time.UnixMilli(reply.Until).UTC()
		body.Until = &until
	}
	return body
}

// apiPrivacy asks the camera: the settings are kept there and nowhere else.
func (s *server) apiPrivacy(c echo.Context, user *store.User, camera *store.Camera) error {
	done, err := s.askCamera(c, user, camera, "Its privacy settings are kept in the camera and can be seen when it is back.")
	if err != nil {
		return err
	}
	defer done()
	reply, err := s.Cameras.Privacy(c.Request().Context(), camera.ID, nil)
	if err != nil {
		return cameraProblem(err, "The camera did not answer in time. Its privacy settings are kept there: try again in a moment.")
	}
	if err := s.answerFor(c, user, camera); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, newPrivacyBody(reply))
}

func (s *server) apiSetPrivacy(c echo.Context, user *store.User, camera *store.Camera) error {
	body, err := decode[privacySettings](c)
	if err != nil {
		return err
	}
	settings, err := body.settings()
	if err != nil {
		return err
	}
	done, err := s.askCamera(c, user, camera, "Nothing was changed. Bring the camera online, then save again.")
	if err != nil {
		return err
	}
	defer done()
	reply, err := s.Cameras.Privacy(c.Request().Context(), camera.ID, &settings)
	log := s.Log.With("user", user.ID, "camera", camera.ID, "on", settings.On, "spans", len(settings.Schedule))
	if err != nil {
		log.Warn("privacy mode not changed, or not known to be", "error", err)
		return cameraProblem(err, "The camera did not answer in time: the change may or may not have been made. Look again in a moment.")
	}
	s.Accounts.Record(c.Request().Context(), user.ID, camera.ID, account.AuditPrivacy, privacyChange(settings))
	log.Info("privacy mode changed", "active", reply.Active)
	return c.JSON(http.StatusOK, newPrivacyBody(reply))
}

// privacyChange is what was set, for the log: when people are at home is not.
func privacyChange(settings signaling.PrivacySettings) string {
	switch {
	case settings.On:
		return "on"
	case len(settings.Schedule) > 0:
		return "by schedule"
	}
	return "off"
}

// forgetTimeout bounds how long a release waits for the camera.
const forgetTimeout = 3 * time.Second

// forgetPrivacy has a released camera forget its schedule: when people are at home is nothing for the
// next owner. A camera that is offline keeps it until somebody sets another.
func (s *server) forgetPrivacy(ctx context.Context, cameraID string) {
	if !s.Presence.Of(cameraID).Online {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, forgetTimeout)
	defer cancel()
	if _, err := s.Cameras.Privacy(ctx, cameraID, &signaling.PrivacySettings{}); err != nil {
		s.Log.Warn("a released camera may have kept its privacy settings", "camera", cameraID, "error", err)
	}
}
