package web

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"seccam/portal/account"
	"seccam/portal/store"
)

// guestLinkBody is a guest link as the API shows it to the camera's owner.
type guestLinkBody struct {
	ID        string      `json:"id"`
	Name      string      `json:"name"`
	CreatedAt time.Time   `json:"created_at"`
	ExpiresAt time.Time   `json:"expires_at"`
	Visits    []visitBody `json:"visits"`
	Link      string      `json:"link,omitempty"` // when it is created, and never again
}

type visitBody struct {
	Address     string    `json:"address"`
	Device      string    `json:"device"`
	FirstUsedAt time.Time `json:"first_used_at"`
	LastUsedAt  time.Time `json:"last_used_at"`
	Count       int       `json:"count"`
}

func newGuestLinkBody(link *store.GuestLink) guestLinkBody {
	body := guestLinkBody{ID: link.ID, Name: link.Name, CreatedAt: link.CreatedAt.UTC(), ExpiresAt: link.ExpiresAt.UTC(), Visits: []visitBody{}}
	for _, v := range link.Visits {
		body.Visits = append(body.Visits, visitBody{v.Address, v.Device, v.FirstUsedAt.UTC(), v.LastUsedAt.UTC(), v.Count})
	}
	return body
}

func (s *server) apiGuestLinks(c echo.Context, user *store.User, camera *store.Camera) error {
	links, err := s.Accounts.GuestLinks(c.Request().Context(), user.ID, camera.ID)
	if err != nil {
		return err
	}
	bodies := make([]guestLinkBody, len(links))
	for i := range links {
		bodies[i] = newGuestLinkBody(&links[i])
	}
	return c.JSON(http.StatusOK, map[string]any{"guests": bodies})
}

func (s *server) apiCreateGuestLink(c echo.Context, user *store.User, camera *store.Camera) error {
	asked, err := decode[account.GuestLinkForm](c)
	if err != nil {
		return err
	}
	link, secret, err := s.Accounts.CreateGuestLink(c.Request().Context(), user.ID, camera.ID, asked)
	if err != nil {
		return err
	}
	body := newGuestLinkBody(link)
	body.Link = s.linkTo("/guest", secret)
	c.Response().Header().Set("Location", apiPrefix+"/cameras/"+camera.ID+"/guests/"+link.ID)
	return c.JSON(http.StatusCreated, body)
}

func (s *server) apiEndGuestLink(c echo.Context, user *store.User, camera *store.Camera) error {
	if err := s.Accounts.EndGuestLink(c.Request().Context(), user.ID, camera.ID, c.Param("guest")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
