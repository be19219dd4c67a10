package account

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"seccam/pkg/signaling"
	"seccam/portal/store"
)

// Limits of guest links.
const (
	MaxGuestLinks = 20                  // of one camera
	MaxGuestTime  = 30 * 24 * time.Hour // how long one may hold
	VisitFor      = 12 * time.Hour      // how long a browser may watch before it has to open the link again
	maxVisits     = 100                 // that a link remembers
	maxDevice     = 256                 // bytes of what a browser says it is
)

// ErrLinkEnded means that a guest link does not hold: it ended, or never was one.
var ErrLinkEnded = errors.New("this link does not work any more: its time is over, or the camera's owner ended it; ask them for a new one")

// GuestLinkForm is what an owner says of a new guest link.
type GuestLinkForm struct {
	Name      string     `json:"name"`
	ExpiresAt *time.Time `json:"expires_at"`
}

// CreateGuestLink lets whoever has the link watch one of the user's cameras, without an account. The secret is
// returned only here. Failures are FieldErrors or ErrNotFound.
func (s *Service) CreateGuestLink(ctx context.Context, userID int64, cameraID string, form GuestLinkForm) (*store.GuestLink, string, error) {
	wrong := FieldErrors{}
	name := wrong.checkLabel(FieldName, form.Name, "Say who it is for, so that you recognise it later.")
	if e := form.ExpiresAt; e == nil || !e.After(s.now()) || e.After(s.now().Add(MaxGuestTime)) {
		wrong[FieldExpires] = "Say when it ends: in the future, at most 30 days away."
	}
	if err := wrong.err(); err != nil {
		return nil, "", err
	}
	secret := guestSecret.create()
	hash, _ := guestSecret.hash(secret)
	link := &store.GuestLink{ID: newID(), CameraID: cameraID, OwnerID: userID, Name: name, Hash: hash, ExpiresAt: form.ExpiresAt.UTC()}
	err := s.store.AddGuestLink(ctx, link, MaxGuestLinks)
	if errors.Is(err, store.ErrTooMany) {
		return nil, "", FieldErrors{FieldName: fmt.Sprintf("A camera has at most %d of these. End one that is not used any more.", MaxGuestLinks)}
	}
	if err != nil {
		return nil, "", err
	}
	s.Record(ctx, userID, cameraID, AuditGuestLink, name)
	s.log.Info("guest link created", "user", userID, "camera", cameraID, "link", link.ID)
	return link, secret, nil
}

// GuestLinks lists the guest links of one of the user's cameras and who used them, expired ones included.
func (s *Service) GuestLinks(ctx context.Context, userID int64, cameraID string) ([]store.GuestLink, error) {
	return s.store.GuestLinks(ctx, userID, cameraID)
}

// EndGuestLink ends a guest link and cuts everyone who watches by it.
func (s *Service) EndGuestLink(ctx context.Context, userID int64, cameraID, linkID string) error {
	if err := s.store.EndGuestLink(ctx, userID, cameraID, linkID); err != nil {
		return err
	}
	s.revoker.Look()
	s.Record(ctx, userID, cameraID, AuditGuestLinkEnded, "")
	s.log.Info("guest link ended", "user", userID, "camera", cameraID, "link", linkID)
	return nil
}

// Guest is a browser that watches by a guest link.
type Guest struct {
	Visit *store.GuestVisit
	Link  *store.GuestLink
	Access
}

// Name tells guests apart from people, and from each other.
func (g *Guest) Name() string { return "guest-" + strconv.FormatInt(g.Visit.ID, 10) }

// Enter takes a guest link for a browser's own secret, which is good for a shorter time and for that browser
// alone. It is ErrLinkEnded for whatever does not hold.
func (s *Service) Enter(ctx context.Context, secret, address, device string) (*Guest, string, error) {
	hash, ok := guestSecret.hash(secret)
	if !ok {
		return nil, "", ErrLinkEnded
	}
	link, err := s.store.GuestLinkByHash(ctx, hash)
	if errors.Is(err, ErrNotFound) {
		return nil, "", ErrLinkEnded
	}
	if err != nil {
		return nil, "", err
	}
	own := visitSecret.create()
	visit := &store.GuestVisit{LinkID: link.ID, Address: address, Device: clip(device, maxDevice)}
	visit.Hash, _ = visitSecret.hash(own)
	visit.ExpiresAt = s.now().Add(VisitFor).UTC()
	if visit.ExpiresAt.After(link.ExpiresAt) {
		visit.ExpiresAt = link.ExpiresAt
	}
	err = s.store.AddGuestVisit(ctx, visit, maxVisits)
	if errors.Is(err, ErrNotFound) {
		return nil, "", ErrLinkEnded
	}
	if err != nil {
		return nil, "", err
	}
	s.append(ctx, Actor{ActorGuest, link.Name, Client{address, device}}, store.AuditEntry{UserID: link.OwnerID, CameraID: link.CameraID, Kind: AuditGuestEntered})
	s.log.Info("guest link opened", "camera", link.CameraID, "link", link.ID, "visit", visit.ID, "address", address)
	guest, err := s.guest(ctx, visit, link)
	return guest, own, err
}

// Guest finds the browser with this secret, if its link holds; else it is ErrLinkEnded.
func (s *Service) Guest(ctx context.Context, secret string) (*Guest, error) {
	hash, ok := visitSecret.hash(secret)
	if !ok {
		return nil, ErrLinkEnded
	}
	visit, link, err := s.store.GuestByHash(ctx, hash)
	if errors.Is(err, ErrNotFound) {
		return nil, ErrLinkEnded
	}
	if err != nil {
		return nil, err
	}
	return s.guest(ctx, visit, link)
}

func (s *Service) guest(ctx context.Context, visit *store.GuestVisit, link *store.GuestLink) (*Guest, error) {
	camera, err := s.store.CameraByID(ctx, link.CameraID)
	if err != nil {
		return nil, err
	}
	return &Guest{Visit: visit, Link: link, Access: Access{
		Camera: camera, Role: signaling.RoleViewer, Grant: link.Subject(), Until: visit.ExpiresAt,
	}}, nil
}

// GuestUsed records that a guest opens the page again.
func (s *Service) GuestUsed(ctx context.Context, guest *Guest, address string) error {
	return s.store.TouchGuest(ctx, guest.Visit.ID, address)
}

// clip cuts text that others choose to so many bytes.
func clip(text string, most int) string {
	return strings.ToValidUTF8(text[:min(len(text), most)], "")
}
