package web

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"seccam/pkg/signaling"
	"seccam/portal/account"
	"seccam/portal/store"
)

// termsBody is what a share allows, as the API shows it.
type termsBody struct {
	Talk      bool                    `json:"talk"`
	Hours     []signaling.PrivacySpan `json:"hours"`
	Zone      string                  `json:"zone"`
	ExpiresAt *time.Time              `json:"expires_at,omitempty"`
}

func newTermsBody(t store.Terms) termsBody {
	if t.Hours == nil {
		t.Hours = []signaling.PrivacySpan{}
	}
	return termsBody(t)
}

// shareBody is a share as the API shows it to the camera's owner. Link comes when it is created, and never
// again.
type shareBody struct {
	ID          string     `json:"id"`
	Name        string     `json:"name"`
	ByLink      bool       `json:"by_link"`
	GroupID     string     `json:"group_id,omitempty"`
	State       string     `json:"state"`
	CreatedAt   time.Time  `json:"created_at"`
	AcceptedAt  *time.Time `json:"accepted_at,omitempty"`
	InviteUntil time.Time  `json:"invite_until"`
	termsBody
	Link string `json:"link,omitempty"`
}

func (s *server) shareBody(share *store.Share) shareBody {
	body := shareBody{
		ID: share.ID, Name: share.Name, ByLink: share.ByLink, State: s.shareView(*share, nil).State,
		CreatedAt: share.CreatedAt.UTC(), AcceptedAt: share.AcceptedAt, InviteUntil: share.InviteUntil.UTC(), termsBody: newTermsBody(share.Terms),
	}
	if share.GroupID != nil {
		body.GroupID = *share.GroupID
	}
	return body
}

func (s *server) apiShares(c echo.Context, user *store.User, camera *store.Camera) error {
	shares, err := s.Accounts.SharesOf(c.Request().Context(), user.ID, camera.ID)
	if err != nil {
		return err
	}
	bodies := make([]shareBody, len(shares))
	for i := range shares {
		bodies[i] = s.shareBody(&shares[i])
	}
	return c.JSON(http.StatusOK, map[string]any{"shares": bodies})
}

func (s *server) apiCreateShare(c echo.Context, user *store.User, camera *store.Camera) error {
	asked, err := decode[account.ShareForm](c)
	if err != nil {
		return err
	}
	share, secret, err := s.offerShare(c, user, camera, asked)
	if err != nil {
		return err
	}
	body := s.shareBody(share)
	if secret != "" {
		body.Link = s.linkTo("/invite", secret)
	}
	c.Response().Header().Set("Location", apiPrefix+"/cameras/"+camera.ID+"/shares/"+share.ID)
	return c.JSON(http.StatusCreated, body)
}

func (s *server) apiShare(c echo.Context, user *store.User, camera *store.Camera) error {
	share, err := s.shareOf(c, user, camera)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, s.shareBody(share))
}

func (s *server) apiChangeShare(c echo.Context, user *store.User, camera *store.Camera) error {
	terms, err := decode[account.Terms](c)
	if err != nil {
		return err
	}
	share, err := s.shareOf(c, user, camera)
	if err != nil {
		return err
	}
	if err := s.Accounts.ChangeShare(c.Request().Context(), user.ID, share.ID, terms); err != nil {
		return err
	}
	return s.apiShare(c, user, camera)
}

func (s *server) apiEndShare(c echo.Context, user *store.User, camera *store.Camera) error {
	share, err := s.shareOf(c, user, camera)
	if err != nil {
		return err
	}
	if err := s.Accounts.EndShare(c.Request().Context(), user.ID, share.ID); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// invitationBody is what others offer to share, as the API shows it to whom they ask.
type invitationBody struct {
	ID          string    `json:"id"`
	Owner       string    `json:"owner"`
	What        string    `json:"what"`
	Group       bool      `json:"group"`
	InviteUntil time.Time `json:"invite_until"`
	termsBody
}

func (s *server) apiInvitations(c echo.Context, user *store.User) error {
	list, err := s.Accounts.Invitations(c.Request().Context(), user.ID)
	if err != nil {
		return err
	}
	bodies := make([]invitationBody, len(list))
	for i, one := range list {
		bodies[i] = invitationBody{one.ID, one.Owner, invited(one), one.GroupID != nil, one.InviteUntil.UTC(), newTermsBody(one.Terms)}
	}
	return c.JSON(http.StatusOK, map[string]any{"invitations": bodies})
}

func (s *server) apiAcceptShare(c echo.Context, user *store.User) error {
	return noContent(c, s.Accounts.AcceptShare(c.Request().Context(), user.ID, c.Param("share")))
}

func (s *server) apiDeclineShare(c echo.Context, user *store.User) error {
	return noContent(c, s.Accounts.DeclineShare(c.Request().Context(), user.ID, c.Param("share")))
}

func (s *server) apiLeaveShare(c echo.Context, user *store.User) error {
	return noContent(c, s.Accounts.LeaveShare(c.Request().Context(), user.ID, c.Param("share")))
}

// secretBody is an invitation's link without its address.
type secretBody struct {
	Secret string `json:"secret"`
}

func (s *server) apiAcceptLink(c echo.Context, user *store.User) error {
	body, err := decode[secretBody](c)
	if err != nil {
		return err
	}
	if err := s.Accounts.AcceptLink(c.Request().Context(), user.ID, body.Secret); err != nil {
		return s.inviteProblem(c, err)
	}
	return c.NoContent(http.StatusNoContent)
}

func noContent(c echo.Context, err error) error {
	if err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
