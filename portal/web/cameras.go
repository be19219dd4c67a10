package web

import (
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"seccam/pkg/signaling"
	"seccam/portal/account"
	"seccam/portal/store"
)

// cameraView is a page about one camera.
type cameraView struct {
	Camera   *store.Camera
	Presence signaling.Presence
	Access   account.Access
	Guest    bool // watched without an account
	Form     filledForm
	Tokens   tokensView
	Code     string // the new claim code, right after a release
	Portal   string
}

func (s *server) claimPage(c echo.Context, user *store.User) error {
	return s.renderClaim(c, http.StatusOK, user, newForm(nil))
}

func (s *server) renderClaim(c echo.Context, status int, user *store.User, f filledForm) error {
	return s.render(c, status, "claim", view{Title: "Add a camera", User: user, Script: "claim.js", Data: f})
}

func (s *server) claim(c echo.Context, user *store.User) error {
	values, err := form(c)
	if err != nil {
		return err
	}
	if err := s.throttleClaim(c, user.ID); err != nil {
		return err
	}
	_, err = s.Accounts.Claim(c.Request().Context(), user.ID, account.ClaimForm{
		CameraID: values.Get(account.FieldCamera), ClaimCode: values.Get(account.FieldCode), Name: values.Get(account.FieldName),
		Fingerprint: values.Get(account.FieldFingerprint),
	})
	if err != nil {
		f, status, ok := newForm(values, account.FieldCamera, account.FieldCode, account.FieldName, account.FieldFingerprint).withError(err)
		if !ok {
			return err
		}
		return s.renderClaim(c, status, user, f)
	}
	return seeOther(c, "/home?done=claimed")
}

// watchModules is everything that watch.js imports before there is a picture; a test compares.
var watchModules = []string{
	"signal.js", "viewer.js", "machine.js", "link.js", "stages.js", "known.js", "own.js", "peer.js", "control.js", "fingerprint.js", "refusals.js", "timers.js",
	"progress.js", "readout.js", "controls.js", "snapshot.js", "figures.js", "presence.js", "time.js",
}

func (s *server) watch(c echo.Context, user *store.User, access account.Access) error {
	return s.renderWatch(c, user, access, false)
}

func (s *server) renderWatch(c echo.Context, user *store.User, access account.Access, guest bool) error {
	camera := access.Camera
	return s.render(c, http.StatusOK, "watch", view{
		Title: cameraName(*camera), User: user, Script: "watch.js", Modules: watchModules, Guest: guest,
		Data: cameraView{Camera: camera, Presence: s.Presence.Of(camera.ID), Access: access, Guest: guest},
	})
}

func (s *server) settings(c echo.Context, user *store.User, camera *store.Camera) error {
	tokens, err := s.tokensView(c, user, camera)
	if err != nil {
		return err
	}
	return s.renderSettings(c, http.StatusOK, user, camera, nameForm(camera), tokens)
}

func nameForm(camera *store.Camera) filledForm {
	return newForm(url.Values{account.FieldName: {camera.Name}}, account.FieldName)
}

func (s *server) renderSettings(c echo.Context, status int, user *store.User, camera *store.Camera, f filledForm, tokens tokensView) error {
	return s.render(c, status, "settings", view{
		Title: "Settings of " + cameraName(*camera), User: user, Script: "settings.js",
		Data: cameraView{Camera: camera, Presence: s.Presence.Of(camera.ID), Form: f, Tokens: tokens},
	})
}

func (s *server) rename(c echo.Context, user *store.User, camera *store.Camera) error {
	values, err := form(c)
	if err != nil {
		return err
	}
	err = s.Accounts.Rename(c.Request().Context(), user.ID, camera.ID, values.Get(account.FieldName))
	if err != nil {
		f, status, ok := newForm(values, account.FieldName).withError(err)
		if !ok {
			return err
		}
		tokens, err := s.tokensView(c, user, camera)
		if err != nil {
			return err
		}
		return s.renderSettings(c, status, user, camera, f, tokens)
	}
	return seeOther(c, "/cameras/"+camera.ID+"/settings?done=renamed")
}

func (s *server) releasePage(c echo.Context, user *store.User, camera *store.Camera) error {
	return s.render(c, http.StatusOK, "release", view{
		Title: "Release " + cameraName(*camera), User: user, Data: cameraView{Camera: camera},
	})
}

// release answers with a page and not with a redirect: the new code is stored nowhere.
func (s *server) release(c echo.Context, user *store.User, camera *store.Camera) error {
	code, err := s.Accounts.Release(c.Request().Context(), user.ID, camera.ID)
	if err != nil {
		return err
	}
	s.forgetPrivacy(c.Request().Context(), camera.ID)
	return s.render(c, http.StatusOK, "released", view{
		Title: cameraName(*camera) + " is released", User: user,
		Data: cameraView{Camera: camera, Code: code, Portal: origin(s.public)},
	})
}
