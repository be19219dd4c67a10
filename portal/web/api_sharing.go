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

func noContent(c echo.Context, err error) error {
	if err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
