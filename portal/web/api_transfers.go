package web

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"seccam/portal/account"
	"seccam/portal/store"
)

// transferBody is an offer of a camera: to its owner with whom it was made to, to that person with whose it is.
type transferBody struct {
	ID        string    `json:"id"`
	CameraID  string    `json:"camera_id"`
	To        string    `json:"to,omitempty"`
	From      string    `json:"from,omitempty"`
	ExpiresAt time.Time `json:"expires_at"`
}

func (s *server) apiTransfer(c echo.Context, user *store.User, camera *store.Camera) error {
	offer, err := s.Accounts.TransferOf(c.Request().Context(), user.ID, camera.ID)
	if err == nil && offer == nil {
		err = account.ErrNotFound
	}
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, transferBody{ID: offer.ID, CameraID: offer.CameraID, To: offer.ToName, ExpiresAt: offer.ExpiresAt.UTC()})
}

// offerBody is what a program sends to offer a camera.
type offerBody struct {
	Username string `json:"username"`
}

func (s *server) apiOfferCamera(c echo.Context, user *store.User, camera *store.Camera) error {
	body, err := decode[offerBody](c)
	if err != nil {
		return err
	}
	if _, err := s.offer(c, user, camera, body.Username); err != nil {
		return err
	}
	return s.apiTransfer(c, user, camera)
}

func (s *server) apiWithdrawTransfer(c echo.Context, user *store.User, camera *store.Camera) error {
	return noContent(c, s.Accounts.WithdrawTransfer(c.Request().Context(), user.ID, camera.ID))
}

func (s *server) apiOffers(c echo.Context, user *store.User) error {
	offers, err := s.Accounts.Offers(c.Request().Context(), user.ID)
	if err != nil {
		return err
	}
	bodies := make([]transferBody, len(offers))
	for i, offer := range offers {
		bodies[i] = transferBody{ID: offer.ID, CameraID: offer.CameraID, From: offer.From, ExpiresAt: offer.ExpiresAt.UTC()}
	}
	return c.JSON(http.StatusOK, map[string]any{"transfers": bodies})
}

func (s *server) apiAcceptTransfer(c echo.Context, user *store.User) error {
	id, err := s.takeOver(c, user)
	if err != nil {
		return err
	}
	camera, err := s.Accounts.Camera(c.Request().Context(), user.ID, id)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, s.cameraBody(camera))
}

func (s *server) apiDeclineTransfer(c echo.Context, user *store.User) error {
	return noContent(c, s.Accounts.DeclineTransfer(c.Request().Context(), user.ID, c.Param("transfer")))
}
