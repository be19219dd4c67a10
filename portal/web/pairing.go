package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"seccam/portal/account"
	"seccam/portal/store"
)

// pairingPage only carries the page: what is done on it is between the browser and the camera. No handler
// takes anything of it, and none is to be added: what the portal can do, who controls it can do.
//
// Whoever may watch may open it, since it is the camera that decides: a household's other members pair their
// devices by it, too.
func (s *server) pairingPage(c echo.Context, user *store.User, access account.Access) error {
	camera := access.Camera
	return s.render(c, http.StatusOK, "pairing", view{
		Title: "Paired devices of " + cameraName(*camera), User: user, Script: "pairing.js",
		Data: cameraView{Camera: camera, Presence: s.Presence.Of(camera.ID), Access: access},
	})
}
