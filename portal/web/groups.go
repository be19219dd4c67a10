package web

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/labstack/echo/v4"

	"seccam/portal/account"
	"seccam/portal/store"
)

// groupsView is the page of the groups, or of one.
type groupsView struct {
	Groups  []store.Group
	Group   *store.Group // nil on the page of all
	Cameras []groupBox
	Names   map[string]string // of the cameras
	Form    filledForm
}

// groupBox is a camera that may be in a group.
type groupBox struct {
	ID, Name string
	On       bool
}

// groupsView collects what both pages show; on says which cameras are ticked.
func (s *server) groupsView(c echo.Context, user *store.User, on []string, f filledForm) (groupsView, error) {
	ctx := c.Request().Context()
	v := groupsView{Form: f, Names: map[string]string{}}
	cameras, err := s.Accounts.Cameras(ctx, user.ID)
	if err != nil {
		return v, err
	}
	for _, camera := range cameras {
		v.Names[camera.ID] = cameraName(camera)
		v.Cameras = append(v.Cameras, groupBox{camera.ID, cameraName(camera), slices.Contains(on, camera.ID)})
	}
	v.Groups, err = s.Accounts.Groups(ctx, user.ID)
	return v, err
}

func (s *server) groups(c echo.Context, user *store.User) error {
	return s.renderGroups(c, http.StatusOK, user, nil, newForm(nil))
}

func (s *server) renderGroups(c echo.Context, status int, user *store.User, on []string, f filledForm) error {
	v, err := s.groupsView(c, user, on, f)
	if err != nil {
		return err
	}
	return s.render(c, status, "groups", view{Title: "Groups of cameras", User: user, Data: v})
}

// groupForm reads a group from a form.
func groupForm(c echo.Context) (account.GroupForm, url.Values, error) {
	values, err := form(c)
	return account.GroupForm{Name: values.Get(account.FieldName), Cameras: values[account.FieldCameras]}, values, err
}

func (s *server) createGroup(c echo.Context, user *store.User) error {
	asked, values, err := groupForm(c)
	if err != nil {
		return err
	}
	_, err = s.Accounts.CreateGroup(c.Request().Context(), user.ID, asked)
	wrong, err := fieldErrors(err)
	if err != nil {
		return err
	}
	if wrong != nil {
		f := newForm(values, account.FieldName)
		f.Errors = wrong
		return s.renderGroups(c, http.StatusUnprocessableEntity, user, asked.Cameras, f)
	}
	return seeOther(c, "/groups?done=group-saved")
}

func (s *server) groupPage(c echo.Context, user *store.User) error {
	group, err := s.Accounts.Group(c.Request().Context(), user.ID, c.Param("group"))
	if err != nil {
		return err
	}
	return s.renderGroup(c, http.StatusOK, user, group, group.Cameras, newForm(url.Values{account.FieldName: {group.Name}}, account.FieldName))
}

func (s *server) renderGroup(c echo.Context, status int, user *store.User, group *store.Group, on []string, f filledForm) error {
	v, err := s.groupsView(c, user, on, f)
	if err != nil {
		return err
	}
	v.Group = group
	return s.render(c, status, "groups", view{Title: "The group " + group.Name, User: user, Data: v})
}

func (s *server) changeGroup(c echo.Context, user *store.User) error {
	asked, values, err := groupForm(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	group, err := s.Accounts.Group(ctx, user.ID, c.Param("group"))
	if err != nil {
		return err
	}
	wrong, err := fieldErrors(s.Accounts.ChangeGroup(ctx, user.ID, group.ID, asked))
	if err != nil {
		return err
	}
	if wrong != nil {
		f := newForm(values, account.FieldName)
		f.Errors = wrong
		return s.renderGroup(c, http.StatusUnprocessableEntity, user, group, asked.Cameras, f)
	}
	return seeOther(c, "/groups?done=group-saved")
}

func (s *server) deleteGroup(c echo.Context, user *store.User) error {
	if err := s.Accounts.DeleteGroup(c.Request().Context(), user.ID, c.Param("group")); err != nil {
		return err
	}
	return seeOther(c, "/groups?done=group-deleted")
}
