package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"seccam/portal/account"
	"seccam/portal/store"
)

// groupBody is a group of cameras as the API shows it.
type groupBody struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Cameras []string `json:"cameras"`
}

func newGroupBody(group *store.Group) groupBody {
	body := groupBody{group.ID, group.Name, group.Cameras}
	if body.Cameras == nil {
		body.Cameras = []string{}
	}
	return body
}

func (s *server) apiGroups(c echo.Context, user *store.User) error {
	groups, err := s.Accounts.Groups(c.Request().Context(), user.ID)
	if err != nil {
		return err
	}
	bodies := make([]groupBody, len(groups))
	for i := range groups {
		bodies[i] = newGroupBody(&groups[i])
	}
	return c.JSON(http.StatusOK, map[string]any{"groups": bodies})
}

func (s *server) apiCreateGroup(c echo.Context, user *store.User) error {
	asked, err := decode[account.GroupForm](c)
	if err != nil {
		return err
	}
	group, err := s.Accounts.CreateGroup(c.Request().Context(), user.ID, asked)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, newGroupBody(group))
}

func (s *server) apiChangeGroup(c echo.Context, user *store.User) error {
	asked, err := decode[account.GroupForm](c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	if err := s.Accounts.ChangeGroup(ctx, user.ID, c.Param("group"), asked); err != nil {
		return err
	}
	group, err := s.Accounts.Group(ctx, user.ID, c.Param("group"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, newGroupBody(group))
}

func (s *server) apiDeleteGroup(c echo.Context, user *store.User) error {
	return noContent(c, s.Accounts.DeleteGroup(c.Request().Context(), user.ID, c.Param("group")))
}
