package web

import (
	"crypto/ecdh"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"seccam/pkg/signaling"
	"seccam/portal/account"
	"seccam/portal/store"
)

// snapshotBody asks for a picture. Key is the page's ephemeral ECDH P-256 key, an uncompressed point
// in base64.
type snapshotBody struct {
	Width int    `json:"width"` // pixels; 0 is the default
	Key   []byte `json:"key"`
}

func (b snapshotBody) check() error {
	wrong := account.FieldErrors{}
	if b.Width != 0 && (b.Width < signaling.SnapshotMinWidth || b.Width > signaling.SnapshotMaxWidth) {
		wrong["width"] = fmt.Sprintf("The width is from %d to %d pixels.", signaling.SnapshotMinWidth, signaling.SnapshotMaxWidth)
	}
	if _, err := ecdh.P256().NewPublicKey(b.Key); err != nil {
		wrong["key"] = "A picture is sealed for its asker: send an ECDH P-256 public key, an uncompressed point in base64."
	}
	if len(wrong) > 0 {
		return wrong
	}
	return nil
}

// apiSnapshot passes a picture from the camera to its owner, or to somebody with whom it is shared. It is sealed for the page: the portal
// can neither look at it nor keep it.
func (s *server) apiSnapshot(c echo.Context, user *store.User, access account.Access) error {
	camera := access.Camera
	body, err := decode[snapshotBody](c)
	if err != nil {
		return err
	}
	if err := body.check(); err != nil {
		return err
	}
	if presence := s.Presence.Of(camera.ID); presence.State == signaling.StatePrivate {
		return conflict("camera-private", "Privacy mode is on", presence.Text+".")
	}
	done, err := s.askCamera(c, user, camera, "There is a picture again when it is back.")
	if err != nil {
		return err
	}
	defer done()
	sealed, err := s.Cameras.Snapshot(c.Request().Context(), camera.ID, signaling.SnapshotRequest{Width: body.Width, Key: body.Key})
	if err != nil {
		return cameraProblem(err, "The camera did not answer in time: it may be busy, or its connection slow. Try again.")
	}
	if err := s.answerFor(c, user, camera); err != nil {
		return err
	}
	return c.Blob(http.StatusOK, echo.MIMEOctetStream, sealed)
}
